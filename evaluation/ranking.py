"""How well a retrieval is ordered, by the ranks of its gold chunks, and how much its chunks repeat each other.

How many gold chunks the corpus holds is not known, so that each figure speaks of those that were retrieved; recall says whether any was.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from explain.answers import split_tokens

KEPT_TEXTS = 1024
"""Chunks whose word counts are remembered, with about 8 kB each."""


@dataclass(frozen=True, slots=True)
class Redundancy:
    """Of k chunks, by the words that they share."""

    cosine: float
    """Mean cosine of their word counts over all pairs, in [0, 1]: 1 where all say the same; 0 for one chunk."""
    distinct: float
    """Vendi score (Friedman and Dieng 2023): how many different chunks they are worth, 1 to k."""


def ndcg(gold_ranks: Sequence[int]) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002) of ranks from 1, in [0, 1]; 0 without any."""
    if not gold_ranks:
        return 0.0
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, len(gold_ranks) + 1))
    return sum(1 / math.log2(rank + 1) for rank in gold_ranks) / ideal


def average_precision(gold_ranks: Sequence[int]) -> float:
    """Mean precision at the ranks of gold chunks, in [0, 1]; 0 without any. Its mean over questions is MAP."""
    if not gold_ranks:
        return 0.0
    return sum(place / rank for place, rank in enumerate(sorted(gold_ranks), start=1)) / len(gold_ranks)


def measure_redundancy(texts: Sequence[str]) -> Redundancy | None:
    """The redundancy of chunks; None where none was retrieved. A text without words is like no other."""
    if not texts:
        return None
    counts = [_count_words(text) for text in texts]
    columns = {word: place for place, word in enumerate({word for each in counts for word in each})}
    rows = np.zeros((len(texts), len(columns)), np.float64)
    for row, each in zip(rows, counts, strict=True):
        row[[columns[word] for word in each]] = list(each.values())
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    kernel = rows @ rows.T
    np.fill_diagonal(kernel, 1.0)
    return Redundancy(_mean_of_pairs(kernel), _vendi_score(kernel))


@lru_cache(KEPT_TEXTS)
def _count_words(text: str) -> Mapping[str, int]:
    """Remembered, since chunks are retrieved for many questions."""
    return Counter(split_tokens(text))


def _mean_of_pairs(kernel: np.ndarray) -> float:
    count = len(kernel)
    if count == 1:
        return 0.0
    return min(1.0, float((kernel.sum() - count) / (count * (count - 1))))


def _vendi_score(kernel: np.ndarray) -> float:
    shares = np.linalg.eigvalsh(kernel / len(kernel))
    kept = shares[shares > 1e-12]
    return float(np.exp(-(kept * np.log(kept)).sum()))
