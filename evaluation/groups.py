"""Question types against each other within a run: whether they differ at all, which pairs do, and by how much.

Takes questions as independent, so that it describes rather than proves where articles have many. Refuses to test a type with fewer
than FEWEST questions, and says so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from evaluation.paired import ALPHA, holm
from evaluation.scoring import Scored
from evaluation.summary import MEASURES, UNTYPED, FloatArray
from explain.ranking import tied_ranks
from pipeline.errors import InputError

FEWEST = 5
"""Questions below which a type is not tested."""

SIZES = ((0.147, "negligible"), (0.33, "small"), (0.474, "medium"), (1.0, "large"))
"""Upper bounds of |Cliff's δ| and what they are called (Romano et al. 2006)."""


@dataclass(frozen=True, slots=True)
class TypeGroup:
    """The questions of one type."""

    name: str
    """The type."""
    questions: int
    """Questions that count towards the measure."""
    mean: float
    """Of the measure."""
    median: float
    why_no_test: str
    """Why it is left out of the tests; empty if it is not."""


@dataclass(frozen=True, slots=True)
class TypePair:
    """Two types against each other."""

    first: str
    """A type."""
    second: str
    """Another one."""
    z: float
    """Dunn's statistic: the difference of mean ranks over its standard error, above 0 where the first ranks higher."""
    p: float
    """Two-sided."""
    p_adjusted: float
    """By Holm over all pairs."""
    cliffs_delta: float
    """Probability that a question of the first scores higher than one of the second, less that it scores lower; in [-1, 1]."""

    @property
    def size(self) -> str:
        """`negligible`, `small`, `medium` or `large`."""
        return next(word for bound, word in SIZES if abs(self.cliffs_delta) < bound or bound == 1)

    @property
    def significant(self) -> bool:
        """Whether the pair differs by more than chance."""
        return self.p_adjusted < ALPHA


@dataclass(frozen=True, slots=True)
class GroupTest:
    """One measure over the types of a run."""

    measure: str
    """Name in MEASURES."""
    groups: tuple[TypeGroup, ...]
    """Every type, in alphabetical order."""
    h: float | None
    """Kruskal–Wallis statistic, corrected for ties; None where nothing could be tested."""
    p: float | None
    """From χ² with one degree of freedom fewer than types were tested."""
    epsilon_squared: float | None
    """Share of the variance of ranks that the types account for, in [0, 1]."""
    pairs: tuple[TypePair, ...]
    """Every pair of tested types; empty where nothing could be tested."""
    why_no_test: str
    """Why nothing could be tested; empty where it could."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def compare_types(scores: Sequence[Scored], measure: str = "correct") -> GroupTest:
    """Test whether a measure differs between question types: Kruskal–Wallis (1952), then Dunn (1964) over pairs with Holm's correction.

    Types with fewer than FEWEST questions that count are shown and not tested. Raises InputError for an unknown measure.
    """
    if measure not in MEASURES:
        raise InputError(f"There is no measure {measure!r}. Choose one of {', '.join(MEASURES)}.")
    values = _by_type(scores, measure)
    groups = tuple(
        TypeGroup(
            name,
            len(found),
            float(found.mean()),
            float(np.median(found)),
            f"fewer than {FEWEST} questions" if len(found) < FEWEST else "",
        )
        for name, found in values.items()
    )
    tested = {name: found for name, found in values.items() if len(found) >= FEWEST}
    why_not = ""
    if len(tested) < 2:
        why_not = f"fewer than two types have {FEWEST} questions"
    elif np.ptp(np.concatenate(list(tested.values()))) == 0:
        why_not = "every question has the same value"
    if why_not:
        return GroupTest(measure, groups, None, None, None, (), why_not)
    h = kruskal_h(list(tested.values()))
    total = sum(map(len, tested.values()))
    return GroupTest(measure, groups, h, chi2_tail(h, len(tested) - 1), h / (total - 1), dunn_pairs(tested), "")


def _by_type(scores: Sequence[Scored], measure: str) -> dict[str, FloatArray]:
    of = MEASURES[measure]
    found: dict[str, list[float]] = {}
    for each in sorted(scores, key=lambda scored: scored.type or UNTYPED):
        value = of(each)
        if value is not None:
            found.setdefault(each.type or UNTYPED, []).append(value)
    return {name: np.array(values, np.float64) for name, values in found.items()}


def kruskal_h(groups: Sequence[FloatArray]) -> float:
    """Kruskal–Wallis H of groups of (n_i,) values, corrected for ties. ε² is H/(n − 1) (Tomczak & Tomczak 2014).

    The values must not all be equal.
    """
    ranks, variance = _ranked(groups)
    total = sum(map(len, ranks))
    spread = sum(len(each) * (each.mean() - (total + 1) / 2) ** 2 for each in ranks)
    return float(spread / variance)


def dunn_pairs(groups: Mapping[str, FloatArray]) -> tuple[TypePair, ...]:
    """Dunn's test of every pair over the ranks of all groups, Holm's correction, and Cliff's δ. The values must not all be equal."""
    ranks, variance = _ranked(list(groups.values()))
    mean = {name: (float(each.mean()), len(each)) for name, each in zip(groups, ranks, strict=True)}
    found = {}
    for one, other in combinations(groups, 2):
        (high, many), (low, more) = mean[one], mean[other]
        found[one, other] = (high - low) / math.sqrt(variance * (1 / many + 1 / more))
    p_values = {pair: math.erfc(abs(z) / math.sqrt(2)) for pair, z in found.items()}
    adjusted = holm(p_values)
    return tuple(
        TypePair(*pair, z, p_values[pair], adjusted[pair], cliffs_delta(groups[pair[0]], groups[pair[1]]))
        for pair, z in found.items()
    )


def _ranked(groups: Sequence[FloatArray]) -> tuple[list[FloatArray], float]:
    """Ranks over all groups, and their variance, which ties make smaller."""
    ranks = tied_ranks(np.concatenate(groups))
    split = np.split(ranks, np.cumsum([len(each) for each in groups])[:-1])
    return split, float(ranks.var(ddof=1))


def cliffs_delta(first: FloatArray, second: FloatArray) -> float:
    """P(x > y) − P(x < y) for x of (n,) and y of (m,), in [-1, 1] (Cliff 1993)."""
    ordered = np.sort(second)
    above = np.searchsorted(ordered, first, "left").sum()
    below = (len(second) - np.searchsorted(ordered, first, "right")).sum()
    return float((above - below) / (len(first) * len(second)))


def chi2_tail(value: float, freedom: int) -> float:
    """P(χ² ≥ value) for a whole number of degrees of freedom, from 1, by the recurrence of the incomplete gamma function (DLMF 8.8.2)."""
    half = value / 2
    shape, tail = (0.5, math.erfc(math.sqrt(half))) if freedom % 2 else (1.0, math.exp(-half))
    while shape < freedom / 2:
        tail += math.exp(shape * math.log(half) - half - math.lgamma(shape + 1)) if half > 0 else 0.0
        shape += 1
    return min(1.0, tail)
