"""The arithmetic of a soak: how steeply something grows, how long most reruns take, and what is to be said of both."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import theilslopes

WINDOWS = 24
"""Parts that the time after the warm-up is cut into; each counts by its median."""

FEWEST_WINDOWS = 6
"""With fewer, nothing is said of a slope."""

LEVEL = 0.95
"""Of the interval around a slope."""

HOUR_S = 3600.0

Verdict = Literal["held", "NOT HELD", "open"]
"""Of an aim: the interval lies below it, above it, or on both sides."""


@dataclass(frozen=True, slots=True)
class Slope:
    """How steeply something grows, by the Theil–Sen estimator: a quarter of the windows may be anything."""

    per_hour: float
    """In what was measured, an hour."""
    low: float
    """The lower end of its interval; minus infinity where the windows are too few to say."""
    high: float
    """The upper end. The windows are taken for independent, which neighbours are not quite."""

    def times(self, factor: float) -> "Slope":
        """In other units. factor: above 0."""
        return Slope(self.per_hour * factor, self.low * factor, self.high * factor)

    def verdict(self, most: float) -> Verdict:
        """Whether it grows by no more than `most` an hour."""
        if self.high <= most:
            return "held"
        return "NOT HELD" if self.low > most else "open"


def slope_of(times_s: Sequence[float], values: Sequence[float], windows: int = WINDOWS) -> Slope | None:
    """The slope of samples over time; None for too few. times_s: seconds, rising."""
    if len(times_s) < FEWEST_WINDOWS:
        return None
    edges = np.linspace(times_s[0], times_s[-1], min(windows, len(times_s)) + 1)[1:-1]
    places = np.searchsorted(edges, np.asarray(times_s), side="right")
    filled = np.unique(places)
    if len(filled) < FEWEST_WINDOWS:
        return None
    mids_h = [float(np.median(np.asarray(times_s)[places == place])) / HOUR_S for place in filled]
    medians = [float(np.median(np.asarray(values)[places == place])) for place in filled]
    found = theilslopes(medians, mids_h, LEVEL)
    low, high = float(found.low_slope), float(found.high_slope)
    return Slope(float(found.slope), -math.inf if math.isnan(low) else low, math.inf if math.isnan(high) else high)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed. share: in (0, 1]. values: at least one."""
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]
