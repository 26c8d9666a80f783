"""The FAISS index: exact below 10,000 vectors; above, the first approximate kind whose measured recall reaches its target.

HNSW is tried first, then RaBitQ codes with refinement, which vectors that are hard for a graph need; docs/adr/0005 says why.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import faiss
import numpy as np
import numpy.typing as npt

from pipeline.errors import DimensionMismatch, Unavailable

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

Kind = Literal["hnsw", "rabitq"]
"""The approximate kinds of index."""

log = logging.getLogger(__name__)

EXACT_BELOW = 10_000
"""Below this an exact search takes under a millisecond, so there is nothing to trade recall for."""

HNSW_M = 32
HNSW_EF_CONSTRUCTION = 200
EF_SEARCH_CHOICES = (32, 64, 96, 128, 192, 256, 384, 512, 768)
K_FACTOR_CHOICES = (10, 20, 40, 80, 160)
RECALL_TARGET = 0.99
RECALL_K = 10
SAMPLE = 200
"""Vectors whose neighbours are compared with exact search."""

CERTAINTY = 1.645
"""Standard errors that the sample's recall must be above the target: 95 %, one-sided, that other questions fare no worse."""

ADD_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Tuning:
    """How an approximate index was tuned."""

    kind: Kind
    """`hnsw` or `rabitq`."""
    effort: int
    """efSearch of HNSW, k_factor of RaBitQ's refinement: the smallest choice that reached the target beyond chance."""
    recall: float
    """recall@10 against exact search at that effort, over the sample."""
    sample: int
    """Queries in the sample."""
    reached: bool = True
    """Whether the target was reached."""


class FaissIndex:
    """Inner-product search over L2-normalised vectors, so that scores are cosines."""

    def __init__(self, index: Any, tuning: Tuning | None) -> None:
        self._index = index
        self.tuning = tuning
        if tuning is not None:
            set_effort(index, tuning.kind, tuning.effort)

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
        """`exact`, `hnsw` or `rabitq`."""
        return "exact" if self.tuning is None else self.tuning.kind

    def search(self, vectors: FloatArray, top_k: int, *, exact: bool = False) -> tuple[FloatArray, IntArray]:
        """Rank vectors by inner product.

        vectors: float32 (n, dim), L2-normalised, so scores are cosine in [-1, 1]. exact: compare with every vector, whatever the kind.
        Returns (scores, ids), each (n, top_k), best first; id -1 pads an index smaller than top_k.
        Raises DimensionMismatch if dim differs from the index.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.dimension:
            raise DimensionMismatch(
                f"The question's vector has shape {vectors.shape}, the index holds vectors of {self.dimension}. "
                "The embedder is not the one that built the index: run `raglass index --rebuild`.",
                stage="retrieve",
            )
        searched = self._whole if exact else self._index
        scores, ids = searched.search(np.ascontiguousarray(vectors, np.float32), top_k)
        return scores, ids

    def reconstruct(self, ids: IntArray) -> FloatArray:
        """The vectors at given ids: float32 (len(ids), dim)."""
        return np.asarray(self._whole.reconstruct_batch(np.ascontiguousarray(ids, np.int64)), dtype=np.float32)

    @property
    def _whole(self) -> Any:
        """The flat index of the vectors themselves, which every kind holds: beside HNSW's graph, behind RaBitQ's lossy codes."""
        return getattr(self._index, WHOLE[self.tuning.kind]) if self.tuning is not None else self._index

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
    """Index vectors, float32 (n, dim), L2-normalised: exactly where there are few, else by the first kind that is good enough.

    on_added: told how many vectors are in after each batch; what it raises stops the build.
    """
    if len(vectors) < exact_below:
        return FaissIndex(_exact(vectors), None)
    questions, exact_ids = _sample(vectors)
    for kind, build in BUILDERS.items():
        index = build(vectors, on_added or (lambda done: None))
        tuning = tune(index, kind, questions, exact_ids)
        if tuning.reached:
            return FaissIndex(index, tuning)
        log.info("%s finds %.1f %% of the nearest chunks, less than the target", kind, tuning.recall * 100)
        del index
    log.warning("no approximate index reaches its target for these vectors, so the search is exact, and slower")
    return FaissIndex(_exact(vectors), None)


def _build_hnsw(vectors: FloatArray, on_added: Callable[[int], None]) -> Any:
    index = faiss.IndexHNSWFlat(vectors.shape[1], HNSW_M, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = HNSW_EF_CONSTRUCTION
    for start in range(0, len(vectors), ADD_BATCH):
        index.add(vectors[start : start + ADD_BATCH])
        on_added(index.ntotal)
    return index


def _build_rabitq(vectors: FloatArray, on_added: Callable[[int], None]) -> Any:
    """One-bit codes that are scanned, the best of them compared again with the vectors themselves; built in seconds."""
    index = faiss.index_factory(vectors.shape[1], "RaBitQfs,RFlat", faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    on_added(index.ntotal)
    return index


BUILDERS: dict[Kind, Callable[[FloatArray, Callable[[int], None]], Any]] = {
    "hnsw": _build_hnsw,
    "rabitq": _build_rabitq,
}
"""In the order in which they are tried."""

CHOICES: dict[Kind, tuple[int, ...]] = {"hnsw": EF_SEARCH_CHOICES, "rabitq": K_FACTOR_CHOICES}
"""Efforts of each kind, from the least."""

WHOLE: dict[Kind, str] = {"hnsw": "storage", "rabitq": "refine_index"}
"""Where each kind keeps the vectors themselves."""


def set_effort(index: Any, kind: Kind, effort: int) -> None:
    """How much of an approximate index a search looks at."""
    if kind == "hnsw":
        index.hnsw.efSearch = effort
    else:
        index.k_factor = float(effort)


def tune(index: Any, kind: Kind, questions: FloatArray, exact_ids: IntArray) -> Tuning:
    """Choose the effort: the smallest that finds RECALL_TARGET of the exact neighbours of a sample of questions, beyond chance."""
    for effort in CHOICES[kind]:
        set_effort(index, kind, effort)
        _, ids = index.search(questions, RECALL_K)
        found = recalls(ids, exact_ids)
        reached = bool(found.mean() - CERTAINTY * found.std() / np.sqrt(len(found)) >= RECALL_TARGET)
        if reached:
            break
    return Tuning(kind, effort, float(found.mean()), len(questions), reached)


def _sample(vectors: FloatArray, *, seed: int = 0) -> tuple[FloatArray, IntArray]:
    """Questions, float32 (SAMPLE, dim), and the ids of their exact neighbours, (SAMPLE, RECALL_K).

    Questions are not the corpus's own vectors: each is midway between a vector and a random other, re-normalised, which is
    as far from its neighbours as a question is, so that recall is not flattered by finding itself.
    """
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, len(vectors), (2, min(SAMPLE, len(vectors))))
    questions = vectors[first] * 0.7 + vectors[second] * 0.3
    questions /= np.linalg.norm(questions, axis=1, keepdims=True)
    _, exact_ids = _exact(vectors).search(questions, RECALL_K)
    return questions, exact_ids


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
