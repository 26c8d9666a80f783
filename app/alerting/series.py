"""What can be watched: a series' description, and its values on a grid of times."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from metrics.latency import MINUTE_S

Side = Literal["above", "below"]
"""On which side of a bound a value is bad."""

Unit = Literal["ms", "share", "usd", "number"]
"""Milliseconds, a part of all in [0, 1], US dollars, or a figure that has none."""

REACH: Mapping[Unit, tuple[float | None, float | None]] = {
    "ms": (0.0, None),
    "share": (0.0, 1.0),
    "usd": (0.0, None),
    "number": (None, None),
}
"""The lowest and the highest value that there can be, by what a series is counted in."""

STEPS = 10
"""Steps of a grid in a window, at most: a longer window need not be measured as often."""


@dataclass(frozen=True, slots=True)
class Series:
    """One thing that can be watched, and what a rule on it is unless said otherwise."""

    name: str
    """By which rules know it."""
    title: str
    """By which people do, with a capital letter."""
    unit: Unit
    """What its values are counted in."""
    worse: Side = "above"
    """Which values are the bad ones."""
    threshold: str = ""
    """A bound to begin with, as it is written."""
    window_s: int = 300
    """Seconds that a value is measured over."""
    for_s: int = 300
    """Seconds that it must hold."""
    minimum: int = 20
    """Traces below which nothing is said."""
    by_stage: bool = False
    """Whether it is counted for each stage."""
    by_backend: bool = True
    """Whether it is counted for each backend."""
    windowed: bool = True
    """Whether a value is of the rule's window; else of one that the series has itself."""
    within: tuple[float | None, float | None] | None = None
    """The lowest and the highest value that there can be, None where there is no such; None for what its unit says."""

    @property
    def reach(self) -> tuple[float | None, float | None]:
        """The lowest and the highest value that there can be."""
        return REACH[self.unit] if self.within is None else self.within


@dataclass(frozen=True, slots=True)
class Point:
    """The value of one window."""

    end_s: int
    """The window's end, in seconds since the epoch."""
    value: float | None
    """None where nothing was measured."""
    count: int
    """Traces that it is of."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Windows of one length, which overlap."""

    ends: tuple[int, ...]
    """Their ends, ascending, in seconds since the epoch: multiples of 60."""
    window_s: int
    """Their length."""

    @classmethod
    def ending(cls, now_s: float, length_s: int, window_s: int) -> "Grid":
        """Windows whose ends cover `length_s` up to the end of the running minute."""
        last_s = (int(now_s) // MINUTE_S + 1) * MINUTE_S
        step_s = max(window_s // STEPS // MINUTE_S, 1) * MINUTE_S
        steps = -(-length_s // step_s)
        return cls(tuple(last_s - step * step_s for step in range(steps, -1, -1)), window_s)

    @property
    def since_s(self) -> int:
        """Beginning of the first window."""
        return self.ends[0] - self.window_s

    @property
    def until_s(self) -> int:
        """End of the last one."""
        return self.ends[-1]


def slide(parts: Mapping[int, tuple[float, int]], grid: Grid, *, total: bool = False) -> list[Point]:
    """Points of a grid, of what was measured by the minute: the mean over each window, or the sum.

    parts: by the beginning of a stretch that lies within one step, the sum of its values and how many there are.
    """
    starts = sorted(parts)
    sums = [0.0, *accumulate(parts[start][0] for start in starts)]
    counts = [0, *accumulate(parts[start][1] for start in starts)]
    points = []
    for end_s in grid.ends:
        first, last = bisect_left(starts, end_s - grid.window_s), bisect_left(starts, end_s)
        count, summed = counts[last] - counts[first], sums[last] - sums[first]
        points.append(Point(end_s, None if not count else summed if total else summed / count, count))
    return points
