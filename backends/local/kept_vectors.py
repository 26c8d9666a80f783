"""`KeptVectors`: the vectors of an index that is searched elsewhere, in a file that is read where it is needed and never loaded whole.

Scores of chunks that only words found, the embedding map and exact search read them, so that none of these asks over the network.
"""

from pathlib import Path

import numpy as np

from backends.local.holding import FloatArray, IntArray, Vectors
from backends.local.tuning import Tuning
from backends.local.vectors import check_dimension
from pipeline.deadline import Deadline

VECTORS = "vectors.npy"
"""Its file, in an index folder."""

BLOCK = 16_384
"""Vectors that exact search reads at once: 25 MB of 384 dimensions."""


class KeptVectors:
    """Vectors by row, as they were embedded. A `VectorIndex` that compares with every one."""

    tuning: Tuning | None = None
    place = ""
    kind = "exact"

    def __init__(self, folder: Path) -> None:
        """Raises OSError or ValueError for a file that is missing or damaged."""
        self._vectors: Vectors = np.load(folder / VECTORS, mmap_mode="r")

    @classmethod
    def keep(cls, folder: Path, vectors: Vectors) -> "KeptVectors":
        """Write vectors, (n, dim), into an index folder."""
        np.save(folder / VECTORS, vectors)
        return cls(folder)

    @property
    def size(self) -> int:
        """How many."""
        return int(self._vectors.shape[0])

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._vectors.shape[1])

    def rows(self, start: int, stop: int) -> FloatArray:
        """Some in a row: float32 (stop - start, dim), fewer at the end."""
        return np.asarray(self._vectors[start:stop], np.float32)

    def reconstruct(self, ids: IntArray) -> FloatArray:
        """Those at given ids: float32 (len(ids), dim)."""
        return np.asarray(self._vectors[ids], np.float32)

    def is_whole(self) -> bool:
        """As `VectorIndex.is_whole`: the manifest's checksum is what says so."""
        return True

    def search(
        self, vectors: FloatArray, top_k: int, *, exact: bool = True, deadline: Deadline | None = None
    ) -> tuple[FloatArray, IntArray]:
        """As `VectorIndex.search`."""
        check_dimension(vectors, self.dimension)
        scores, ids = padded(len(vectors), top_k)
        for start in range(0, self.size, BLOCK):
            block = vectors @ self.rows(start, start + BLOCK).T
            rows = np.broadcast_to(np.arange(start, start + block.shape[1]), block.shape)
            scores, ids = np.hstack([scores, block]), np.hstack([ids, rows])
            best = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
            scores, ids = np.take_along_axis(scores, best, 1), np.take_along_axis(ids, best, 1)
        return scores, ids


class SearchedElsewhere:
    """What a `VectorIndex` that is searched elsewhere knows from its kept vectors: a base for such ones."""

    def __init__(self, kept: KeptVectors, place: str, tuning: Tuning | None) -> None:
        self._kept, self.place, self.tuning = kept, place, tuning

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._kept.dimension

    @property
    def size(self) -> int:
        """Vectors held."""
        return self._kept.size

    def reconstruct(self, ids: IntArray) -> FloatArray:
        """The vectors at given ids: float32 (len(ids), dim)."""
        return self._kept.reconstruct(ids)


def padded(questions: int, top_k: int) -> tuple[FloatArray, IntArray]:
    """(scores, ids) in which nothing is found yet, each (questions, top_k)."""
    return np.full((questions, top_k), -np.inf, np.float32), np.full((questions, top_k), -1, np.int64)
