"""An embedder for tests: fast, deterministic, and it counts what it is given."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipeline.deadline import Deadline
from pipeline.types import Kind


class FakeEmbedder:
    """A text's vector is the sum of its words' random directions, so that texts that share words are near each other."""

    def __init__(self, name: str = "fake", dimension: int = 64) -> None:
        self.name = name
        self.fingerprint = f"fingerprint-of-{name}"
        self.dimension = dimension
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> npt.NDArray[np.float32]:
        self.embedded.extend(texts)
        vectors = np.array([self._vector(text) for text in texts], np.float32).reshape(-1, self.dimension)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def _vector(self, text: str) -> npt.NDArray[np.float64]:
        return np.sum([self._direction(word) for word in text.lower().split() or [""]], axis=0)

    def _direction(self, word: str) -> npt.NDArray[np.float64]:
        seed = int.from_bytes(hashlib.blake2b(word.strip(".,?!").encode(), digest_size=4).digest(), "big")
        return np.random.default_rng(seed).normal(size=self.dimension)
