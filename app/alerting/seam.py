"""The seam for whoever keeps series that can be watched: latency here, quality or costs elsewhere."""

from collections.abc import Sequence
from typing import Protocol

from app.alerting.rules import Rule
from app.alerting.series import Grid, Point, Series
from metrics.queries import TraceQuery


class SeriesReader(Protocol):
    """Who keeps one or several series."""

    def series(self) -> Sequence[Series]:
        """What it can read."""

    def read(self, rule: Rule, grid: Grid) -> list[Point]:
        """A rule's series: a point for each end of the grid, in its order. Raises RaglassError where it cannot be read."""

    def behind(self, rule: Rule, since_s: float, until_s: float) -> TraceQuery | None:
        """The traces that make a rule's values bad, the worst first; None where they are not known."""
