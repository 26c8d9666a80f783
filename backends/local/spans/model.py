"""`SpanModel`: the span reader's weights and tokenizer, and what they make of a question and a chunk."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from backends.local.encoder.session import Encoder
from backends.local.spans.input import MAX_TOKENS, encode_pair, open_tokenizer, title_before
from pipeline.deadline import Deadline
from pipeline.errors import Unavailable
from pipeline.types import Chunk

FloatArray = npt.NDArray[np.float32]

FOLDER = Path(__file__).with_name("model")
WEIGHTS, TOKENIZER, CARD = "weights.npz", "tokenizer.json", "card.json"
LONGEST = 30
"""Tokens of an answer."""

NAME = "Raglass span reader (ms-marco-MiniLM-L12, int8, ONNX Runtime)"


@dataclass(frozen=True, slots=True)
class Marks:
    """How probable the reader finds each token of a chunk as the first and the last of the answer, as scores."""

    offsets: npt.NDArray[np.intp]
    """(n, 2): where each token stands in the chunk's text."""
    starts: FloatArray
    """(n,): scores of being the first, less the score of there being none."""
    ends: FloatArray
    """(n,): likewise of being the last."""

    def best_within(self, start: int, end: int) -> tuple[int, int] | None:
        """The likeliest answer in a part of the chunk, as [first character, one past the last); None if none is likelier there."""
        places = np.flatnonzero((self.offsets[:, 0] < end) & (self.offsets[:, 1] > start))
        if not len(places):
            return None
        starts, ends = self.starts[places], self.ends[places]
        sums = starts[:, None] + ends[None, :]
        length = np.arange(len(places))[None, :] - np.arange(len(places))[:, None]
        sums[(length < 0) | (length >= LONGEST)] = -np.inf
        first, last = np.unravel_index(np.argmax(sums), sums.shape)
        if sums[first, last] <= 0:
            return None
        found = self.offsets[places]
        return max(int(found[first, 0]), start), min(int(found[last, 1]), end)


class SpanModel:
    """Reads one chunk at a time, since its numbers depend on nothing else then. Thread-safe."""

    name = NAME

    def __init__(self, folder: Path = FOLDER, *, threads: int | None = None) -> None:
        """Load (a quarter of a second). threads: chunks read at once.

        Raises Unavailable if a library is missing, or the files are missing, damaged or others than the model card names.
        """
        try:
            card = json.loads((folder / CARD).read_text(encoding="utf-8"))
            data = {name: (folder / name).read_bytes() for name in (WEIGHTS, TOKENIZER)}
            for name, content in data.items():
                if hashlib.sha256(content).hexdigest() != card["files"][name]:
                    raise ValueError(f"{name} is not the file that {CARD} names")
            with np.load(folder / WEIGHTS) as arrays:
                weights = {name: arrays[name] for name in arrays.files}
            self._tokenizer = open_tokenizer(data[TOKENIZER])
        except ImportError as error:
            raise Unavailable(
                f"tokenizers cannot be loaded ({type(error).__name__}). Install Raglass again."
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Unavailable(
                f"The span reader's files in {folder.name} cannot be used ({error}). Install Raglass again."
            ) from error
        self.card: Mapping[str, Any] = card
        self.fingerprint = f"spans-{card['files'][WEIGHTS][:12]}"
        self._words, *self._word_scale = (weights.pop(name) for name in ("words", "words.zero", "words.scale"))
        self._places, self._types = weights.pop("places"), weights.pop("types")
        self._head = weights.pop("head"), weights.pop("head.bias")
        self._encoder = Encoder(weights, threads=threads)

    def read(self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None) -> list[Marks]:
        """What it makes of each chunk. Raises Timeout once the deadline has passed."""
        pairs = [encode_pair(self._tokenizer, question, chunk.heading, chunk.text) for chunk in chunks]
        hidden = self._encoder.run_all(
            [self._look_up(pair.ids, pair.type_ids) for pair in pairs], deadline=deadline, stage="generate"
        )
        matrix, bias = self._head
        marks = []
        for chunk, pair, rows in zip(chunks, pairs, hidden, strict=True):
            scores = rows @ matrix + bias
            before = len(title_before(chunk.heading))
            offsets = np.array(pair.offsets, np.intp)
            inside = (np.array(pair.type_ids) == 1) & (offsets[:, 0] >= before) & (offsets[:, 1] > offsets[:, 0])
            scores = scores[inside] - scores[0]
            marks.append(Marks(offsets[inside] - before, scores[:, 0], scores[:, 1]))
        return marks

    prompt_window = MAX_TOKENS
    """Tokens that it reads at once: of the question and one chunk."""

    def count_prompt(self, question: str, chunks: Sequence[Chunk]) -> list[int]:
        """Tokens of the question and each chunk, however many."""
        return [len(encode_pair(self._uncut, question, chunk.heading, chunk.text).ids) for chunk in chunks]

    @cached_property
    def _uncut(self) -> Any:
        """The tokenizer, but that it cuts nothing; a copy, as cutting is a state of it."""
        copied = type(self._tokenizer).from_str(self._tokenizer.to_str())
        copied.no_truncation()
        return copied

    def _look_up(self, ids: Sequence[int], types: Sequence[int]) -> FloatArray:
        zero, scale = self._word_scale
        words = (self._words[ids].astype(np.float32) - zero) * scale
        return np.asarray(words + self._places[: len(ids)] + self._types[types], np.float32)
