"""What the Live page shows, worked out from metric series: rates, shares, each stage's own time, and titles that say it.

Series go in, plain figures come out; whoever draws them computes nothing. Times of stages are per question, in ms.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.kit.numbers import count, milliseconds, share, three_figures
from app.live.answers import Answers
from app.live.totals import NOTHING, Totals
from metrics.catalogue import (
    API,
    ENDPOINTS,
    FUNCTIONS,
    INNER_STAGES,
    LAMBDA,
    SAGEMAKER,
    STAGES,
    endpoint_names,
    part_name,
)
from metrics.series import MetricSeries, Statistic, Window
from metrics.spreadsheet import csv_text
from pipeline.measures import NAMESPACE, TOTAL

UNACCOUNTED = "unaccounted"
"""Time that no stage accounts for; also where an error of no stage is counted."""

SLOWEST = 10
"""Periods offered for a closer look."""

FEW = 20
"""Fewer questions than these in a window say little over time: each of them says more."""

Values = dict[int, float]
"""Values by the beginning of their period."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line, or one layer, of a chart."""

    name: str
    """What it is: a stage, a percentile, a part."""
    points: tuple[tuple[int, float | None], ...]
    """Beginning of a period and its value; one for each period of the window."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return all(not value for _, value in self.points)

    @property
    def total(self) -> float:
        """The sum of its values."""
        return sum(value for _, value in self.points if value is not None)


@dataclass(frozen=True, slots=True)
class Part:
    """How one part of the stack fared in the window."""

    name: str
    """Its deployed name."""
    kind: str
    """`endpoint`, `function` or `API`."""
    calls: float
    """Invocations."""
    mean_ms: float | None
    """Mean duration of a call; None without one."""
    errors: float
    """Calls that failed."""
    throttles: float | None
    """Calls that were turned away; None where that is not counted."""
    concurrent: float | None
    """Most calls at once; None where that is not counted."""


@dataclass(frozen=True, slots=True)
class LiveView:
    """All figures of the page."""

    source: str
    """`local` or `cloudwatch`."""
    backend: str
    """The backend whose questions are shown."""
    window: Window
    """The window."""
    incomplete_from_s: int | None
    """From where on values may still change."""
    measure: Statistic
    """What is shown of each stage."""
    questions: int
    """Questions asked in the window."""
    failed: int
    """How many of them failed."""
    mean_ms: float | None
    """Mean time of a question."""
    rate: tuple[Line, ...]
    """Questions that were answered, and that failed."""
    latency: tuple[Line, ...]
    """p50, p95 and p99, end to end."""
    stages: tuple[Line, ...]
    """Each stage's own mean time a question (its measure is the mean) or its percentile."""
    shares: Mapping[str, float]
    """Part of all the time that each stage took by itself, in [0, 1]; largest first."""
    errors: tuple[Line, ...]
    """Errors by the stage that failed."""
    parts: tuple[Line, ...]
    """SageMaker, Lambda and the network: own mean time a question."""
    part_shares: Mapping[str, float]
    """Part of all the time that each of these took by itself, in [0, 1]; largest first."""
    rows: tuple[Part, ...]
    """The stack's parts."""
    slowest: tuple[tuple[int, float], ...]
    """The periods with the highest 95th percentile, and that percentile in ms."""
    series: tuple[MetricSeries, ...]
    """What all this was made from."""
    origin: str | None = None
    """Whence the questions came; None for all."""
    now: Totals = NOTHING
    """The window in all."""
    before: Totals = NOTHING
    """The window before it in all."""
    answers: Answers | None = None
    """How answers went; None where that is not counted."""
    untold: bool = False
    """Whether the window holds questions of before origins were told apart, which are left out."""

    @property
    def is_few(self) -> bool:
        """Whether each of the questions is shown rather than their course over time; of CloudWatch the single ones are not known."""
        return self.source == "local" and self.questions < FEW

    @property
    def rate_title(self) -> str:
        """What the chart of the rate shows."""
        if not self.questions:
            return "No question in this window"
        failed = f"{share_text(self.failed, self.questions)} failed" if self.failed else "none failed"
        per_minute = self.questions / ((self.window.end_s - self.known_from_s) / 60)
        since = " since the first" if self.known_from_s > self.window.start_s else ""
        pace = f", {three_figures(per_minute)} a minute{since}" if per_minute >= 1 and self.questions >= FEW else ""
        return f"{count(self.questions, 'question')}{pace}, {failed}"

    @property
    def known_from_s(self) -> int:
        """From where on it is known how much was asked: the window's beginning, or its first question where the window before has none."""
        if self.before.questions:
            return self.window.start_s
        asked = [start_s for line in self.rate for start_s, value in line.points if value]
        return min(asked, default=self.window.start_s)

    @property
    def latency_title(self) -> str:
        """What the chart of end-to-end latency shows."""
        if not self.slowest:
            return "No latency in this window"
        start_s, p95_ms = self.slowest[0]
        return f"p95 peaked at {milliseconds(p95_ms)}, {clock_time(start_s, self.window)} UTC"

    @property
    def stages_title(self) -> str:
        """What the chart of the stages shows."""
        if self.measure != "Average":
            peaks = {line.name: max((value or 0.0) for _, value in line.points) for line in self.stages}
            if not any(peaks.values()):
                return "No stage ran in this window"
            worst = max(peaks, key=lambda name: peaks[name])
            return f"{worst.capitalize()} has the highest {self.measure}: {milliseconds(peaks[worst])}"
        if not self.shares:
            return "No stage ran in this window"
        stage, part = next(iter(self.shares.items()))
        name = "What no stage accounts for" if stage == UNACCOUNTED else stage.capitalize()
        return f"{name} takes {share(part, 1)} of the time"

    @property
    def errors_title(self) -> str:
        """What the chart of errors shows."""
        totals = {line.name: line.total for line in self.errors}
        worst = max(totals, key=lambda name: totals[name], default="")
        if not worst or not totals[worst]:
            return "No stage failed in this window"
        where = "before or between stages" if worst == UNACCOUNTED else f"in {worst}"
        return f"{count(self.failed, 'question')} failed, most {where}" if len(totals) > 1 else f"All failed {where}"

    @property
    def parts_title(self) -> str:
        """What the chart of the stack's parts shows."""
        if not self.part_shares:
            return "No call of the stack in this window"
        first = next(iter(self.part_shares))
        return f"{_capital(first)} takes {share(self.part_shares[first], 1)} of a question"

    @property
    def parts_words(self) -> str:
        """The share of each part of the stack."""
        return ", ".join(f"{name} {share(part, 1)}" for name, part in self.part_shares.items())


def _capital(words: str) -> str:
    """The words with a capital first letter, the others as they are."""
    return words[:1].upper() + words[1:]


def share_text(part: float, whole: float) -> str:
    """A share that never reads as none or all when it is not: "0.2 %"."""
    return f"{three_figures(part / whole * 100)} %" if part / whole < 0.1 else share(part, whole)


def clock_time(start_s: float, window: Window) -> str:
    """The beginning of a period, UTC, with the day where the window is longer than one."""
    days = window.end_s - window.start_s >= 86_400
    return datetime.fromtimestamp(start_s, UTC).strftime("%d %b %H:%M" if days else "%H:%M")


class _Table:
    """Series by what they are, so that figures can ask for them by name."""

    def __init__(self, series: Iterable[MetricSeries]) -> None:
        self._values = {(s.namespace, s.name, s.statistic, s.dimensions): s.values for s in series}

    def rag(self, name: str, statistic: Statistic, backend: str, stage: str = TOTAL) -> Values:
        """Values of one of our own metrics."""
        return self._values.get((NAMESPACE, name, statistic, (("Backend", backend), ("Stage", stage))), {})

    def part(self, namespace: str, name: str, part: str, statistic: Statistic = "Sum") -> Values:
        """Values of a metric of the stack's part of that name."""
        for (space, metric, kind, dimensions), values in self._values.items():
            if (space, metric, kind) == (namespace, name, statistic) and (
                not part or part in dict(dimensions).values()
            ):
                return values
        return {}


def make_view(
    source: str, backend: str, stack: str, window: Window, series: Sequence[MetricSeries], measure: Statistic
) -> LiveView:
    """The view of what was read for `metrics.catalogue`'s queries."""
    table = _Table(series)
    counts, errors = table.rag("Latency", "SampleCount", backend), table.rag("ErrorCount", "Sum", backend)
    own, weights = own_times(table, backend)
    questions, failed = int(sum(counts.values())), int(sum(errors.values()))
    total_ms = sum(table.rag("Latency", "Sum", backend).values())
    p95 = table.rag("Latency", "p95", backend)
    stages = own if measure == "Average" else {stage: table.rag("Latency", measure, backend, stage) for stage in STAGES}
    parts, calls = _part_times(table, backend, stack)
    return LiveView(
        source=source,
        backend=backend,
        window=window,
        incomplete_from_s=min((s.incomplete_from_s for s in series if s.incomplete_from_s is not None), default=None),
        measure=measure,
        questions=questions,
        failed=failed,
        mean_ms=total_ms / questions if questions else None,
        rate=_rate(counts, errors, window),
        latency=tuple(_line(name, table.rag("Latency", name, backend), window) for name in ("p50", "p95", "p99")),
        stages=_lines(stages, window),
        shares=_shares(own, weights),
        errors=_lines(_errors_by_stage(table, backend, errors), window),
        parts=_lines(parts, window),
        part_shares=_shares(parts, calls),
        rows=tuple(_rows(table, stack)),
        slowest=tuple(sorted(p95.items(), key=lambda item: -item[1])[:SLOWEST]),
        series=tuple(series),
    )


def own_times(table: _Table, backend: str) -> tuple[dict[str, Values], Values]:
    """Each stage's own mean time a question, by period, so that they add up to the mean of the whole; and the questions.

    On AWS `gateway` lies inside `network`, and the other stages inside `gateway`: what they enclose is taken off.
    """
    counts, served = (table.rag("Latency", "SampleCount", backend, stage) for stage in (TOTAL, "gateway"))
    sums = {stage: table.rag("Latency", "Sum", backend, stage) for stage in (TOTAL, *STAGES)}
    own: dict[str, Values] = {stage: {} for stage in (*STAGES, UNACCOUNTED)}
    weights: Values = {}
    for period in sorted({*counts, *served}):
        asked, calls = counts.get(period, 0.0), served.get(period, 0.0)
        base = calls or asked
        weights[period] = asked or calls
        inner = {stage: sums[stage].get(period, 0.0) / base for stage in INNER_STAGES}
        gateway_ms = sums["gateway"].get(period, 0.0) / calls if calls else 0.0
        network_ms = sums["network"].get(period, 0.0) / asked if asked else 0.0
        enclosed_ms = network_ms or gateway_ms or sum(inner.values())
        whole_ms = sums[TOTAL].get(period, 0.0) / asked if asked else enclosed_ms
        found = {
            **inner,
            "gateway": gateway_ms - sum(inner.values()) if calls else 0.0,
            "network": network_ms - gateway_ms if network_ms else 0.0,
            UNACCOUNTED: whole_ms - enclosed_ms,
        }
        for stage, value in found.items():
            # Server and client count other questions in a period: what does not fit is no time below zero.
            own[stage][period] = max(value, 0.0)
    return own, weights


def _shares(own: Mapping[str, Values], weights: Values) -> dict[str, float]:
    totals = {stage: sum(value * weights[period] for period, value in own[stage].items()) for stage in own}
    whole = sum(totals.values())
    return {stage: totals[stage] / whole for stage in sorted(own, key=lambda s: -totals[s]) if totals[stage]}


def _rate(counts: Values, errors: Values, window: Window) -> tuple[Line, ...]:
    failed = {period: errors.get(period, 0.0) for period in counts}
    answered = {period: max(value - failed[period], 0.0) for period, value in counts.items()}
    return (_line("answered", answered, window), _line("failed", failed, window))


def _errors_by_stage(table: _Table, backend: str, errors: Values) -> dict[str, Values]:
    found = {stage: table.rag("ErrorCount", "Sum", backend, stage) for stage in STAGES}
    rest = {period: value - sum(found[stage].get(period, 0.0) for stage in STAGES) for period, value in errors.items()}
    return {**found, UNACCOUNTED: {period: value for period, value in rest.items() if value > 0}}


def _part_times(table: _Table, backend: str, stack: str) -> tuple[dict[str, Values], Values]:
    """SageMaker's, Lambda's and the network's own mean time a call of the orchestrator, and its calls."""
    orchestrator = part_name(stack, "orchestrator")
    calls, durations = (table.part(LAMBDA, name, orchestrator) for name in ("Invocations", "Duration"))
    asked, network = table.rag("Latency", "SampleCount", backend), table.rag("Latency", "Sum", backend, "network")
    models = [
        table.part(SAGEMAKER, name, endpoint)
        for role in ENDPOINTS
        for endpoint in endpoint_names(stack, role)
        for name in ("ModelLatency", "OverheadLatency")
    ]
    found: dict[str, Values] = {"SageMaker": {}, "Lambda": {}, "the network": {}}
    for period, number in calls.items():
        if not number:
            continue
        lambda_ms = durations.get(period, 0.0) / number
        sagemaker_ms = min(sum(values.get(period, 0.0) for values in models) / 1000 / number, lambda_ms)
        found["SageMaker"][period] = sagemaker_ms
        found["Lambda"][period] = lambda_ms - sagemaker_ms
        if asked.get(period) and period in network:
            found["the network"][period] = max(network[period] / asked[period] - lambda_ms, 0.0)
    return found, calls


def _rows(table: _Table, stack: str) -> Iterable[Part]:
    for name in [name for role in ENDPOINTS for name in endpoint_names(stack, role)]:
        calls = sum(table.part(SAGEMAKER, "Invocations", name).values())
        spent_us = sum(
            sum(table.part(SAGEMAKER, metric, name).values()) for metric in ("ModelLatency", "OverheadLatency")
        )
        failed = sum(sum(table.part(SAGEMAKER, f"Invocation{kind}Errors", name).values()) for kind in ("4XX", "5XX"))
        if calls:
            yield Part(name, "endpoint", calls, spent_us / 1000 / calls, failed, None, None)
    for role in FUNCTIONS:
        name = part_name(stack, role)
        metrics = {
            metric: sum(table.part(LAMBDA, metric, name).values())
            for metric in ("Invocations", "Duration", "Errors", "Throttles")
        }
        most = max(table.part(LAMBDA, "ConcurrentExecutions", name, "Maximum").values(), default=None)
        calls = metrics["Invocations"]
        if calls or metrics["Throttles"]:
            mean_ms = metrics["Duration"] / calls if calls else None
            yield Part(name, "function", calls, mean_ms, metrics["Errors"], metrics["Throttles"], most)
    calls = sum(table.part(API, "Count", "").values())
    if calls:
        failed = sum(sum(table.part(API, kind, "").values()) for kind in ("4xx", "5xx"))
        yield Part("HTTP API", "API", calls, sum(table.part(API, "Latency", "").values()) / calls, failed, None, None)


def _line(name: str, values: Values, window: Window) -> Line:
    return Line(name, tuple((period, values.get(period)) for period in window.periods))


def _lines(values: Mapping[str, Values], window: Window) -> tuple[Line, ...]:
    """A line for each that has anything to draw."""
    return tuple(line for line in (_line(name, found, window) for name, found in values.items()) if not line.empty)


def live_csv(view: LiveView) -> str:
    """Every value behind the page: one row for each period and metric that has one."""
    heads = ("period_start_utc", "period_s", "namespace", "metric", "dimensions", "statistic", "unit", "value")
    rows = []
    for series in view.series:
        dimensions = " ".join(f"{name}={value}" for name, value in series.dimensions)
        about = (series.namespace, series.name, dimensions, series.statistic, series.unit)
        for start_s, value in series.values.items():
            start = datetime.fromtimestamp(start_s, UTC).isoformat().replace("+00:00", "Z")
            rows.append((start, series.period_s, *about, f"{value:.6g}"))
    return csv_text(heads, rows)
