"""Statistics of two runs over the same questions: whether a mean difference is there, how large it may be, how many questions tell it.

Questions about one article go right and wrong together, so whole articles (clusters) are drawn and flipped. Knows nothing of scores.
Standard library and NumPy alone: the dashboard does not carry scipy, which the tests hold this against.
"""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeVar

import numpy as np

from evaluation.summary import FEWEST_CLUSTERS, FloatArray
from pipeline.errors import InputError

RESAMPLES = 4_999
"""Draws of a bootstrap."""

FLIPS = 9_999
"""Random patterns of signs, where there are too many to try every one."""

MOST_EXACT = 13
"""Clusters with a difference up to which every pattern of signs is tried: 8,192 of them."""

ALPHA, POWER = 0.05, 0.80

_BLOCK = 4_000_000
"""Numbers held at once while drawing."""

_NORMAL = NormalDist()

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Clustered:
    """Paired differences gathered by cluster."""

    sums: FloatArray
    """(clusters,), the sum of the differences of each, clusters in the order of their names."""
    sizes: FloatArray
    """(clusters,), the questions of each."""
    design_effect: float
    """How many times the variance of the mean is what it would be for independent questions; at least 1."""

    @property
    def mean(self) -> float:
        """Mean difference over questions."""
        return float(self.sums.sum() / self.sizes.sum())

    @property
    def testable(self) -> bool:
        """Whether there are clusters enough for an interval or a test (Cameron et al. 2008)."""
        return len(self.sums) >= FEWEST_CLUSTERS


def gather(clusters: Sequence[str], differences: FloatArray) -> Clustered:
    """Sum up (n,) differences, second run less first, by cluster. Raises InputError for none."""
    if len(differences) == 0 or len(clusters) != len(differences):
        raise InputError(f"{len(differences)} differences of {len(clusters)} questions cannot be compared.")
    _, places = np.unique(np.array(clusters, object).astype(str), return_inverse=True)
    centred = differences - differences.mean()
    alone, together = float(np.sum(centred**2)), float(np.sum(np.bincount(places, centred) ** 2))
    effect = max(1.0, together / alone) if alone > 0 else 1.0
    sums: FloatArray = np.bincount(places, differences).astype(np.float64)
    return Clustered(sums, np.bincount(places).astype(np.float64), effect)


def bca_interval(data: Clustered, *, seed: int = 0, resamples: int = RESAMPLES) -> tuple[float, float] | None:
    """95 % interval of the mean difference by the bias-corrected and accelerated bootstrap over resampled clusters.

    The acceleration comes from leaving out one cluster at a time (Efron 1987, JASA 82, eq. 6.6). None for fewer than FEWEST_CLUSTERS.
    Where every cluster has the same mean, that is both ends: the bootstrap does not see what did not happen.
    """
    if not data.testable:
        return None
    mean = data.mean
    if not np.ptp(data.sums / data.sizes):
        return mean, mean
    drawn = _resampled_means(data, seed, resamples)
    ties = np.isclose(drawn, mean, rtol=1e-12, atol=1e-12)
    below = float((np.sum((drawn < mean) & ~ties) + np.sum(ties) / 2) / resamples)
    bias = _NORMAL.inv_cdf(min(max(below, 0.5 / resamples), 1 - 0.5 / resamples))
    acceleration = _acceleration(data)

    def place(quantile: float) -> float:
        moved = bias + _NORMAL.inv_cdf(quantile)
        return 100 * _NORMAL.cdf(bias + moved / (1 - acceleration * moved))

    low, high = np.percentile(drawn, [place(ALPHA / 2), place(1 - ALPHA / 2)])
    return float(low), float(high)


def _resampled_means(data: Clustered, seed: int, resamples: int) -> FloatArray:
    count = len(data.sums)
    rng = np.random.default_rng(seed)
    parts = []
    for rows in _blocks(resamples, count):
        drawn = rng.integers(count, size=(rows, count))
        questions = data.sizes[drawn].sum(axis=1) if np.ptp(data.sizes) else data.sizes.sum()
        parts.append(data.sums[drawn].sum(axis=1) / questions)
    return np.concatenate(parts)


def _acceleration(data: Clustered) -> float:
    left = (data.sums.sum() - data.sums) / (data.sizes.sum() - data.sizes)
    away = left.mean() - left
    spread = float(np.sum(away**2))
    return float(np.sum(away**3) / (6 * spread**1.5)) if spread > 1e-24 else 0.0


def _blocks(rows: int, width: int) -> Iterator[int]:
    step = max(1, _BLOCK // max(1, width))
    yield from (min(step, rows - start) for start in range(0, rows, step))


def sign_flip_p(data: Clustered, *, seed: int = 0, flips: int = FLIPS) -> float:
    """Two-sided p of the mean difference: which signs would the clusters' sums have, were it a coin's throw which run is which?

    Exact up to MOST_EXACT clusters with a difference; else from random patterns, the seen one counted among them, so that p is never 0
    (Phipson & Smyth 2010). 1 where nothing differs.
    """
    sums = data.sums[data.sums != 0]
    if len(sums) == 0:
        return 1.0
    # Sums that are equal but for rounding count as equal: two orders of the same numbers must not differ.
    seen = abs(float(sums.sum())) - 1e-9 * float(np.abs(sums).sum())
    if len(sums) <= MOST_EXACT:
        patterns = np.arange(2 ** len(sums))[:, None] >> np.arange(len(sums)) & 1
        return float(np.mean(np.abs((1 - 2 * patterns) @ sums) >= seen))
    rng = np.random.default_rng(seed)
    reached = 0
    for rows in _blocks(flips, len(sums)):
        signs = 1.0 - 2.0 * rng.integers(0, 2, size=(rows, len(sums)), dtype=np.int8)
        reached += int(np.sum(np.abs(signs @ sums) >= seen))
    return (reached + 1) / (flips + 1)


def mcnemar_p(gained: int, lost: int) -> float:
    """Exact two-sided p of McNemar's test (1947) over questions: how odd is such a split of those that changed, for a fair coin?"""
    changed = gained + lost
    if changed == 0:
        return 1.0
    steps = np.arange(1, min(gained, lost) + 1, dtype=np.float64)
    logs = np.concatenate([[0.0], np.cumsum(np.log((changed - steps + 1) / steps))]) - changed * math.log(2)
    return min(1.0, 2 * float(np.exp(logs).sum()))


def holm(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """p values adjusted so that one of a family is below .05 by chance in at most 5 % of families (Holm 1979)."""
    adjusted: dict[Name, float] = {}
    highest = 0.0
    for place, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


def score_limits(gained: int, lost: int, questions: int) -> tuple[float, float]:
    """95 % score interval of the difference of two paired proportions, (gained − lost)/questions (Tango 1998, Stat. Med. 17:891).

    Unlike a bootstrap it has a width where few questions changed, or none. Questions are taken as independent.
    """
    return -_score_limit(lost, gained, questions), _score_limit(gained, lost, questions)


def _score_limit(gained: int, lost: int, questions: int) -> float:
    """The upper limit: the largest difference whose score statistic is not beyond the normal quantile, by bisection."""
    quantile = _NORMAL.inv_cdf(1 - ALPHA / 2)
    low, high = (gained - lost) / questions, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        linear = (2 * questions - gained + lost) * middle - gained - lost
        root = math.sqrt(max(0.0, linear**2 + 8 * questions * lost * middle * (1 - middle)))
        share = (root - linear) / (4 * questions)
        spread = math.sqrt(max(0.0, questions * (2 * share + middle * (1 - middle))))
        within = questions * middle - (gained - lost) <= quantile * spread
        low, high = (middle, high) if within else (low, middle)
    return low


def questions_needed(difference: float, discordance: float, *, power: float = POWER, alpha: float = ALPHA) -> int:
    """Questions that show a difference of two paired proportions (Connor 1987, Biometrics 43:207).

    difference: of the shares of right answers, in [-1, 1], not 0. discordance: the share of questions right in one run alone,
    from |difference| to 1. Raises InputError for others.
    """
    if not 0 < abs(difference) <= discordance <= 1:
        raise InputError(
            f"No number of questions shows a difference of {difference:g} where a share of {discordance:g} changes sides."
        )
    under_null = _NORMAL.inv_cdf(1 - alpha / 2) * math.sqrt(discordance)
    under_difference = _NORMAL.inv_cdf(power) * math.sqrt(discordance - difference**2)
    return math.ceil(((under_null + under_difference) / difference) ** 2)
