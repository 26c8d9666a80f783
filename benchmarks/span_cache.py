"""A span reader that remembers: marks on disk by question and chunk, so that a benchmark reads each pair once."""

import hashlib
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from backends.local.spans.model import Marks, SpanModel
from pipeline.deadline import Deadline
from pipeline.types import Chunk

TOLD_EACH = 500


class CachedSpans:
    """`SpanModel` behind a SQLite file, keyed by weights, question, title and text. Progress goes to standard error."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._model = SpanModel()
        self.name, self.fingerprint = self._model.name, self._model.fingerprint
        self._store = sqlite3.connect(directory / "marks.sqlite", timeout=60)
        self._store.execute("PRAGMA journal_mode=WAL")
        self._store.execute("CREATE TABLE IF NOT EXISTS marks (key BLOB PRIMARY KEY, marks BLOB) WITHOUT ROWID")
        self._made = 0

    def read(self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None) -> list[Marks]:
        """As `SpanModel.read`, from the cache where the pair was read before."""
        keys = [self._key(question, chunk) for chunk in chunks]
        known = {key: self._find(key) for key in keys}
        missing = [place for place, key in enumerate(keys) if known[key] is None]
        if missing:
            made = self._model.read(question, [chunks[place] for place in missing])
            with self._store:
                for place, marks in zip(missing, made, strict=True):
                    known[keys[place]] = _packed(marks)
                    self._store.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (keys[place], _packed(marks)))
            self._made += 1
            if self._made % TOLD_EACH == 0:
                print(f"read spans for {self._made} questions", file=sys.stderr)
        return [_unpacked(known[key] or b"") for key in keys]

    def _key(self, question: str, chunk: Chunk) -> bytes:
        told = f"{self._model.fingerprint}\0{question}\0{chunk.title}\0{chunk.text}"
        return hashlib.sha256(told.encode()).digest()[:16]

    def _find(self, key: bytes) -> bytes | None:
        row = self._store.execute("SELECT marks FROM marks WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None


def _packed(marks: Marks) -> bytes:
    return np.column_stack([marks.offsets, marks.starts, marks.ends]).astype(np.float32).tobytes()


def _unpacked(data: bytes) -> Marks:
    columns = np.frombuffer(data, np.float32).reshape(-1, 4)
    return Marks(columns[:, :2].astype(np.intp), columns[:, 2], columns[:, 3])
