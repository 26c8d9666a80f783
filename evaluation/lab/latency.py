"""How long the same questions take here and there: percentiles, the ratio with its interval, and whether it could be chance.

A question that takes long takes long on every target, so that questions are paired and ratios are compared, on a logarithmic scale. Knows
nothing of backends or clocks.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluation.paired import bca_interval, gather, holm, sign_flip_p

SHORTEST_MS = 0.001
"""Less than this is the clock's own step, and counts as this."""

FEWEST_SETTLED = 20
"""Questions below which a 95 % interval of the bootstrap is known to be too narrow, and p95 is little else than the slowest question."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took, in milliseconds."""

    questions: int
    """How many were measured."""
    p50_ms: float
    """The median."""
    p95_ms: float
    """95 of 100 took no longer, by linear interpolation between two measured values."""
    mean_ms: float
    """The mean."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as long the second of two targets takes for the same question."""

    value: float
    """Geometric mean of the questions' ratios: below 1, the second is faster."""
    low: float | None
    """Lower end of the 95 % interval; None for fewer than five questions."""
    high: float | None
    """Upper end."""
    p: float
    """Two-sided p of the paired sign-flip permutation test of the mean logarithm; adjusted where `adjust` has been over it."""
    questions: int
    """Questions that both have answered."""

    @property
    def change(self) -> float:
        """The change as a share of the first: −0.35 is 35 % less."""
        return self.value - 1


def spread(values_ms: Sequence[float]) -> Spread | None:
    """Percentiles and mean of some times; None of none."""
    if not values_ms:
        return None
    p50_ms, p95_ms = np.percentile(np.array(values_ms, np.float64), [50, 95])
    return Spread(len(values_ms), float(p50_ms), float(p95_ms), float(np.mean(values_ms)))


def pair(
    first_ms: Mapping[str, Sequence[float]], second_ms: Mapping[str, Sequence[float]], *, seed: int = 0
) -> Ratio | None:
    """Compare two targets over the questions that both have answered; None where there is no such question.

    first_ms, second_ms: times by question, several of a question that was asked several times, of which the geometric mean counts.
    The interval is the BCa bootstrap's over questions, brought back from the logarithm.
    """
    shared = [each for each in first_ms if each in second_ms and first_ms[each] and second_ms[each]]
    if not shared:
        return None
    differences = np.array([_log(second_ms[each]) - _log(first_ms[each]) for each in shared], np.float64)
    data = gather(shared, differences)
    limits = bca_interval(data, seed=seed)
    low, high = (None, None) if limits is None else map(math.exp, limits)
    return Ratio(math.exp(data.mean), low, high, sign_flip_p(data, seed=seed), len(shared))


def adjust(ratios: Mapping[str, Ratio | None]) -> dict[str, Ratio | None]:
    """The same ratios with p adjusted for there being several, by Holm."""
    adjusted = holm({name: ratio.p for name, ratio in ratios.items() if ratio is not None})
    return {name: None if ratio is None else replace(ratio, p=adjusted[name]) for name, ratio in ratios.items()}


def slowest(values_ms: Sequence[float | None], count: int) -> list[int]:
    """Places of the `count` longest times, in order of their places; of None, none.

    So many calls of a minute were cold, as CloudWatch counts them by the minute: those are the slowest ones of it.
    """
    known = [(value, place) for place, value in enumerate(values_ms) if value is not None]
    return sorted(place for _, place in sorted(known, key=lambda each: -each[0])[:count])


def _log(values_ms: Sequence[float]) -> float:
    return float(np.mean(np.log(np.maximum(np.array(values_ms, np.float64), SHORTEST_MS))))
