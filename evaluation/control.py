"""Control charts of a mean: whether the values of a window still have the mean of a reference, from counts, means and spreads alone.

A window of few values is held against nothing. Of shares, which are skewed near 0 and 1, the test is exact.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.drift import FEWEST_QUESTIONS
from evaluation.paired import ALPHA, holm

EXACT_BELOW = 50.0
"""Smallest expected number on either side of all outcomes from which a share is taken for normal."""

ONE_SIDED = 1.6448536269514722
"""The normal distribution's 95th percentile: 19 of 20 windows stay on this side."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Values, summed up."""

    count: int
    """How many."""
    mean: float
    """Their mean."""
    spread: float
    """Their standard deviation, that of a population."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What 19 of 20 windows stay above, and 19 of 20 below, if nothing changed."""

    low: float
    """Below the mean."""
    high: float
    """Above it."""


def pool(samples: Sequence[Sample]) -> Sample:
    """Several samples as one. Raises ZeroDivisionError for no value."""
    count = sum(each.count for each in samples)
    mean = sum(each.count * each.mean for each in samples) / count
    squares = sum(each.count * (each.spread**2 + each.mean**2) for each in samples) / count
    return Sample(count, mean, math.sqrt(max(squares - mean**2, 0.0)))


def limits(reference: Sample, size: int, *, shares: bool) -> Limits:
    """Control limits for the mean of `size` values. shares: values in [0, 1], whose limits are too."""
    error = _deviation(reference, shares=shares) * math.sqrt(1 / size + 1 / reference.count)
    low, high = reference.mean - ONE_SIDED * error, reference.mean + ONE_SIDED * error
    return Limits(max(low, 0.0), min(high, 1.0)) if shares else Limits(low, high)


def _deviation(sample: Sample, *, shares: bool) -> float:
    """The standard deviation; of shares at least what one more outcome would give (Laplace's rule), for all-alike values have none."""
    if not shares:
        return sample.spread
    unseen = 1 / (sample.count + 2)
    return max(sample.spread, math.sqrt(unseen * (1 - unseen)))


def shifted(reference: Sample, windows: Sequence[Sample], *, shares: bool) -> list[bool]:
    """Of each window whether its mean is another than the reference's, two-sided at 5 % over all windows (Holm).

    Windows, and a reference, of fewer than FEWEST_QUESTIONS values never are.
    """
    if reference.count < FEWEST_QUESTIONS:
        return [False] * len(windows)
    tested = {
        str(place): shift_p(reference, window, shares=shares)
        for place, window in enumerate(windows)
        if window.count >= FEWEST_QUESTIONS
    }
    adjusted = holm(tested) if tested else {}
    return [adjusted.get(str(place), 1.0) < ALPHA for place in range(len(windows))]


def shift_p(reference: Sample, window: Sample, *, shares: bool) -> float:
    """Two-sided p that both have one mean.

    Of shares by Fisher's exact test of sums, rounded: of all values in [0, 1] with a mean, zeros and ones vary most, so p is on the safe
    side. Of others, and where many are on either side, by the normal distribution.
    """
    both = pool([reference, window])
    expected = both.count * min(both.mean, 1 - both.mean) if shares else math.inf
    if shares and expected < EXACT_BELOW:
        return fisher_p(round(window.mean * window.count), window.count, round(both.mean * both.count), both.count)
    error = both.spread * math.sqrt(1 / reference.count + 1 / window.count)
    distance = abs(reference.mean - window.mean)
    if error <= 1e-12:
        return 1.0 if distance <= 1e-12 else 0.0
    return math.erfc(distance / error / math.sqrt(2))


def fisher_p(hits: int, drawn: int, all_hits: int, total: int) -> float:
    """Two-sided p of `hits` among `drawn` of `total`, of which `all_hits` are hits: outcomes no likelier than this one (Fisher 1922)."""
    low, high = max(0, drawn + all_hits - total), min(drawn, all_hits)
    seen = _log_ways(hits, drawn, all_hits, total)
    terms = (_log_ways(each, drawn, all_hits, total) for each in range(low, high + 1))
    return min(1.0, sum(math.exp(term) for term in terms if term <= seen + 1e-7))


def _log_ways(hits: int, drawn: int, all_hits: int, total: int) -> float:
    """log of the hypergeometric probability."""
    return _log_choose(all_hits, hits) + _log_choose(total - all_hits, drawn - hits) - _log_choose(total, drawn)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
