"""T5's family in ONNX Runtime: what `decoding.Decoder` does, several times faster, in 8-bit weights, with the same dice.

Log-probabilities are natural logarithms of the model's own softmax over its whole vocabulary at temperature 1. Each prompt is read by
itself, so that what is made of it depends on nothing beside it. Attention and gradients cannot be had here.
"""

import math
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from backends.local.research import t5_graph
from backends.local.research.conversions import About, Conversion
from backends.local.research.decoding import NOT_NUMBERS, FloatArray
from backends.local.research.engines import Numbers, require_engine
from backends.local.research.onnx_session import open_session
from backends.local.sampling import draws, likeliest
from pipeline.errors import BadResponse, Unavailable

EDITION = 2
"""Of `make_conversion`."""

DRAWN_TOGETHER = 8
"""Samples that are written side by side; always so many, so that a sample does not depend on how many were asked for."""

SCORED_TOGETHER = 8
"""Prompts whose answers are scored side by side."""
SHORT = 16
"""Tokens of an answer up to which it is scored without keys and values, which are worth making for more."""

HIDDEN = -1e9
"""Added to the attention's logits where there is nothing to be seen."""

PROBE_IDS, PROBE_TOKENS = 24, 8
PROBE_NATS = 1.0
"""How far a conversion's log-probabilities may be from torch's, on average, before it is refused: rounding costs far less."""


class OnnxDecoder:
    """One converted model. Safe to use from several threads."""

    seq2seq = True

    def __init__(self, conversion: Conversion, *, threads: int | None) -> None:
        """threads: while a prompt is read or a token written.

        Raises Unavailable if ONNX Runtime is not installed or cannot read the model.
        """
        about, path = conversion.about, conversion.path
        self.ends = frozenset(int(end) for end in about["ends"])
        """Ids that end an answer."""
        self._start = int(about["start"])
        self._heads, self._size = int(about["heads"]), int(about["size"])
        self._given, self._past, self._now = t5_graph.names(int(about["layers"]))
        self._tensor = require_engine("onnxruntime").OrtValue.ortvalue_from_numpy
        self._reader, self._keys, self._writer = (
            open_session(path / name, threads=threads) for name in (t5_graph.READER, t5_graph.KEYS, t5_graph.WRITER)
        )
        self._path, self._threads = path, threads
        self._reading, self._writing = np.load(path / t5_graph.DISTANCES)

    def decode(self, prompt: Sequence[int], steps: int) -> Generator[tuple[int, float], None, None]:
        """Yield up to `steps` of (token id, log-probability in nats); see `decoding.Decoder.decode`."""
        page = Page(self, [prompt])
        for step in range(steps):
            token = likeliest(page.logprobs[0])
            yield token, float(page.logprobs[0, token])
            if step + 1 < steps:
                page.read([[token]])

    def decode_together(
        self, prompts: Sequence[Sequence[int]], steps: Sequence[int], ends: Collection[int]
    ) -> Generator[list[tuple[int, tuple[int, float]]], None, None]:
        """Decode several prompts at once; see `decoding.Decoder.decode_together`."""
        page = Page(self, prompts)
        left = dict(enumerate(steps))
        while left:
            tokens = {place: likeliest(page.logprobs[place]) for place in left}
            yield [(place, (token, float(page.logprobs[place, token]))) for place, token in tokens.items()]
            left = {place: left[place] - 1 for place in left if left[place] > 1 and tokens[place] not in ends}
            if left:
                page.read([[tokens.get(place, 0)] for place in range(len(prompts))])

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
        """Yield for each sample what `decode` yields, with tokens drawn from the softmax at `temperature`, as torch draws them.

        The prompt is read once. check: called with every token of the group; what it raises stops the drawing and is raised.
        """
        dice = list(draws(-(-samples // DRAWN_TOGETHER) * DRAWN_TOGETHER, temperature, seed))
        read = self.read_prompts([prompt])
        for start in range(0, samples, DRAWN_TOGETHER):
            page = Page(self, [prompt], rows=DRAWN_TOGETHER, read=read)
            drawn: list[list[tuple[int, float]]] = [[] for _ in range(DRAWN_TOGETHER)]
            for step in range(steps):
                tokens = [die(row) for die, row in zip(dice[start:], page.logprobs, strict=False)]
                for place, token in enumerate(tokens):
                    if not drawn[place] or drawn[place][-1][0] not in self.ends:
                        drawn[place].append((token, float(page.logprobs[place, token])))
                if check is not None:
                    check()
                if step + 1 == steps or all(each[-1][0] in self.ends for each in drawn):
                    break
                page.read([[token] for token in tokens])
            yield from map(iter, drawn[: samples - start])

    def score(self, prompts: Sequence[Sequence[int]], answer: Sequence[int]) -> FloatArray:
        """Log-probabilities of a forced answer after each prompt: float32 (n_prompts, n_tokens), nats; see `decoding.Decoder.score`.

        Prompts of about one length go through the scorer together; where the answer is not short, one after the other through the writer.
        """
        found = np.empty((len(prompts), len(answer)), np.float32)
        score, most = (self._score_together, SCORED_TOGETHER) if len(answer) <= SHORT else (self._score_long, 1)
        for places in self.alike([len(prompt) for prompt in prompts], most):
            found[places] = score([prompts[place] for place in places], answer)
        if not np.isfinite(found).all():
            raise BadResponse(NOT_NUMBERS)
        return found

    def alike(self, lengths: Sequence[int], most: int) -> Iterator[list[int]]:
        """Places of rows in groups of at most `most`, the shortest first. Only attention to a prompt pays for padding."""
        todo = sorted(range(len(lengths)), key=lambda place: lengths[place])
        yield from (todo[start : start + most] for start in range(0, len(todo), most))

    def read_prompts(self, prompts: Sequence[Sequence[int]]) -> tuple[dict[str, Any], FloatArray]:
        """What the writer looks at of each prompt, padded to the longest, by tensor; and (n_prompts, longest), which hides the padding."""
        read = [self._keys.run_with_ort_values(self._given, {t5_graph.STATES: self._read(each)}) for each in prompts]
        longest = max(map(len, prompts))
        mask = hide_padding(prompts)
        if len(read) == 1:
            return dict(zip(self._given, read[0], strict=True)), mask
        made = {}
        for number, name in enumerate(self._given):
            padded = np.zeros((len(read), self._heads, longest, self._size), np.float32)
            for place, each in enumerate(read):
                padded[place, :, : len(prompts[place])] = each[number].numpy()[0]
            made[name] = self._tensor(padded)
        return made, mask

    def write(
        self, given: dict[str, Any], mask: FloatArray, past: Sequence[Any] | None, tokens: Sequence[Sequence[int]]
    ) -> tuple[FloatArray, list[Any]]:
        """Read tokens, (rows, n), after those of `past`: log-probabilities of what follows each, and the past with them in it."""
        ids = np.array(tokens, np.int64)
        rows, count = ids.shape
        before = 0 if past is None else past[0].shape()[2]
        if past is None:
            past = [self._tensor(np.zeros((rows, self._heads, 0, self._size), np.float32))] * len(self._past)
        feeds = {
            **given,
            **dict(zip(self._past, past, strict=True)),
            "ids": self._tensor(ids),
            "bias": self._tensor(spread(self._writing, before + count, count, causal=True)),
            "mask": self._tensor(np.repeat(mask[:, None, None], rows * count // len(mask), axis=2)),
        }
        logprobs, *now = self._writer.run_with_ort_values(["logprobs", *self._now], feeds)
        return logprobs.numpy(), now

    @property
    def start(self) -> int:
        """The token that answers begin after."""
        return self._start

    @cached_property
    def _scorer(self) -> Any:
        """Opened when the first answer is scored: its weights are its own."""
        return open_session(self._path / t5_graph.SCORER, threads=self._threads)

    def _score_together(self, prompts: Sequence[Sequence[int]], answer: Sequence[int]) -> FloatArray:
        read = [self._read(prompt).numpy()[0] for prompt in prompts]
        mask = hide_padding(prompts)
        states = np.zeros((*mask.shape, read[0].shape[-1]), np.float32)
        for row, each in zip(states, read, strict=True):
            row[: len(each)] = each
        ids = np.array([[self._start, *answer[:-1]]] * len(prompts), np.int64)
        feeds = {
            "ids": ids,
            "bias": spread(self._writing, len(answer), len(answer), causal=True),
            "mask": mask[:, None],
            t5_graph.STATES: states,
        }
        (logprobs,) = self._scorer.run(["logprobs"], feeds)
        found: FloatArray = logprobs.reshape(*ids.shape, -1)[:, np.arange(len(answer)), list(answer)]
        return found

    def _score_long(self, prompts: Sequence[Sequence[int]], answer: Sequence[int]) -> FloatArray:
        logprobs, _ = self.write(*self.read_prompts(prompts), None, [[self._start, *answer[:-1]]] * len(prompts))
        found: FloatArray = logprobs[:, np.arange(len(answer)), list(answer)]
        return found

    def _read(self, prompt: Sequence[int]) -> Any:
        bias = spread(self._reading, len(prompt), len(prompt), causal=False)
        feeds = {"ids": self._tensor(np.array([prompt], np.int64)), "bias": self._tensor(bias)}
        return self._reader.run_with_ort_values([t5_graph.STATES], feeds)[0]


class Page:
    """Answers as they grow. Each pass reads tokens of every row; a row that has ended reads what nobody looks at."""

    def __init__(
        self,
        decoder: OnnxDecoder,
        prompts: Sequence[Sequence[int]],
        *,
        rows: int | None = None,
        read: tuple[dict[str, Any], FloatArray] | None = None,
    ) -> None:
        """rows: answers, as many to each prompt; by default one. read: the prompts, if they were read."""
        self._decoder = decoder
        self._given, self._mask = read or decoder.read_prompts(prompts)
        self._past: list[Any] | None = None
        self.read([[decoder.start]] * (rows or len(prompts)))

    def read(self, tokens: Sequence[Sequence[int]]) -> None:
        """Read what each row was given. Raises BadResponse if the model breaks."""
        logprobs, self._past = self._decoder.write(self._given, self._mask, self._past, tokens)
        self.logprobs: FloatArray = logprobs[:, -1]
        """(rows, vocabulary): of the next token, nats."""
        if not all(math.isfinite(each) for each in self.logprobs.max(axis=-1)):
            raise BadResponse(NOT_NUMBERS)


def hide_padding(prompts: Sequence[Sequence[int]]) -> FloatArray:
    """What is added to logits of attention to prompts that are padded to the longest: (n_prompts, longest)."""
    mask = np.zeros((len(prompts), max(map(len, prompts))), np.float32)
    for row, prompt in zip(mask, prompts, strict=True):
        row[len(prompt) :] = HIDDEN
    return mask


def spread(worth: FloatArray, keys: int, queries: int, *, causal: bool) -> FloatArray:
    """What distances add to the attention's logits: (1, heads, queries, keys), the queries being the last of the keys.

    worth: (heads, 2 · furthest + 1), see `t5_graph.write`. causal: nothing is seen of what comes later.
    """
    furthest = worth.shape[1] // 2
    distances = np.arange(1 - keys, keys)
    line = worth[:, np.clip(distances, -furthest, furthest) + furthest]
    if causal:
        line[:, distances > 0] = HIDDEN
    windows = np.lib.stride_tricks.sliding_window_view(line, keys, axis=1)[:, :queries]
    return np.ascontiguousarray(windows[None, :, ::-1], np.float32)


def make_conversion(model: Any, folder: Path, *, start: int, ends: Collection[int], numbers: Numbers = "int8") -> About:
    """Write a torch model of the family into a folder, and say what is needed beside it.

    start: id that answers begin after. ends: ids that end one.
    Raises Unavailable if what was written gives other log-probabilities than torch, up to the rounding of weights.
    """
    config = model.config
    t5_graph.write(model, folder, numbers)
    about = {
        "start": start,
        "ends": sorted(ends),
        "numbers": numbers,
        "heads": config.num_heads,
        "size": config.d_kv,
        "layers": config.num_decoder_layers,
    }
    drawn = np.random.default_rng(0).integers(0, config.vocab_size, PROBE_IDS + PROBE_TOKENS).tolist()
    prompt, answer = drawn[:PROBE_IDS], drawn[PROBE_IDS:]
    made = OnnxDecoder(Conversion(folder, about), threads=1).score([prompt], answer)[0]
    apart = float(np.abs(made - score_in_torch(model, prompt, answer, start)).mean())
    if not apart < PROBE_NATS:
        raise Unavailable(
            f"The converted model's log-probabilities are {apart:.3g} nats from torch's: this version of onnxruntime runs it wrongly. "
            "Set RAGLASS_ENGINE=torch."
        )
    return about


def score_in_torch(model: Any, prompt: Sequence[int], answer: Sequence[int], start: int) -> FloatArray:
    """Log-probabilities of a forced answer, (n_tokens,): a wrong conversion says nothing of it by itself."""
    torch = require_engine("torch")
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([prompt]), decoder_input_ids=torch.tensor([[start, *answer[:-1]]])).logits
        logprobs = logits[0].float().log_softmax(dim=-1)
        found: FloatArray = logprobs.gather(-1, torch.tensor([answer]).T)[:, 0].numpy()
    return found
