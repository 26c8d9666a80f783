"""What a chart is drawn from: series of one metric over time, whoever keeps them, and what a keeper must offer.

Plain data on one grid of periods; where nothing was measured the value is None, which is not 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Statistic = Literal["Average", "Sum", "SampleCount", "Maximum", "p50", "p95", "p99"]
"""CloudWatch's words for what becomes of the values of one period."""

Dimensions = tuple[tuple[str, str], ...]
"""Names and values, sorted by name."""


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """One statistic of one metric."""

    namespace: str
    """`RAG_MLOps`, `AWS/SageMaker`, …"""
    name: str
    """The metric, for example `Latency`."""
    statistic: Statistic
    """What becomes of a period's values."""
    dimensions: Dimensions
    """Exactly those under which the metric is published: CloudWatch aggregates over none."""
    unit: str
    """Unit of the values as published: `Milliseconds`, `Microseconds`, `Count`, `None`."""

    def dimension(self, name: str) -> str:
        """The value of a dimension; empty if the metric has none of that name."""
        return dict(self.dimensions).get(name, "")


@dataclass(frozen=True, slots=True)
class Window:
    """Whole periods from one time to another."""

    start_s: int
    """Beginning of the first period, in seconds since the epoch: a multiple of `period_s`."""
    end_s: int
    """End of the last period."""
    period_s: int
    """Seconds in a period: a multiple of 60."""

    @classmethod
    def ending(cls, now_s: float, length_s: int, period_s: int) -> "Window":
        """The window of this length whose last period is the one that runs at `now_s`."""
        end_s = (int(now_s) // period_s + 1) * period_s
        return cls(end_s - max(length_s // period_s, 1) * period_s, end_s, period_s)

    @property
    def periods(self) -> range:
        """Beginnings of the periods, ascending."""
        return range(self.start_s, self.end_s, self.period_s)

    @property
    def minutes(self) -> float:
        """Minutes in a period."""
        return self.period_s / 60


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """One metric's statistic over a window."""

    namespace: str
    """As in the query."""
    name: str
    """As in the query."""
    unit: str
    """As in the query."""
    statistic: Statistic
    """As in the query."""
    dimensions: Dimensions
    """As in the query."""
    points: tuple[tuple[int, float | None], ...]
    """Beginning of a period in seconds since the epoch, and its value or None; one for each period, ascending."""
    period_s: int
    """Seconds in a period."""
    incomplete_from_s: int | None
    """Values of periods that begin here or later may still change; None where none of the window's may."""

    @property
    def values(self) -> dict[int, float]:
        """The known values, by the beginning of their period."""
        return {start_s: value for start_s, value in self.points if value is not None}

    def __iter__(self) -> Iterator[tuple[int, float | None]]:
        return iter(self.points)


def make_series(
    query: MetricQuery, window: Window, values: dict[int, float], incomplete_from_s: int | None
) -> MetricSeries:
    """The series of a query from the values that are known, on the window's grid."""
    return MetricSeries(
        namespace=query.namespace,
        name=query.name,
        unit=query.unit,
        statistic=query.statistic,
        dimensions=query.dimensions,
        points=tuple((start_s, values.get(start_s)) for start_s in window.periods),
        period_s=window.period_s,
        incomplete_from_s=incomplete_from_s if incomplete_from_s is None or incomplete_from_s < window.end_s else None,
    )


class MetricsSource(Protocol):
    """Who keeps metrics: the local trace store, or CloudWatch."""

    name: str
    """`local` or `cloudwatch`."""

    def read(self, queries: Sequence[MetricQuery], window: Window) -> list[MetricSeries]:
        """One series for each query, in their order; without a value where the metric is not kept here.

        Raises RaglassError where the metrics cannot be read at all.
        """
