"""How an embedder lays out questions and chunks: right pairs against wrong ones, how crowded the space is, which chunks come up everywhere.

Cosines throughout: higher is more alike. None of it says how good the answers are; models with narrow ranges of cosines can rank well.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.groups import cliffs_delta
from pipeline.errors import InputError

FloatArray = npt.NDArray[np.float64]

RANDOM_PAIRS = 20_000
"""Pairs of chunks whose mean cosine is the anisotropy."""

WRONG_PAIRS = 5
"""Chunks at random that a question is held against."""

NEIGHBOURS = 10
"""Nearest chunks of a question that count for hubness."""

_BLOCK = 256
"""Questions whose cosines with every chunk are held at once."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What is seen of an embedder's vectors. Lists of pairs hold questions that have a gold chunk, in their order."""

    right: tuple[float | None, ...]
    """(n,): cosine of a question and its nearest gold chunk; None without one."""
    wrong: tuple[float, ...]
    """(≤ n × WRONG_PAIRS,): cosines of questions and chunks at random that are not gold."""
    nearest_wrong: tuple[float | None, ...]
    """(n,): cosine of a question and its nearest chunk that is not gold; None for a question without a gold chunk."""
    told_apart: float | None
    """Probability that a right pair is more alike than a wrong one drawn at random (AUROC); None without pairs."""
    anisotropy: float
    """Mean cosine of two chunks drawn at random: 0 for directions spread evenly, 1 where all are one."""
    hubness: float | None
    """Skewness of how often a chunk is among the NEIGHBOURS nearest of a question; None where every chunk is as often."""
    never: float
    """Share of chunks that are among the nearest of no question."""

    @property
    def margins(self) -> tuple[float | None, ...]:
        """(n,): by how much the nearest gold chunk is nearer than the nearest other one; below 0 where it is not."""
        return tuple(
            None if right is None or wrong is None else right - wrong
            for right, wrong in zip(self.right, self.nearest_wrong, strict=True)
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self) | {"margins": self.margins}


def measure_layout(
    questions: npt.ArrayLike, chunks: npt.ArrayLike, gold: Sequence[Sequence[int]], *, seed: int = 0
) -> Layout:
    """Look at (n, d) questions and (m, d) chunks, L2-normalised. gold: the rows of each question's gold chunks, perhaps none.

    The same pairs are drawn for the same sizes and seed, so that embedders are held against the same ones.
    Raises InputError for fewer than two chunks, or vectors that are no finite numbers.
    """
    asked, held = np.asarray(questions, np.float64), np.asarray(chunks, np.float64)
    if len(held) < 2 or len(gold) != len(asked) or not (np.isfinite(asked).all() and np.isfinite(held).all()):
        raise InputError(
            f"{len(asked)} questions and {len(held)} chunks cannot be looked at; two chunks and finite numbers are needed."
        )
    draw = np.random.default_rng(seed)
    right: list[float | None] = []
    nearest: list[float | None] = []
    wrong: list[float] = []
    k = min(NEIGHBOURS, len(held) - 1)
    times = np.zeros(len(held))
    for start in range(0, len(asked), _BLOCK):
        cosines = np.clip(asked[start : start + _BLOCK] @ held.T, -1, 1)
        times += np.bincount(np.argpartition(-cosines, k - 1, axis=1)[:, :k].ravel(), minlength=len(held))
        for row, rows in zip(cosines, gold[start : start + _BLOCK], strict=True):
            others = draw.integers(len(held), size=WRONG_PAIRS)
            is_gold = np.isin(np.arange(len(held)), np.asarray(rows, np.int64))
            told = bool(rows) and not is_gold.all()
            right.append(float(row[is_gold].max()) if told else None)
            nearest.append(float(row[~is_gold].max()) if told else None)
            wrong += row[others[~is_gold[others]]].tolist() if told else []
    pairs = np.array([each for each in right if each is not None])
    delta = cliffs_delta(pairs, np.array(wrong)) if len(pairs) and wrong else None
    return Layout(
        tuple(right),
        tuple(wrong),
        tuple(nearest),
        None if delta is None else (delta + 1) / 2,
        mean_cosine(held, draw),
        skewness(times) if len(asked) else None,
        float(np.mean(times == 0)),
    )


def mean_cosine(vectors: FloatArray, draw: np.random.Generator, pairs: int = RANDOM_PAIRS) -> float:
    """Mean cosine of pairs of different rows of (n, d) L2-normalised vectors, drawn at random; n ≥ 2."""
    first = draw.integers(len(vectors), size=pairs)
    second = (first + draw.integers(1, len(vectors), size=pairs)) % len(vectors)
    return float(np.einsum("ij,ij->i", vectors[first], vectors[second]).mean())


def skewness(values: FloatArray) -> float | None:
    """Third standardised moment of (n,) values; None where all are the same."""
    centred = values - values.mean()
    spread = float(np.mean(centred**2))
    return float(np.mean(centred**3)) / spread**1.5 if spread > 1e-12 else None
