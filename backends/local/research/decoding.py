"""Decoding, greedy or at random, and forced scoring with a transformers model, and token ids back to text.

Log-probabilities are natural logarithms of the model's own softmax over its whole vocabulary, in float32, before any penalty or
forced token of its generation settings; none of those are applied. A temperature changes what is drawn, never what is reported of it.
What is decoded is what is scored.
"""

import copy
import inspect
import math
import threading
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from backends.local.research.loading import limit_threads, require
from backends.local.sampling import Draw, draws, likeliest
from pipeline.errors import BadResponse

SCORED_TOGETHER = 8
"""Prompts at most in one forward pass of `score`; what keeps its memory bounded."""

ALIKE = 0.75
"""How long the shortest of them is at least, as a share of the longest, on a processor: there padding costs as much as text."""

NOT_NUMBERS = "The generator made probabilities that are not numbers. Choose another model in RAGLASS_GENERATOR."

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
        self.accepted = frozenset(inspect.signature(model.forward).parameters)
        self.keeps_logits = "logits_to_keep" in self.accepted

    def decode(self, prompt: Sequence[int], steps: int) -> Generator[tuple[int, float], None, None]:
        """Yield up to `steps` of (token id, log-probability in nats), each the likeliest next one; the caller stops at an end token.

        The prompt is read once; every later step reads one token and the cache. Raises BadResponse if the model breaks.
        """
        yield from self._write(self._read(prompt), steps, likeliest)

    def decode_together(
        self, prompts: Sequence[Sequence[int]], steps: Sequence[int], ends: Collection[int]
    ) -> Generator[list[tuple[int, tuple[int, float]]], None, None]:
        """Decode several prompts at once, and yield after each pass the (place, (token id, log-probability)) of those still writing.

        What each is given is what `decode` yields for it alone, up to rounding: padding is on the left of a causal model's prompts and
        hidden from every token. A prompt ends after its `steps`, or with a token of `ends`. Raises BadResponse if the model breaks.
        """
        writing = _Writing(self, prompts)
        left = dict(enumerate(steps))
        while left:
            made = [(place, writing.likeliest(place)) for place in left]
            yield made
            left = {place: left[place] - 1 for place, (token, _) in made if left[place] > 1 and token not in ends}
            if left:
                writing.read(dict(made))

    def sample(self, prompt: Sequence[int], steps: int, draws: Iterable[Draw]) -> Iterator[Iterator[tuple[int, float]]]:
        """Yield for each of `draws` what `decode` yields, with its tokens instead of the likeliest. The prompt is read once for all."""
        state = self._read(prompt)
        for draw in draws:
            with self.running():
                fresh = replace(state, cache=copy.deepcopy(state.cache))
            yield self._write(fresh, steps, draw)

    def draw(
        self,
        prompt: Sequence[int],
        steps: int,
        *,
        samples: int,
        temperature: float,
        seed: int,
        check: Callable[[], None] | None = None,
    ) -> Iterator[Iterator[tuple[int, float]]]:
        """`sample` with tokens drawn from the softmax at `temperature`. check: not called, as each token is made when it is asked for."""
        return self.sample(prompt, steps, draws(samples, temperature, seed))

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
            raise BadResponse(NOT_NUMBERS)
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
        for places in self.alike([len(prompt) for prompt in prompts], SCORED_TOGETHER):
            with self.running():
                logits = self._answer_logits([prompts[place] for place in places], answer)
            yield places, logits

    def alike(self, lengths: Sequence[int], most: int) -> Iterator[list[int]]:
        """Places of rows in groups of at most `most`, each of about one length, the shortest first."""
        alike = ALIKE if self.on_cpu else 0.0
        todo = sorted(range(len(lengths)), key=lambda place: lengths[place])
        while todo:
            least = lengths[todo[0]]
            places = [place for place in todo[:most] if least >= alike * lengths[place]]
            todo = todo[len(places) :]
            yield places

    def _answer_logits(self, prompts: Sequence[Sequence[int]], answer: Sequence[int]) -> Any:
        """(n_prompts, n_tokens, vocabulary): what the model expects at each token of the answer."""
        if self.seq2seq:
            forced = [[self.start_id(), *answer[:-1]]] * len(prompts)
            return self.model(
                **self.pad(prompts), decoder_input_ids=self.tensor(forced), use_cache=False, return_dict=True
            ).logits
        rows = [[*prompt, *answer[:-1]] for prompt in prompts]
        places = self.tensor([range(len(prompt) - 1, len(prompt) - 1 + len(answer)) for prompt in prompts])
        options: dict[str, Any] = {}
        if self.keeps_logits:
            kept, places = places.unique(return_inverse=True)
            options["logits_to_keep"] = kept
        logits = self.model(**self.pad(rows), **options, use_cache=False, return_dict=True).logits
        return logits.take_along_dim(places.unsqueeze(-1), dim=1)

    def pad(self, rows: Sequence[Sequence[int]]) -> Mapping[str, Any]:
        """Rows padded on the right, where neither positions nor attention of the real tokens see it. The padding's id is never read."""
        width = max(len(row) for row in rows)
        return {
            "input_ids": self.tensor([[*row, *[0] * (width - len(row))] for row in rows]),
            "attention_mask": self.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows]),
        }

    def start_id(self) -> int:
        """The token that a sequence-to-sequence model's answer begins after."""
        return find_start(self.model)

    def tensor(self, rows: Sequence[Sequence[int]]) -> Any:
        """Rows of token ids where the model is."""
        return self._torch.tensor([list(row) for row in rows], dtype=self._torch.long, device=self.model.device)

    @contextmanager
    def running(self, *, gradients: bool = False) -> Iterator[None]:
        """Around each use of the model, never around a `yield` to a caller: torch's modes belong to the thread."""
        mode = self._torch.enable_grad() if gradients else self._torch.inference_mode()
        with self._lock, limit_threads(self._threads), mode:
            yield


class _Writing:
    """Several answers as they grow. Each pass reads one token of every row; a row that has ended reads what nobody looks at."""

    def __init__(self, decoder: Decoder, prompts: Sequence[Sequence[int]]) -> None:
        self._decoder = decoder
        self._fixed: dict[str, Any] = {"logits_to_keep": 1} if decoder.keeps_logits else {}
        self._cache: Any = None
        width = max(len(prompt) for prompt in prompts)
        self._lengths = [len(prompt) for prompt in prompts]
        self._mask = [[0] * (width - length) + [1] * length for length in self._lengths]
        with decoder.running():
            if decoder.seq2seq:
                padded = decoder.pad(prompts)
                self._fixed["encoder_outputs"] = decoder.model.get_encoder()(**padded, return_dict=True)
                self._fixed["attention_mask"] = padded["attention_mask"]
                self._pass({"decoder_input_ids": [[decoder.start_id()]] * len(prompts)})
            else:
                rows = [[*[0] * (width - len(prompt)), *prompt] for prompt in prompts]
                places = [[*[0] * (width - len(prompt)), *range(len(prompt))] for prompt in prompts]
                self._pass({"input_ids": rows, "attention_mask": self._mask, "position_ids": places})

    def likeliest(self, place: int) -> tuple[int, float]:
        """The likeliest next token of a row, with its log-probability."""
        row = self._logprobs[place]
        if not math.isfinite(row.max()):
            raise BadResponse(NOT_NUMBERS)
        token_id = int(row.argmax())
        return token_id, float(row[token_id])

    def read(self, made: Mapping[int, tuple[int, float]]) -> None:
        """Read the token that each row was given."""
        tokens = [[made[place][0] if place in made else 0] for place in range(len(self._lengths))]
        with self._decoder.running():
            if self._decoder.seq2seq:
                self._pass({"decoder_input_ids": tokens})
                return
            for row in self._mask:
                row.append(1)
            self._pass(
                {
                    "input_ids": tokens,
                    "attention_mask": self._mask,
                    "position_ids": [[length] for length in self._lengths],
                }
            )
            self._lengths = [length + 1 for length in self._lengths]

    def _pass(self, given: Mapping[str, Sequence[Sequence[int]]]) -> None:
        tensors = {name: self._decoder.tensor(rows) for name, rows in given.items() if name in self._decoder.accepted}
        out = self._decoder.model(
            **self._fixed, **tensors, past_key_values=self._cache, use_cache=True, return_dict=True
        )
        self._cache = out.past_key_values
        self._logprobs = out.logits[:, -1].float().log_softmax(dim=-1).cpu().numpy()


def find_start(model: Any) -> int:
    """The id of the token that a sequence-to-sequence model's answer begins after, as its settings have it."""
    settings = model.generation_config
    for candidate in (
        settings.decoder_start_token_id,
        getattr(model.config, "decoder_start_token_id", None),
        settings.bos_token_id,
    ):
        if candidate is not None:
            return int(candidate)
    return 0


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
