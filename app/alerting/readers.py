"""The series of this store: latency and errors by stage, abstentions, question drift; and means that others keep."""

import json
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from app.alerting.rules import Rule
from app.alerting.seam import SeriesReader
from app.alerting.series import Grid, Point, Series, slide
from metrics.latency import MINUTE_S, TOTAL
from metrics.queries import TraceQuery
from metrics.sketches import Sketch
from metrics.store import TraceStore
from pipeline.errors import RaglassError

QUANTILES: Mapping[str, float] = {"latency_p50": 0.5, "latency_p95": 0.95, "latency_p99": 0.99}
"""Percentiles, by their series."""

DRIFT_EVERY_S = 3_600.0
"""Between two looks for drift, each of which embeds questions."""

QUALITY = "quality."
"""How the series of scores begin; the rule's own name follows."""

SCORES: Mapping[str, tuple[float, float | None]] = {"share": (0.0, 1.0), "words": (0.0, None)}
"""The lowest and the highest score that there can be, by its unit."""

Verdict = tuple[float, float, int]
"""A window of questions: when its last one was asked, its smaller corrected p value, and how many they are."""


class StageReader:
    """Latency and errors, from the sketches."""

    def __init__(self, store: Callable[[], TraceStore]) -> None:
        self._store = store

    def series(self) -> Sequence[Series]:
        """Percentiles, the mean and the share of errors."""
        titles = {"latency_p50": "p50 latency", "latency_p95": "p95 latency", "latency_p99": "p99 latency"}
        named = {**titles, "latency_mean": "Mean latency"}
        return [
            *(Series(name, title, "ms", threshold="2000 ms", by_stage=True) for name, title in named.items()),
            Series("errors", "Share of errors", "share", threshold="5 %", by_stage=True),
        ]

    def read(self, rule: Rule, grid: Grid) -> list[Point]:
        """A point for each end of the grid."""
        found = self._store().measured.stretches(rule.backend, rule.stage, grid.ends, grid.window_s)
        return [
            Point(end_s, _figure(rule.series, each.sketch, each.errors, each.count), each.count)
            for end_s, each in zip(grid.ends, found, strict=True)
        ]

    def behind(self, rule: Rule, since_s: float, until_s: float) -> TraceQuery:
        """The slowest traces beyond the bound, or the newest that failed."""
        asked = {"backends": frozenset({rule.backend}), "asked_from": since_s, "asked_to": until_s}
        if rule.series == "errors":
            stage = "" if rule.stage == TOTAL else f"error_stage = {json.dumps(rule.stage)}"
            return TraceQuery(**asked, error="any", expression=stage)  # type: ignore[arg-type]
        if rule.stage == TOTAL:
            bound = {"duration_min_ms": max(rule.threshold, 0.0)} if rule.side == "above" else {}
            return TraceQuery(**asked, **bound, sort="duration", descending=rule.side == "above")  # type: ignore[arg-type]
        than = ">" if rule.side == "above" else "<"
        return TraceQuery(**asked, stage_ms=((rule.stage, than, rule.threshold),), sort="duration")  # type: ignore[arg-type]


def _figure(series: str, sketch: Sketch, errors: int, count: int) -> float | None:
    if not count:
        return None
    if series == "errors":
        return errors / count
    return sketch.mean() if series == "latency_mean" else sketch.quantile(QUANTILES[series])


class AbstentionReader:
    """The share of answers that are abstentions, from the list of traces."""

    def __init__(self, store: Callable[[], TraceStore]) -> None:
        self._store = store

    def series(self) -> Sequence[Series]:
        """That share."""
        return [Series("abstained", "Share of abstentions", "share", threshold="30 %", window_s=3_600, for_s=600)]

    def read(self, rule: Rule, grid: Grid) -> list[Point]:
        """A point for each end of the grid."""
        return slide(self._store().measured.abstentions(rule.backend, grid.since_s, grid.until_s), grid)

    def behind(self, rule: Rule, since_s: float, until_s: float) -> TraceQuery:
        """The newest that abstained, or did not where too few do."""
        return TraceQuery(
            backends=frozenset({rule.backend}),
            asked_from=since_s,
            asked_to=until_s,
            error="none",
            abstained=rule.side == "above",
        )


class DriftReader:
    """Whether the newest questions still are those of before: a p value a window, looked at hourly."""

    def __init__(self, check: Callable[[str], Sequence[Verdict]], clock: Callable[[], float] = time.time) -> None:
        """check: the windows of a backend's questions, oldest first; raises RaglassError where there are too few."""
        self._check, self._clock = check, clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, list[Verdict] | RaglassError]] = {}

    def series(self) -> Sequence[Series]:
        """The corrected p value."""
        return [
            Series(
                "drift",
                "Drift of questions (corrected p)",
                "number",
                worse="below",
                threshold="0.05",
                for_s=0,
                minimum=10,
                windowed=False,
                within=(0.0, 1.0),
            )
        ]

    def read(self, rule: Rule, grid: Grid) -> list[Point]:
        """At each end of the grid what the last window before it says."""
        found = self._found(rule.backend)
        lasts = [last_s for last_s, _, _ in found]
        points = []
        for end_s in grid.ends:
            place = bisect_right(lasts, end_s)
            points.append(Point(end_s, *found[place - 1][1:]) if place else Point(end_s, None, 0))
        return points

    def _found(self, backend: str) -> list[Verdict]:
        """What was found at the last look, which is made anew after DRIFT_EVERY_S, also where it failed."""
        with self._lock:
            looked_s, found = self._known.get(backend, (-DRIFT_EVERY_S, []))
            if self._clock() - looked_s >= DRIFT_EVERY_S:
                try:
                    found = list(self._check(backend))
                except RaglassError as error:
                    found = error
                self._known[backend] = (self._clock(), found)
        if isinstance(found, RaglassError):
            raise found
        return found

    def behind(self, rule: Rule, since_s: float, until_s: float) -> TraceQuery:
        """The newest questions."""
        return TraceQuery(backends=frozenset({rule.backend}), asked_to=until_s)


class HasMean(Protocol):
    """What others keep of a stretch of time."""

    @property
    def at(self) -> float:
        """Its beginning, in seconds since the epoch."""

    @property
    def count(self) -> int:
        """Traces with a value."""

    @property
    def mean(self) -> float:
        """The mean of their values."""


class MeansReader:
    """Series that others keep as means by the minute, over all backends, such as the scores of quality rules."""

    def __init__(
        self,
        offered: Callable[[], Sequence[Series]],
        points: Callable[[str, float, float, float], Sequence[HasMean]],
        behind: Callable[[Rule, float, float], TraceQuery | None] = lambda *_: None,
        *,
        total: bool = False,
    ) -> None:
        """points: of a series by its name, from when until when, and of how many seconds each. total: whether values are summed."""
        self._offered, self._points, self._behind, self._total = offered, points, behind, total

    def series(self) -> Sequence[Series]:
        """What is offered."""
        return self._offered()

    def read(self, rule: Rule, grid: Grid) -> list[Point]:
        """A point for each end of the grid."""
        found = self._points(rule.series, float(grid.since_s), float(grid.until_s), float(MINUTE_S))
        return slide({int(each.at): (each.mean * each.count, each.count) for each in found}, grid, total=self._total)

    def behind(self, rule: Rule, since_s: float, until_s: float) -> TraceQuery | None:
        """As its keeper says."""
        return self._behind(rule, since_s, until_s)


class Scored(Protocol):
    """A rule that scores the quality of traces."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def title(self) -> str:
        """By which people know it."""

    @property
    def worse(self) -> str:
        """Which scores are the bad ones: `low` or `high`."""

    @property
    def unit(self) -> str:
        """What they are in: `share`, `cosine`, which another application's scores need not be, or `words`."""


def quality_reader(
    scored: Iterable[Scored], points: Callable[[str, float, float, float], Sequence[HasMean]]
) -> MeansReader:
    """Series of the scores of quality rules, over all backends. points: as MeansReader takes them, by the rule's own name."""
    offered = [
        Series(
            f"{QUALITY}{each.name}",
            each.title[:1].upper() + each.title[1:],
            "number",
            worse="below" if each.worse == "low" else "above",
            threshold="0.5",
            window_s=3_600,
            for_s=600,
            by_backend=False,
            within=SCORES.get(each.unit),
        )
        for each in scored
    ]

    def behind(rule: Rule, since_s: float, until_s: float) -> TraceQuery:
        return TraceQuery(asked_from=since_s, asked_to=until_s, expression=scored_beyond(rule))

    return MeansReader(lambda: offered, lambda name, *given: points(name.removeprefix(QUALITY), *given), behind)


def scored_beyond(rule: Rule) -> str:
    """The expression that finds the traces whose scores are beyond a rule's bound."""
    return f"{rule.series} {'>' if rule.side == 'above' else '<'} {rule.threshold:.12g}"


class Readers:
    """All that can be watched here, by the names of the series."""

    def __init__(self, readers: Sequence[SeriesReader]) -> None:
        self._readers = readers

    def all(self) -> dict[str, Series]:
        """Every series by its name, in the readers' order."""
        return {series.name: series for reader in self._readers for series in reader.series()}

    def of(self, series: str) -> SeriesReader | None:
        """Who reads a series; None if nobody does."""
        for reader in self._readers:
            if any(each.name == series for each in reader.series()):
                return reader
        return None
