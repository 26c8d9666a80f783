"""An embedder that remembers: vectors on disk by text, so that a benchmark embeds each text once in its life."""

import hashlib
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from backends.local.nano import NanoEmbedder
from pipeline.deadline import Deadline
from pipeline.types import Kind

BATCH = 64
"""Texts embedded between two writes: an interrupted run loses at most these."""


class CachedEmbedder:
    """`NanoEmbedder` behind a SQLite file, keyed by model fingerprint, kind and text. Progress goes to standard error."""

    name = NanoEmbedder.name
    dimension = NanoEmbedder.dimension

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._embedder = NanoEmbedder()
        self._store = sqlite3.connect(directory / "vectors.sqlite", timeout=60)
        self._store.execute("PRAGMA journal_mode=WAL")
        self._store.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> npt.NDArray[np.float32]:
        """Embed texts as float32 (n, 384), L2-normalised, from the cache where they were seen before."""
        keys = [self._key(text, kind) for text in texts]
        missing = [i for i, key in enumerate(keys) if self._read(key) is None]
        for begin in range(0, len(missing), BATCH):
            batch = missing[begin : begin + BATCH]
            vectors = self._embedder.embed([texts[i] for i in batch], kind)
            rows = [(keys[i], vector.tobytes()) for i, vector in zip(batch, vectors, strict=True)]
            with self._store:
                self._store.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
            if len(missing) > BATCH:
                print(f"embedding {kind}: {begin + len(batch)} of {len(missing)}", file=sys.stderr)
        found = [self._read(key) for key in keys]
        return np.array([np.frombuffer(blob, np.float32) for blob in found if blob], np.float32).reshape(
            -1, self.dimension
        )

    def _key(self, text: str, kind: Kind) -> bytes:
        return hashlib.sha256(f"{self._embedder.fingerprint}\0{kind}\0{text}".encode()).digest()[:16]

    def _read(self, key: bytes) -> bytes | None:
        row = self._store.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None
