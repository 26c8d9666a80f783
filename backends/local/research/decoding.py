"""Decoding, greedy or at random, and forced scoring with a transformers model, and token ids back to text.

Log-probabilities are natural logarithms of the model's own softmax over its whole vocabulary, in float32, before any penalty or
forced token of its generation settings; none of those are applied. A temperature changes what is drawn, never what is reported of it.
What is decoded is what is scored.
"""

import copy
import inspect
import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from backends.local.research.loading import limit_threads, require
from backends.local.sampling import Draw, likeliest
from pipeline.errors import BadResponse

SCORED_TOGETHER = 8
"""Prompts at most in one forward pass of `score`; what keeps its memory bounded."""

ALIKE = 0.75
"""How long the shortest of them is at least, as a share of the longest, on a processor: there padding costs as much as text."""

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class State:
    """Where a model stands after a prompt, or after a token of its answer."""

    fixed: Mapping[str, Any]
    """What every step is given beside its tokens: the encoder's output, if there is one."""
    cache: Any
    """Keys and values of what was read. The next step writes into it."""
    logprobs: FloatArray
    """(vocabulary,): log-probabilities of the next token, nats."""


class Decoder:
    """One model, sequence-to-sequence or causal. Safe to use from several threads: each step takes the lock by itself."""

    def __init__(self, model: Any, *, threads: int | None) -> None:
        self._torch = require("torch")
        self.model = model
        self._threads = threads
        self._lock = threading.Lock()
        self.seq2seq = bool(model.config.is_encoder_decoder)
        self.on_cpu = model.device.type == "cpu"
        self.keeps_logits = "logits_to_keep" in inspect.signature(model.forward).parameters

    def decode(self, prompt: Sequence[int], steps: int) -> Iterator[tuple[int, float]]:
        """Yield up to `steps` of (token id, log-probability in nats), each the likeliest next one; the caller stops at an end token.

        The prompt is read once; every later step reads one token and the cache. Raises BadResponse if the model breaks.
        """
        yield from self._write(self._read(prompt), steps, likeliest)

    def sample(self, prompt: Sequence[int], steps: int, draws: Iterable[Draw]) -> Iterator[Iterator[tuple[int, float]]]:
        """Yield for each of `draws` what `decode` yields, with its tokens instead of the likeliest. The prompt is read once for all."""
        state = self._read(prompt)
        for draw in draws:
            with self.running():
                fresh = replace(state, cache=copy.deepcopy(state.cache))
            yield self._write(fresh, steps, draw)

    def _read(self, prompt: Sequence[int]) -> State:
        fixed: dict[str, Any] = {"logits_to_keep": 1} if self.keeps_logits else {}
        with self.running():
            if not self.seq2seq:
                return self._step(fixed, None, prompt)
            fixed["encoder_outputs"] = self.model.get_encoder()(input_ids=self.tensor([prompt]), return_dict=True)
            return self._step(fixed, None, [self.start_id()])

    def _step(self, fixed: Mapping[str, Any], cache: Any, following: Sequence[int]) -> State:
        """Read the tokens that follow what the cache holds; to be called while `running`."""
        ids_name = "decoder_input_ids" if self.seq2seq else "input_ids"
        tokens = {ids_name: self.tensor([following])}
        out = self.model(**fixed, **tokens, past_key_values=cache, use_cache=True, return_dict=True)
        logprobs = out.logits[0, -1].float().log_softmax(dim=-1).cpu().numpy()
        if not math.isfinite(logprobs.max()):
            raise BadResponse(
                "The generator made probabilities that are not numbers. Choose another model in RAGLASS_GENERATOR."
            )
        return State(fixed, out.past_key_values, logprobs)

    def _write(self, state: State, steps: int, draw: Draw) -> Iterator[tuple[int, float]]:
        """Yield up to `steps` of (token id, log-probability); each is read only when another is asked for."""
        for step in range(steps):
            token_id = draw(state.logprobs)
            yield token_id, float(state.logprobs[token_id])
            if step + 1 < steps:
                with self.running():
                    state = self._step(state.fixed, state.cache, [token_id])

    def score(self, prompts: Sequence[Sequence[int]], answer: Sequence[int]) -> FloatArray:
        """Log-probabilities of a forced answer after each prompt: float32 (n_prompts, n_tokens), nats.

        Row i summed is -loss · n_tokens of the model's own teacher-forced loss on prompt i alone: neither padding nor what other prompts
        have in common with it changes anything. On a processor a causal model reads once what several prompts begin with.
        """
        found = np.empty((len(prompts), len(answer)), np.float32)
        in_turn = self.on_cpu and not self.seq2seq
        for places, logits in (self._read_in_turn if in_turn else self._read_together)(prompts, answer):
            with self.running():
                wanted = self.tensor([answer] * len(places)).unsqueeze(-1)
                found[places] = logits.float().log_softmax(dim=-1).gather(-1, wanted).squeeze(-1).cpu().numpy()
        return found

    def _read_in_turn(self, prompts: Sequence[Sequence[int]], answer: Sequence[int]) -> Iterator[tuple[list[int], Any]]:
        """Place and answer logits of one prompt after another, neighbours being those that begin alike.

        Only what follows the common beginning is read. A model whose cache cannot be cut back reads all of each prompt.
        """
        options = {"logits_to_keep": len(answer)} if self.keeps_logits else {}
        cache: Any = None
        before: list[int] = []
        for place in sorted(range(len(prompts)), key=lambda place: list(prompts[place])):
            row = [*prompts[place], *answer[:-1]]
            with self.running():
                shared = min(_count_common(before, row), len(prompts[place]) - 1) if _can_cut(cache) else 0
                if shared:
                    cache.crop(shared - len(before))
                out = self.model(
                    input_ids=self.tensor([row[shared:]]),
                    past_key_values=cache if shared else None,
                    use_cache=True,
                    return_dict=True,
                    **options,
                )
            cache, before = out.past_key_values, row
            yield [place], out.logits[:, -len(answer) :]

    def _read_together(
        self, prompts: Sequence[Sequence[int]], answer: Sequence[int]
    ) -> Iterator[tuple[list[int], Any]]:
        """Places and answer logits of some prompts at a time, those of about one length."""
        alike = ALIKE if self.on_cpu else 0.0
        todo = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
        while todo:
            least = len(prompts[todo[0]])
            places = [place for place in todo[:SCORED_TOGETHER] if least >= alike * len(prompts[place])]
            todo = todo[len(places) :]
            with self.running():
                logits = self._answer_logits([prompts[place] for place in places], answer)
            yield places, logits

    def _answer_logits(self, prompts: Sequence[Sequence[int]], answer: Sequence[int]) -> Any:
        """(n_prompts, n_tokens, vocabulary): what the model expects at each token of the answer."""
        if self.seq2seq:
            forced = [[self.start_id(), *answer[:-1]]] * len(prompts)
            return self.model(
                **self._pad(prompts), decoder_input_ids=self.tensor(forced), use_cache=False, return_dict=True
            ).logits
        rows = [[*prompt, *answer[:-1]] for prompt in prompts]
        places = self.tensor([range(len(prompt) - 1, len(prompt) - 1 + len(answer)) for prompt in prompts])
        options: dict[str, Any] = {}
        if self.keeps_logits:
            kept, places = places.unique(return_inverse=True)
            options["logits_to_keep"] = kept
        logits = self.model(**self._pad(rows), **options, use_cache=False, return_dict=True).logits
        return logits.take_along_dim(places.unsqueeze(-1), dim=1)

    def _pad(self, rows: Sequence[Sequence[int]]) -> Mapping[str, Any]:
        """Rows padded on the right, where neither positions nor attention of the real tokens see it. The padding's id is never read."""
        width = max(len(row) for row in rows)
        return {
            "input_ids": self.tensor([[*row, *[0] * (width - len(row))] for row in rows]),
            "attention_mask": self.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows]),
        }

    def start_id(self) -> int:
        """The token that a sequence-to-sequence model's answer begins after."""
        settings = self.model.generation_config
        for candidate in (
            settings.decoder_start_token_id,
            getattr(self.model.config, "decoder_start_token_id", None),
            settings.bos_token_id,
        ):
            if candidate is not None:
                return int(candidate)
        return 0

    def tensor(self, rows: Sequence[Sequence[int]]) -> Any:
        """Rows of token ids where the model is."""
        return self._torch.tensor([list(row) for row in rows], dtype=self._torch.long, device=self.model.device)

    @contextmanager
    def running(self, *, gradients: bool = False) -> Iterator[None]:
        """Around each use of the model, never around a `yield` to a caller: torch's modes belong to the thread."""
        mode = self._torch.enable_grad() if gradients else self._torch.inference_mode()
        with self._lock, limit_threads(self._threads), mode:
            yield


def _can_cut(cache: Any) -> bool:
    """Whether a cache can be put back to where it stood some tokens ago. One of a sliding window cannot once the window is full."""
    return cache is not None and getattr(cache, "is_croppable", False) and not any(cache.is_sliding)


def _count_common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two rows begin with alike."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


class TextStream:
    """Token ids to text, piece by piece: the pieces joined are the decoded whole, white space and all.

    A piece that ends inside a character (bytes of an emoji) gives empty text; the piece that completes it gives the character.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._shown_to = 0
        """How many of `_ids` have been given as text."""
        self._context_from = 0
        """Where decoding starts, so that a piece is decoded after its neighbour and keeps its leading space."""

    def add(self, token_id: int) -> str:
        """The text that `token_id` completes; control tokens have none."""
        self._ids.append(token_id)
        before = self._decode(self._ids[self._context_from : self._shown_to])
        text = self._decode(self._ids[self._context_from :])
        if text.endswith("\N{REPLACEMENT CHARACTER}") or len(text) <= len(before):
            return ""
        self._context_from = self._shown_to
        self._shown_to = len(self._ids)
        return text[len(before) :]

    def _decode(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text
