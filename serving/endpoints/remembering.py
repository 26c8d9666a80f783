"""An embedder that keeps the vectors of passages: the extractive reader sees the same chunks again and again."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from backends.local.vectors import FloatArray, LocalEmbedder, Seed, VectorMemory, text_key
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
        self._embedder, self._memory = embedder, VectorMemory(kept)

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> FloatArray:
        """Embed texts as float32 (n, dimension), L2-normalised."""
        if kind == "query" or not texts:
            return self._embedder.embed(texts, kind, deadline=deadline)

        def make(missing: Sequence[str]) -> FloatArray:
            seeded = {text: vector for text in missing if (vector := self._seeded(text)) is not None}
            unknown = [text for text in missing if text not in seeded]
            made = self._embedder.embed(unknown, kind, deadline=deadline) if unknown else ()
            found = {**seeded, **dict(zip(unknown, made, strict=True))}
            return np.stack([found[text] for text in missing])

        return self._memory.recall(texts, make)

    def _seeded(self, text: str) -> FloatArray | None:
        found = None if self._seed is None else self._seed.get(text_key(text))
        return None if found is None else found.astype(np.float32)
