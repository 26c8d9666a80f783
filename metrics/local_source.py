"""Metrics from the local trace store's sketches, in the shape in which CloudWatch gives them.

It remembers what it read of a period and reads it again only when more was counted in it, or spans came late to a trace that was, so that a
refresh over a week costs one sum and the period that is running.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from metrics.latency import LatencyPoint
from metrics.series import MetricQuery, MetricSeries, Statistic, Window, make_series
from metrics.store import TraceStore
from pipeline.measures import NAMESPACE

MAX_REMEMBERED = 20_000
"""Periods kept in memory at most: two weeks of minutes."""

LATE_S = 3_600
"""How long after a period nearly all of its spans have come."""

LATER_EVERY_S = 300.0
"""How often at most an older period is read again because spans came late to some trace: a day of minutes takes a good part of a second."""

Place = tuple[str | None, str | None, int, int]
"""Of which backend and whence the questions came (None for all), seconds in a period, and its beginning."""

LATENCIES: dict[Statistic, Callable[[LatencyPoint], float]] = {
    "Average": lambda point: point.mean_ms,
    "Sum": lambda point: point.mean_ms * point.count,
    "SampleCount": lambda point: float(point.count),
    "p50": lambda point: point.p50_ms,
    "p95": lambda point: point.p95_ms,
    "p99": lambda point: point.p99_ms,
}
"""How each statistic of `Latency` is read from a point."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was read of a period."""

    count: int
    """Timings that it held."""
    changes: int
    """How often traces had changed in the store by then."""
    read_at: float
    """When it was read, in seconds since the epoch."""
    points: list[LatencyPoint]
    """What it holds."""

    def holds(self, count: int, changes: int, now_s: float, end_s: float) -> bool:
        """Whether it may still be shown. end_s: of the period."""
        older = end_s < now_s - LATE_S and now_s - self.read_at < LATER_EVERY_S
        return self.count == count and (self.changes == changes or older)


class LocalSource:
    """The sketches of this dashboard's traces."""

    name = "local"

    def __init__(self, store: Callable[[], TraceStore], *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[Place, Known] = {}

    def read(self, queries: Sequence[MetricQuery], window: Window, origin: str | None = None) -> list[MetricSeries]:
        """One series for each query; only `Latency` and `ErrorCount` are kept here. Raises StoreError.

        origin: whence the questions came; None for all.
        """
        values: dict[MetricQuery, dict[int, float]] = {query: {} for query in queries}
        wanted: dict[tuple[str, str], list[MetricQuery]] = {}
        for query in values:
            if query.namespace == NAMESPACE:
                wanted.setdefault((query.dimension("Backend"), query.dimension("Stage")), []).append(query)
        backends = {backend for backend, _ in wanted}
        # A sketch costs some microseconds, and a week has ten thousand of each stage: those of other backends are left.
        backend = backends.pop() if len(backends) == 1 else None
        for start_s, points in self._points(window, backend, origin).items():
            for point in points:
                for query in wanted.get((point.backend, point.stage), ()):
                    value = _value(query, point)
                    if value is not None:
                        values[query][start_s] = value
        running_s = int(self._clock()) // window.period_s * window.period_s
        return [make_series(query, window, values[query], running_s) for query in queries]

    def _points(self, window: Window, backend: str | None, origin: str | None) -> dict[int, list[LatencyPoint]]:
        """What each period of the window holds, by its beginning."""
        store, period_s = self._store(), window.period_s
        counts = store.latency_counts(window.start_s, window.end_s, period_s, origin)
        # What was counted since these were taken is read again with the next refresh.
        changes, now_s = store.changes(), self._clock()
        told: dict[int, list[LatencyPoint]] = {}
        with self._lock:
            for start_s, count in counts.items():
                known = self._known.get((backend, origin, period_s, start_s))
                if known is not None and known.holds(count, changes, now_s, start_s + period_s):
                    told[start_s] = known.points
        # Without the lock: a database that is slow holds up whoever asks it, and nobody else.
        read: dict[int, list[LatencyPoint]] = {start_s: [] for start_s in counts if start_s not in told}
        for first_s, end_s in _runs(list(read), period_s):
            for point in store.latency(first_s, end_s, period_s, backend=backend, origin=origin):
                read[int(point.start_s)].append(point)
        with self._lock:
            for start_s, points in read.items():
                self._known[backend, origin, period_s, start_s] = Known(counts[start_s], changes, now_s, points)
            while len(self._known) > MAX_REMEMBERED:  # which may be of this very window: the oldest go first
                del self._known[next(iter(self._known))]
        return {start_s: told[start_s] if start_s in told else read[start_s] for start_s in counts}


def _value(query: MetricQuery, point: LatencyPoint) -> float | None:
    if query.name == "ErrorCount" and query.statistic == "Sum":
        return float(point.errors)
    if query.name == "Latency" and query.statistic in LATENCIES:
        return LATENCIES[query.statistic](point)
    return None


def _runs(starts: Sequence[int], period_s: int) -> list[tuple[int, int]]:
    """Beginnings of periods as stretches without a gap: (beginning, end), ascending."""
    runs: list[tuple[int, int]] = []
    for start_s in sorted(starts):
        if runs and runs[-1][1] == start_s:
            runs[-1] = (runs[-1][0], start_s + period_s)
        else:
            runs.append((start_s, start_s + period_s))
    return runs
