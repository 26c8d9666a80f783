"""How good an approximate index is: its recall against exact search over a made-up sample, and the least effort that reaches the target."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import faiss
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

RECALL_TARGET = 0.99
RECALL_K = 10
SAMPLE = 200
"""Vectors whose neighbours are compared with exact search."""

CERTAINTY = 1.645
"""Standard errors that the sample's recall must be above the target: 95 %, one-sided, that other questions fare no worse."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """How an approximate index was tuned."""

    kind: str
    """An approximate kind: one of `faiss_variants.Kind`, or `managed`, which a service tunes by itself."""
    effort: int
    """efSearch of HNSW, k_factor of RaBitQ's refinement: the smallest that reached the target beyond chance, or what a person chose; 0 of a
    managed one."""
    recall: float
    """recall@10 against exact search at that effort, over the sample."""
    sample: int
    """Queries in the sample."""
    reached: bool = True
    """Whether the target was reached."""
    built: str = ""
    """What a person chose to be built, as FAISS names it: `HNSW16`; empty for what the build chose itself."""


def least_effort(search: Callable[[int], IntArray], kind: str, efforts: Sequence[int], exact_ids: IntArray) -> Tuning:
    """The smallest effort that finds RECALL_TARGET of the exact neighbours of a sample of questions, beyond chance; else the last.

    search: the ids found at an effort, (n, RECALL_K). exact_ids: those of an exact search, (n, RECALL_K).
    """
    for effort in efforts:
        found = recalls(search(effort), exact_ids)
        reached = is_enough(found)
        if reached:
            break
    return Tuning(kind, effort, float(found.mean()), len(found), reached)


def is_enough(found: npt.NDArray[np.float64]) -> bool:
    """Whether recalls of a sample, (n,), are above the target beyond chance."""
    return bool(found.mean() - CERTAINTY * found.std() / np.sqrt(len(found)) >= RECALL_TARGET)


def draw_sample(vectors: FloatArray, *, seed: int = 0) -> tuple[FloatArray, IntArray]:
    """Questions, float32 (SAMPLE, dim), and the ids of their exact neighbours, (SAMPLE, RECALL_K), fewer where there are fewer vectors.

    Questions are not the corpus's own vectors: each is midway between a vector and a random other, re-normalised, which is
    as far from its neighbours as a question is, so that recall is not flattered by finding itself.
    """
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, len(vectors), (2, min(SAMPLE, len(vectors))))
    questions = vectors[first] * 0.7 + vectors[second] * 0.3
    questions /= np.linalg.norm(questions, axis=1, keepdims=True)
    exact = faiss.IndexFlatIP(vectors.shape[1])
    exact.add(np.ascontiguousarray(vectors, np.float32))
    _, exact_ids = exact.search(questions, min(RECALL_K, len(vectors)))
    return questions, exact_ids


def overlap(ids: IntArray, exact_ids: IntArray) -> float:
    """Share of the exact neighbours that were found: recall@k, both arrays (n, k)."""
    return float(recalls(ids, exact_ids).mean())


def recalls(ids: IntArray, exact_ids: IntArray) -> npt.NDArray[np.float64]:
    """(n,): recall@k of each query, both arrays (n, k)."""
    hits = [len(np.intersect1d(row, exact)) for row, exact in zip(ids, exact_ids, strict=True)]
    return np.asarray(hits, np.float64) / float(exact_ids.shape[1])
