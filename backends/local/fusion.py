"""Dense and lexical candidates to one order: cosines and BM25 scores, standardised and added. Pure NumPy.

The weights were chosen on the fit articles of SQuAD v2 dev (benchmarks/fit_fusion.py prints the grid). Around them the measure is flat:
any weight within a factor of 1.5 gives the same recall within a point.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IdArray = npt.NDArray[np.int64]
ScoreOf = Callable[[IdArray], FloatArray]
"""A score for each of some ids."""

CANDIDATES = 100
"""Chunks to take from each side before fusing; those that both miss are out of reach."""


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """What each standardised score counts for."""

    chunk: float
    """Cosine of question and chunk."""
    sentence: float
    """Best cosine of the question and a sentence of the chunk; unused where sentences have no vectors."""
    bm25: float
    """BM25 of question and chunk."""


WITH_SENTENCES = FusionWeights(chunk=0.5, sentence=1.0, bm25=0.8)
WITHOUT_SENTENCES = FusionWeights(chunk=1.0, sentence=0.0, bm25=0.7)


@dataclass(frozen=True, slots=True)
class Fused:
    """Fused candidates, best first. All arrays have one entry a chunk."""

    ids: IdArray
    """Positions in the corpus."""
    cosines: FloatArray
    """Cosine similarity with the question, in [-1, 1]."""
    bm25: FloatArray
    """BM25 of the question; 0 where no word is shared."""
    sentence: FloatArray | None
    """Best cosine of the question and a sentence of the chunk; None where sentences have no vectors."""
    fused: FloatArray
    """What the order stands on; comparable within one question only."""


def fuse(
    dense_ids: IdArray,
    dense_cosines: FloatArray,
    lexical_ids: IdArray,
    lexical_scores: FloatArray,
    top_k: int,
    *,
    cosine_of: ScoreOf,
    lexical_of: ScoreOf,
    sentence_of: ScoreOf | None = None,
    weights: FusionWeights | None = None,
) -> Fused:
    """Order the union of both sides by a weighted sum of z-scores over the union, and keep the `top_k` best.

    dense_ids may be padded with -1, as FAISS does; neither side may name an id twice.
    cosine_of, lexical_of: one side's scores for ids that only the other found. sentence_of: best sentence cosine, asked for the
    whole union; None leaves that score out. None of them is called without ids.
    A score without spread (one chunk, or no word of the question known) counts nothing. Ties keep the dense order, then the lexical.
    """
    kept = dense_ids >= 0
    dense = dict(zip(dense_ids[kept].tolist(), dense_cosines[kept].tolist(), strict=True))
    lexical = dict(zip(lexical_ids.tolist(), lexical_scores.tolist(), strict=True))
    ids = np.array(list(dense | lexical), np.int64)
    cosines, bm25 = _complete(ids, dense, cosine_of), _complete(ids, lexical, lexical_of)
    sentence = None if sentence_of is None else _complete(ids, {}, sentence_of)
    weights = weights or (WITHOUT_SENTENCES if sentence is None else WITH_SENTENCES)
    scores = weights.chunk * standardise(cosines) + weights.bm25 * standardise(bm25)
    if sentence is not None:
        scores += weights.sentence * standardise(sentence)
    order = np.argsort(-scores, kind="stable")[:top_k]
    best_sentence = None if sentence is None else sentence[order]
    return Fused(ids[order], cosines[order], bm25[order], best_sentence, scores[order].astype(np.float32))


def standardise(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """z-scores with the population's deviation; zeros where all values are the same, or there are none."""
    array = np.asarray(values, np.float64)
    if array.size == 0 or np.ptp(array) < 1e-9:
        return np.zeros(array.shape)
    return np.asarray((array - array.mean()) / array.std())


def _complete(ids: IdArray, known: Mapping[int, float], score_of: ScoreOf) -> FloatArray:
    """Scores of `ids`, those not known asked for in one call."""
    scores = np.array([known.get(i, np.nan) for i in ids.tolist()], np.float32)
    missing = np.array([i not in known for i in ids.tolist()], np.bool_)
    if missing.any():
        scores[missing] = score_of(ids[missing])
    return scores


def best_sentence_cosines(
    question: FloatArray, vectors: npt.NDArray[np.floating], starts: IdArray, ids: IdArray
) -> FloatArray:
    """(len(ids),): best cosine of the question (dim,) and a sentence of each chunk; for `fuse`'s `sentence_of`.

    vectors: every sentence of the corpus, (n, dim), of any float type, memory-mapped if need be; the sentences of chunk i are rows
    starts[i] to starts[i + 1], so starts has one entry more than there are chunks. A chunk without sentences gets the lowest cosine found.
    """
    counts = starts[ids + 1] - starts[ids]
    ends = np.cumsum(counts)
    rows = np.repeat(starts[ids] - ends + counts, counts) + np.arange(ends[-1] if len(ends) else 0)
    cosines = np.asarray(vectors[rows], np.float32) @ question
    best = np.full(len(ids), cosines.min(initial=1), np.float32)
    filled = counts > 0
    if filled.any():
        best[filled] = np.maximum.reduceat(cosines, (ends - counts)[filled])
    return best
