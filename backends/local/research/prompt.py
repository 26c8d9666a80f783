"""What a generator reads: the prompt's tokens, and which chunks fit. Its words are `pipeline.prompts`'.

Question and chunks are data. They are tokenised by a copy of the model's tokenizer that knows no control token, so that
`<|im_end|>` or `</s>` in a document is read as the characters it is made of. A prompt is shortened only by leaving out whole
chunks, lowest-ranked first.
"""

import json
from bisect import bisect_right
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

from backends.local.research.loading import require
from pipeline.errors import InputError, StageFailed, Unavailable
from pipeline.prompts import DEFAULT, PromptTemplate, write_context
from pipeline.types import Chunk

ANSWER_CUE = "\n\nAnswer:\n"
"""Ends the prompt of a causal model that has no chat template, which would else write more questions."""

PLACEHOLDER = "RaglassPromptGoesHere"
"""Stands for the prompt while the chat template is laid around it."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt that fits."""

    ids: list[int]
    """Token ids, the model's own control tokens included."""
    chunks: tuple[Chunk, ...]
    """The chunks in it, best first; none where the template leaves them out."""
    text: str
    """The words of `ids`: the chat template's, or the cue's, among them; of a model's own begin and end tokens only a template's."""


@dataclass(frozen=True, slots=True)
class LocatedPrompt:
    """A prompt of which every token knows its chunk."""

    ids: list[int]
    """Token ids, the model's own control tokens included."""
    owners: list[int]
    """For each token the index of its chunk, 0 the best, or -1: instruction, numbering, question, control tokens, chat template."""
    n_chunks: int
    """Chunks in the prompt; one of no characters owns no token."""
    texts: list[str]
    """For each token the characters that it stands for, white space included; empty for the chat template's and control tokens."""

    @property
    def chunk_places(self) -> list[int]:
        """Positions of the tokens that are a chunk's, in order."""
        return [place for place, owner in enumerate(self.owners) if owner >= 0]


class PromptTokenizer:
    """Turns questions and chunks into the token ids of one model's prompt."""

    def __init__(self, tokenizer: Any, *, causal: bool, template: PromptTemplate = DEFAULT) -> None:
        """tokenizer: a transformers tokenizer backed by `tokenizers`. template: the prompt's words.

        causal: the model goes on writing after its prompt. Its chat template, if it has one, is laid around the prompt as
        the user's message; else the prompt ends with ANSWER_CUE.
        Raises Unavailable for another kind of tokenizer, or a chat template that does not show the message once.
        """
        self.template = template
        self._data = without_control_tokens(tokenizer)
        self._around: tuple[list[int], list[int]] | None = None
        self._words_around = ("", "")
        self._cue = ""
        if causal and tokenizer.chat_template:
            self._words_around = _template_words(tokenizer)
            before, after = (tokenizer(words, add_special_tokens=False)["input_ids"] for words in self._words_around)
            self._around = before, after
        elif causal:
            self._cue = ANSWER_CUE

    def with_template(self, template: PromptTemplate) -> Self:
        """The same tokenizer for other words."""
        other = copy(self)
        other.template = template
        return other

    def encode(self, question: str, chunks: Sequence[Chunk]) -> list[int]:
        """The whole prompt's token ids, however long."""
        text = self.template.write(question, chunks).text
        if self._around is None:
            return self._ids(text + self._cue, add_special_tokens=True)
        before, after = self._around
        return [*before, *self._ids(text), *after]

    def locate(self, question: str, chunks: Sequence[Chunk]) -> LocatedPrompt:
        """The token ids of `encode`, and which token is whose.

        A token that holds any character of a chunk's title or text is the chunk's, even where it also holds a blank line after it.
        """
        written = self.template.write(question, chunks)
        before, after = self._around or ([], [])
        encoded = self._encode(written.text + self._cue, add_special_tokens=self._around is None)
        owners = [-1] * len(encoded.ids)
        for index, (first, end) in enumerate(written.spans):
            for token, (start, stop) in enumerate(encoded.offsets):
                if max(start, first) < min(stop, end):
                    owners[token] = index
        texts = [written.text[start:stop] for start, stop in encoded.offsets]
        return LocatedPrompt(
            ids=[*before, *encoded.ids, *after],
            owners=[*[-1] * len(before), *owners, *[-1] * len(after)],
            n_chunks=len(chunks),
            texts=[*[""] * len(before), *texts, *[""] * len(after)],
        )

    def fit(self, question: str, chunks: Sequence[Chunk], limit: int) -> Prompt:
        """The prompt with as many of the best chunks as `limit` tokens hold, and at least one.

        chunks: best first, at least one.
        Raises StageFailed, with the sizes, if not even the first chunk fits.
        """
        lengths = range(1, len(chunks) + 1)
        kept = bisect_right(lengths, limit, key=lambda count: len(self.encode(question, chunks[:count])))
        if kept == 0:
            raise self._too_long(question, chunks[0], limit)
        before, after = self._words_around
        text = f"{before}{self.template.write(question, chunks[:kept]).text}{self._cue}{after}"
        read = tuple(chunks[:kept]) if self.template.shows_chunks else ()
        return Prompt(self.encode(question, chunks[:kept]), read, text)

    def encode_answer(self, answer: str) -> list[int]:
        """An answer's token ids, without an end token. Raises InputError for a blank answer."""
        ids = self._ids(answer.strip())
        if not ids:
            raise InputError("The answer to score is blank. Give the answer whose probability is asked.")
        return ids

    def _too_long(self, question: str, chunk: Chunk, limit: int) -> StageFailed:
        return StageFailed(
            f"The best chunk ({chunk.title!r}, {len(self._ids(write_context([chunk])))} tokens), the question "
            f"({len(self._ids(question))} tokens) and the words of the prompt do not fit the generator's window, which leaves {limit} "
            "tokens for all of them. Index the corpus in smaller chunks, ask a shorter question, use a shorter prompt (RAGLASS_PROMPT), or "
            "choose a generator with a longer window (RAGLASS_GENERATOR).",
            stage="generate",
        )

    def _ids(self, text: str, *, add_special_tokens: bool = False) -> list[int]:
        ids: list[int] = self._encode(text, add_special_tokens=add_special_tokens).ids
        return ids

    def _encode(self, text: str, *, add_special_tokens: bool) -> Any:
        """What `tokenizers` makes of a text: ids, and offsets in characters of the text."""
        return self._data.encode(text.replace("\0", " "), add_special_tokens=add_special_tokens)


def without_control_tokens(tokenizer: Any) -> Any:
    """A copy of the tokenizer (`tokenizers.Tokenizer`) that finds no control token in text; ids stay as they are.

    Taking away the added tokens is not enough: a Unigram model (T5) has `</s>` among its pieces and matches it there,
    even under transformers' `split_special_tokens`. So the pieces are renamed to something that no text holds.
    Added tokens of white space only (Gemma has some) stay. The copy still adds the model's own begin and end tokens.
    Its offsets cover white space too, which GPT-2's and its kin's leave out: a line break in a chunk is the chunk's.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise Unavailable(
            "This generator's tokenizer has no `tokenizer.json` form. Set RAGLASS_GENERATOR to a model that has one."
        )
    state = json.loads(backend.to_str())
    added = {token["content"] for token in state["added_tokens"] if not token["content"].replace("▁", " ").isspace()}
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] not in added]
    state["truncation"] = state["padding"] = None
    finish = state["post_processor"] or {}
    for step in (finish, *finish.get("processors", ())):
        if "trim_offsets" in step:
            step["trim_offsets"] = False
    model = state["model"]
    renamed = {content: f"\0{number}" for number, content in enumerate(sorted(added))}
    if isinstance(model["vocab"], dict):
        model["vocab"] = {renamed.get(piece, piece): index for piece, index in model["vocab"].items()}
        if model.get("unk_token") in renamed:
            model["unk_token"] = renamed[model["unk_token"]]
    else:
        model["vocab"] = [[renamed.get(piece, piece), score] for piece, score in model["vocab"]]
    return require("tokenizers").Tokenizer.from_str(json.dumps(state))


def _template_words(tokenizer: Any) -> tuple[str, str]:
    """What the chat template puts before and after the user's message."""
    # Models that can think aloud first are asked not to: the answer is what is measured. Other templates ignore the word.
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": PLACEHOLDER}], tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    parts = text.split(PLACEHOLDER)
    if len(parts) != 2:
        raise Unavailable(
            "This generator's chat template does not show the message once. Set RAGLASS_GENERATOR to another model."
        )
    return parts[0], parts[1]
