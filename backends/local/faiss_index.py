"""The FAISS index: exact below 10,000 vectors, HNSW above, with efSearch chosen by measuring recall against exact search."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from pipeline.errors import DimensionMismatch, Unavailable

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

log = logging.getLogger(__name__)

EXACT_BELOW = 10_000
"""Below this an exact search takes under a millisecond, so there is nothing to trade recall for."""

HNSW_M = 32
HNSW_EF_CONSTRUCTION = 200
EF_SEARCH_CHOICES = (32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
RECALL_TARGET = 0.99
RECALL_K = 10
SAMPLE = 200
"""Vectors whose neighbours are compared with exact search."""

CERTAINTY = 1.645
"""Standard errors that the sample's recall must be above the target: 95 %, one-sided, that other questions fare no worse."""

ADD_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Tuning:
    """How an HNSW index was tuned."""

    ef_search: int
    """The smallest choice that reached the target beyond chance, or the largest there is."""
    recall: float
    """recall@10 against exact search at that efSearch, over the sample."""
    sample: int
    """Queries in the sample."""


class FaissIndex:
    """Inner-product search over L2-normalised vectors, so that scores are cosines."""

    def __init__(self, index: Any, tuning: Tuning | None) -> None:
        self._index = index
        self.tuning = tuning
        if tuning is not None:
            index.hnsw.efSearch = tuning.ef_search

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def size(self) -> int:
        """Vectors held."""
        return int(self._index.ntotal)

    @property
    def kind(self) -> str:
        """`exact` or `hnsw`."""
        return "exact" if self.tuning is None else "hnsw"

    def search(self, vectors: FloatArray, top_k: int) -> tuple[FloatArray, IntArray]:
        """Rank vectors by inner product.

        vectors: float32 (n, dim), L2-normalised, so scores are cosine in [-1, 1].
        Returns (scores, ids), each (n, top_k), best first; id -1 pads an index smaller than top_k.
        Raises DimensionMismatch if dim differs from the index.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.dimension:
            raise DimensionMismatch(
                f"The question's vector has shape {vectors.shape}, the index holds vectors of {self.dimension}. "
                "The embedder is not the one that built the index: run `raglass index --rebuild`.",
                stage="retrieve",
            )
        scores, ids = self._index.search(np.ascontiguousarray(vectors, np.float32), top_k)
        return scores, ids

    def reconstruct(self, ids: IntArray) -> FloatArray:
        """The vectors at given ids: float32 (len(ids), dim)."""
        return np.asarray(self._index.reconstruct_batch(np.ascontiguousarray(ids, np.int64)), dtype=np.float32)

    def save(self, path: Path) -> None:
        """Write the index to a file."""
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path, tuning: Tuning | None) -> "FaissIndex":
        """Read an index. Raises Unavailable if the file is missing or damaged."""
        try:
            return cls(faiss.read_index(str(path)), tuning)
        except (RuntimeError, OSError) as error:
            raise Unavailable(
                f"The index file {path.name} is missing or damaged. Run `raglass index --rebuild`; no document is lost by it.",
                stage="retrieve",
            ) from error


def build_faiss(
    vectors: FloatArray, *, exact_below: int = EXACT_BELOW, on_added: Callable[[int], None] | None = None
) -> FaissIndex:
    """Index vectors, float32 (n, dim), L2-normalised.

    on_added: told how many vectors are in after each batch; what it raises stops the build.
    """
    if len(vectors) < exact_below:
        return FaissIndex(_exact(vectors), None)
    index = faiss.IndexHNSWFlat(vectors.shape[1], HNSW_M, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = HNSW_EF_CONSTRUCTION
    for start in range(0, len(vectors), ADD_BATCH):
        index.add(vectors[start : start + ADD_BATCH])
        if on_added is not None:
            on_added(index.ntotal)
    return FaissIndex(index, tune(index, vectors))


def tune(index: Any, vectors: FloatArray, *, seed: int = 0) -> Tuning:
    """Choose efSearch: the smallest that finds RECALL_TARGET of the exact neighbours, judged by a sample of questions.

    Questions are not the corpus's own vectors: each is midway between a vector and a random other, re-normalised, which is
    as far from its neighbours as a question is, so that recall is not flattered by finding itself.
    """
    rng = np.random.default_rng(seed)
    sample = min(SAMPLE, len(vectors))
    first, second = rng.integers(0, len(vectors), (2, sample))
    questions = vectors[first] * 0.7 + vectors[second] * 0.3
    questions /= np.linalg.norm(questions, axis=1, keepdims=True)
    _, exact_ids = _exact(vectors).search(questions, RECALL_K)
    recall = 0.0
    for ef_search in EF_SEARCH_CHOICES:
        index.hnsw.efSearch = ef_search
        _, ids = index.search(questions, RECALL_K)
        found = recalls(ids, exact_ids)
        recall = float(found.mean())
        if recall - CERTAINTY * found.std() / np.sqrt(sample) >= RECALL_TARGET:
            break
    else:
        log.warning(
            "HNSW finds %.1f %% of the nearest chunks at efSearch %d, less than its target", recall * 100, ef_search
        )
    return Tuning(ef_search, recall, sample)


def overlap(ids: IntArray, exact_ids: IntArray) -> float:
    """Share of the exact neighbours that were found: recall@k, both arrays (n, k)."""
    return float(recalls(ids, exact_ids).mean())


def recalls(ids: IntArray, exact_ids: IntArray) -> npt.NDArray[np.float64]:
    """(n,): recall@k of each query, both arrays (n, k)."""
    hits = [len(np.intersect1d(row, exact)) for row, exact in zip(ids, exact_ids, strict=True)]
    return np.asarray(hits, np.float64) / float(exact_ids.shape[1])


def _exact(vectors: FloatArray) -> Any:
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, np.float32))
    return index
