"""An embedder that keeps the vectors of passages: the extractive reader sees the same chunks again and again."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from backends.local.vectors import FloatArray, LocalEmbedder, Seed, text_key
from pipeline.deadline import Deadline
from pipeline.types import Kind

KEPT = 20_000
"""Passage vectors kept: 30 MB at 384 dimensions."""


class RememberingEmbedder:
    """Passages from memory, or from vectors that came with the model, where they are known there. Thread-safe if its embedder is."""

    def __init__(self, embedder: LocalEmbedder, seed_file: Path, *, kept: int = KEPT) -> None:
        """seed_file: see `backends.local.vectors.Seed`; it need not exist."""
        self.name, self.dimension, self.fingerprint = embedder.name, embedder.dimension, embedder.fingerprint
        seed = Seed.load(seed_file)
        self._seed = seed if seed is not None and seed.fingerprint == embedder.fingerprint else None
        self._embedder, self._kept = embedder, kept
        self._vectors: OrderedDict[bytes, FloatArray] = OrderedDict()
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> FloatArray:
        """Embed texts as float32 (n, dimension), L2-normalised."""
        if kind == "query" or not texts:
            return self._embedder.embed(texts, kind, deadline=deadline)
        keys = [text_key(text) for text in texts]
        known = {key: vector for key in keys if (vector := self._find(key)) is not None}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            made = self._embedder.embed(list(missing.values()), kind, deadline=deadline)
            known.update(zip(missing, made, strict=True))
        with self._lock:
            self._vectors.update(known)
            while len(self._vectors) > self._kept:
                self._vectors.popitem(last=False)
        return np.stack([known[key] for key in keys])

    def _find(self, key: bytes) -> FloatArray | None:
        with self._lock:
            vector = self._vectors.get(key)
        if vector is None and self._seed is not None and (found := self._seed.get(key)) is not None:
            vector = found.astype(np.float32)
        return vector
