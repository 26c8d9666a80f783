"""The Live page's use case: which window of which source, what is in it, which traces and log lines lie behind a period.

It owns the choices and the readers; `app.live.rows` makes figures of what is read. No streamlit.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from app.config import Settings
from app.kit.clock import DAY_S, Clock
from app.kit.numbers import count, how_often
from app.kit.wording import APPLICATION, ASKERS, PEOPLE, backend_words
from app.live.answers import Answers, make_answers, step_of
from app.live.rows import LiveView, clock_time, make_view
from app.live.totals import Totals, sum_series
from metrics.alarms import Alarm, AlarmReader
from metrics.catalogue import log_groups, rag_queries, stack_queries, stage_percentiles
from metrics.cloudwatch import FRESH_S, USD_PER_METRIC, ApiUse, CloudWatchSource
from metrics.latency import TOTAL, UNTOLD
from metrics.local_source import LocalSource
from metrics.logs import LogPage, LogReader
from metrics.outcomes import Ends
from metrics.queries import TracePage, TraceQuery
from metrics.series import MetricQuery, Statistic, Window
from metrics.store import TraceStore
from pipeline.errors import InputError
from pipeline.types import Trace

WINDOWS: Mapping[str, int] = {
    "15 min": 900,
    "1 hour": 3_600,
    "3 hours": 3 * 3_600,
    "12 hours": 12 * 3_600,
    "1 day": 86_400,
    "3 days": 3 * 86_400,
    "7 days": 7 * 86_400,
}
"""Lengths of the window, in seconds, by the words on the page and in the address."""

PERIODS: Mapping[str, int] = {"auto": 60, "1 min": 60, "5 min": 300, "15 min": 900, "1 hour": 3_600}
"""Lengths of a period; `auto` takes the shortest that fits."""

REFRESHES: Mapping[str, int | None] = {"5 s": 5, "15 s": 15, "1 min": 60, "5 min": 300, "pause": None}
"""Seconds between two refreshes."""

MEASURES: Mapping[str, Statistic] = {"mean": "Average", "p50": "p50", "p95": "p95", "p99": "p99"}
"""What is shown of each stage."""

MAX_PERIODS = 700
"""More points than a chart has room for."""

LISTED_TRACES = 20
"""Traces listed for a period, the slowest first."""

LOG_START_S = 300
"""How far back a log tail begins."""

LOG_MARGIN_S = 120
"""Lines of a trace are looked for this long before and after it: clocks differ, and lines are written late."""

AWS_BACKEND = "aws"
"""The backend name under which the stack publishes."""


@dataclass(frozen=True, slots=True)
class LiveChoice:
    """What the person chose to see."""

    source: str
    """`local` or `cloudwatch`."""
    backend: str
    """The backend whose questions are shown."""
    window: str = "1 hour"
    """A key of WINDOWS."""
    period: str = "auto"
    """A key of PERIODS."""
    measure: str = "mean"
    """A key of MEASURES."""
    asked_by: str = PEOPLE
    """A key of `app.kit.wording.ASKERS`."""

    @property
    def tells_askers(self) -> bool:
        """Whether origins are told apart here: CloudWatch does not, and all of an application's traces are its own."""
        return self.source == "local" and not self.backend.startswith(APPLICATION)

    @property
    def origin(self) -> str | None:
        """Whence the questions came that are shown; None for all."""
        return ASKERS.get(self.asked_by) if self.tells_askers else None

    @property
    def period_s(self) -> int:
        """Seconds in a period: as chosen, or longer where the window would not fit."""
        wanted, length_s = _choice("period", PERIODS, self.period), _choice("window", WINDOWS, self.window)
        fitting = [period_s for period_s in PERIODS.values() if period_s >= wanted]
        return next((period_s for period_s in fitting if length_s / period_s <= MAX_PERIODS), fitting[-1])

    def window_at(self, now_s: float) -> Window:
        """The window whose last period is running at `now_s`."""
        return Window.ending(now_s, _choice("window", WINDOWS, self.window), self.period_s)


def _choice(name: str, choices: Mapping[str, int], value: str) -> int:
    if value not in choices:
        raise InputError(f"{name} is {value!r}; choose one of {', '.join(choices)}.")
    return choices[value]


class Live:
    """The readers of one process, which remember what they read."""

    def __init__(
        self,
        settings: Settings,
        store: Callable[[], TraceStore],
        *,
        cloudwatch: CloudWatchSource | None = None,
        alarms: AlarmReader | None = None,
        logs: LogReader | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        region, stack = settings.aws_region, settings.stack
        self._settings = settings
        self._store = store
        self._clock = clock
        self._api_id = api_id_of(settings.api_url)
        self._local = LocalSource(store, clock=clock)
        self._cloudwatch = cloudwatch or CloudWatchSource(region, clock=clock)
        self._alarms = alarms or AlarmReader(stack, region)
        self._alarms_read: tuple[float, list[Alarm]] = (-FRESH_S, [])
        self._logs = logs or LogReader(log_groups(stack), region)

    @property
    def sources(self) -> list[str]:
        """The sources that can be chosen, the usual one first."""
        return ["cloudwatch", "local"] if self._settings.metrics_source == "cloudwatch" else ["local"]

    def backends(self, source: str) -> list[str]:
        """Backends to choose from, the usual one first: those with stored traces, and the stack's where AWS is asked."""
        names = {*self._store().backends(), *([AWS_BACKEND] if source == "cloudwatch" else [])}
        usual = [AWS_BACKEND] if source == "cloudwatch" else []
        first = [name for name in (*usual, self._settings.backend_name) if name in names]
        return list(dict.fromkeys([*first, *sorted(names)]))

    def read(self, choice: LiveChoice) -> LiveView:
        """Everything that the charts show. Raises RaglassError where the source cannot be read."""
        window = choice.window_at(self._clock())
        if choice.source == "cloudwatch":
            return self._read_cloudwatch(choice, window)
        view = self._read_local(choice, window)
        store, told = self._store(), choice.origin is not None
        now, before = self._totals(choice, window)
        return replace(
            view,
            origin=choice.origin,
            now=now,
            before=before,
            answers=self._answers(choice, window, now.questions),
            untold=told and bool(store.latency_counts(window.start_s, window.end_s, window.period_s, UNTOLD)),
        )

    def shares(self, choice: LiveChoice) -> Mapping[str, float]:
        """`LiveView.shares` of this dashboard's traces, at a part of the view's cost. Raises StoreError."""
        return self._read_local(choice, choice.window_at(self._clock())).shares

    def _read_local(self, choice: LiveChoice, window: Window) -> LiveView:
        """What the sketches tell."""
        queries, measure = _queries(choice)
        series = self._local.read(queries, window, choice.origin)
        return make_view(choice.source, choice.backend, self._settings.stack, window, series, measure)

    def _read_cloudwatch(self, choice: LiveChoice, window: Window) -> LiveView:
        """CloudWatch is paid by the metric, not by the point: the window before comes with it."""
        queries, measure = _queries(choice)
        queries = list(dict.fromkeys([*queries, *stack_queries(self._settings.stack, self._api_id)]))
        both = Window(2 * window.start_s - window.end_s, window.end_s, window.period_s)
        read = self._cloudwatch.read(queries, both)
        series = [replace(each, points=each.points[-len(window.periods) :]) for each in read]
        view = make_view(choice.source, choice.backend, self._settings.stack, window, series, measure)
        earlier = Window(both.start_s, window.start_s, window.period_s)
        now, before = (sum_series(read, choice.backend, part) for part in (window, earlier))
        return replace(view, now=now, before=before)

    def _totals(self, choice: LiveChoice, window: Window) -> tuple[Totals, Totals]:
        """A window and the one before it, in all, of the local store."""
        store, length_s = self._store(), window.end_s - window.start_s
        found = store.measured.stretches(choice.backend, TOTAL, [window.start_s, window.end_s], length_s, choice.origin)
        since_s = window.start_s - length_s
        ends = self._ends(choice, since_s, window.end_s, length_s, sum(each.count for each in found))
        before, now = (
            Totals(
                each.count,
                each.errors,
                each.sketch.quantile(0.95) if each.count else None,
                ends.get(start_s, Ends()),
            )
            for each, start_s in zip(found, (since_s, window.start_s), strict=True)
        )
        return now, before

    def _answers(self, choice: LiveChoice, window: Window, asked: int) -> Answers:
        ends = self._ends(choice, window.start_s, window.end_s, step_of(window), asked)
        thumbs = self._store().outcomes.thumbs(choice.backend, choice.origin, window.start_s, window.end_s)
        return make_answers(window, ends, thumbs)

    def _ends(self, choice: LiveChoice, since_s: int, until_s: int, step_s: int, asked: int) -> Mapping[int, Ends]:
        """How the questions of each step ended. asked: how many were timed.

        A store that was upgraded has timed more than it has counted the ends of; of these the traces themselves are read, as long as
        they lie in a window.
        """
        outcomes, about = self._store().outcomes, (choice.backend, choice.origin, since_s, until_s, step_s)
        counted = outcomes.by_period(*about)
        if sum(each.asked for each in counted.values()) >= asked:
            return counted
        stored = outcomes.of_stored(*about)
        both = {at: (counted.get(at, Ends()), stored.get(at, Ends())) for at in {*counted, *stored}}
        return {at: max(ends, key=lambda each: each.asked) for at, ends in both.items()}

    def version(self, choice: LiveChoice) -> str:
        """A token that differs once a refresh may show something new: a key for caches."""
        now_s = self._clock()
        if choice.source == "cloudwatch":
            return f"cloudwatch {int(now_s) // 5}"
        return f"{self._store().version()} {choice.window_at(now_s).end_s}"

    def traces(self, choice: LiveChoice, start_s: float, end_s: float | None = None) -> TracePage:
        """Traces that this dashboard stored, the slowest first: of one period, or until end_s."""
        end_s = start_s + choice.period_s if end_s is None else end_s
        query = TraceQuery(
            backends=frozenset({choice.backend}),
            origins=frozenset() if choice.origin is None else frozenset({choice.origin}),
            asked_from=start_s,
            asked_to=end_s,
            sort="duration",
            descending=True,
        )
        return self._store().page(query, limit=LISTED_TRACES)

    def alarms(self) -> list[Alarm]:
        """The stack's alarms, at most FRESH_S old, however many pages ask. Raises RaglassError."""
        now_s = self._clock()
        read_s, alarms = self._alarms_read
        if now_s - read_s >= FRESH_S:
            alarms = self._alarms.read()
            self._alarms_read = (now_s, alarms)
        return alarms

    def tail(self, containing: str = "", follow: str | None = None) -> LogPage:
        """The stack's newest log lines, or those since the last call. Raises RaglassError."""
        return self._logs.read(self._clock() - LOG_START_S, containing=containing, follow=follow)

    def lines_of(self, trace: Trace) -> LogPage:
        """The log lines that name a trace. Raises RaglassError."""
        end_s = trace.asked_at + trace.duration_ms / 1000
        return self._logs.read(trace.asked_at - LOG_MARGIN_S, end_s + LOG_MARGIN_S, containing=trace.trace_id)

    @property
    def use(self) -> ApiUse:
        """What asking CloudWatch has cost so far."""
        return self._cloudwatch.use


def _queries(choice: LiveChoice) -> tuple[list[MetricQuery], Statistic]:
    """What is asked of our own metrics, and the measure of each stage."""
    queries, measure = rag_queries(choice.backend), MEASURES.get(choice.measure, "Average")
    if measure != "Average":
        queries += stage_percentiles(choice.backend, measure)
    return list(dict.fromkeys(queries)), measure


def api_id_of(url: str) -> str:
    """The id of the HTTP API in its address, on AWS or on a stand-in for it; empty if there is none.

    `https://abc123.execute-api.eu-west-1.amazonaws.com/` and `http://127.0.0.1:4566/_aws/execute-api/abc123/$default`.
    """
    found = re.match(r"https://(\w+)\.execute-api\.", url) or re.search(r"/execute-api/(\w+)/", f"{url}/")
    return found[1] if found else ""


def describe_window(view: LiveView, refresh_s: int | None, clock: Clock) -> str:
    """What the charts cover and how fresh they are, in a line. clock: of whoever looks."""
    window = view.window
    period = next(name for name, seconds in PERIODS.items() if seconds == window.period_s and name != "auto")
    origin = "CloudWatch" if view.source == "cloudwatch" else "the traces of this dashboard"
    shaded = (
        "What is shaded is still arriving."
        if view.source == "cloudwatch"
        else "The last period, shaded, is still running."
    )
    late = "" if view.incomplete_from_s is None else f" {shaded}"
    pace = "Refreshing is paused." if refresh_s is None else f"Refreshed every {refresh_s} s."
    days = window.end_s - window.start_s >= DAY_S
    start, end = clock_time(window.start_s, window), clock.time(window.end_s, days=days)
    return f"{start} to {end} in periods of {period}, from {origin}.{late} {pace}"


def describe_choice(choice: LiveChoice) -> str:
    """What is shown, where the choices themselves are not."""
    by = f" by {choice.asked_by}" if choice.tells_askers else ""
    return f"Questions{by} to {backend_words(choice.backend)}, {last(choice.window)}."


def last(window: str) -> str:
    """A window in a sentence: "the last hour", "the last 12 hours". window: a key of WINDOWS."""
    return f"the last {window.removeprefix('1 ')}"


def describe_left_out(view: LiveView) -> str:
    """That questions of the window are left out which nobody can tell by who asked; empty where none are."""
    if not view.untold:
        return ""
    return (
        "Some questions of this window were counted before it was noted who asks: they are shown under everyone alone."
    )


def describe_stages(view: LiveView) -> str:
    """What one is looking at in the chart of the stages."""
    if view.measure != "Average":
        return (
            f"The {view.measure} of each stage. Percentiles do not add up, so they are not stacked; "
            "on AWS, gateway and network include what they enclose."
        )
    words = "Each bar is the mean question of a period, divided into what each stage took by itself; the layers add up to the whole."
    if view.backend.startswith(APPLICATION):
        words += " They are the application's embedders, retrievers, rerankers and models; one inside another counts in both."
    if any(line.name == "network" for line in view.stages):
        words += " Network is all that lies outside the orchestrator: the way there, and cold starts."
    return words


def describe_use(use: ApiUse, metrics: int, refresh_s: int | None) -> str:
    """What asking CloudWatch has cost, and what it will at this pace."""
    spent = (
        f"CloudWatch was asked {how_often(use.calls)} for {count(use.metrics, 'metric')}: about ${use.cost_usd:.3g}."
    )
    if refresh_s is None:
        return spent
    per_day = 86_400 / max(refresh_s, FRESH_S) * metrics * USD_PER_METRIC
    return f"{spent} This page left open at this pace costs up to ${per_day:.3g} a day."
