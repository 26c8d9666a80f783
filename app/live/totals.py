"""A window in a few figures, each held against the window before: what somebody on call reads first. Figures go in, gauges come out."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.kit.numbers import MISSING, change_of, milliseconds, percent, points, three_figures
from metrics.catalogue import rag_metric
from metrics.outcomes import Ends
from metrics.series import MetricSeries, Window

FEWEST = 10
"""Questions in each of two windows below which a change says nothing."""

SLOWER = 1.25
"""Times the p95 before, from which on a gauge warns."""

MORE_ABSTENTIONS = 0.1
"""More of all questions than before, from which on a gauge warns."""

USUAL_FAILED = 0.05
"""Share of failures from which on it is bad where no rule says otherwise."""

Tone = Literal["good", "warn", "bad", "quiet"]
"""Well, to be looked at, beyond its bound; or nothing to be judged."""


@dataclass(frozen=True, slots=True)
class Totals:
    """A window in all."""

    questions: int = 0
    """Questions asked."""
    failed: int = 0
    """How many of them failed."""
    p95_ms: float | None = None
    """Of local traces the 95th percentile of the window; of CloudWatch the median of the periods' percentiles. None without any."""
    ends: Ends | None = None
    """How they ended, where that is counted; None at CloudWatch."""

    @property
    def failed_share(self) -> float | None:
        """Part that failed, in [0, 1]."""
        return self.failed / self.questions if self.questions else None

    @property
    def abstained_share(self) -> float | None:
        """Part to which the generator gave no answer, in [0, 1]."""
        return self.ends.abstained / self.ends.asked if self.ends is not None and self.ends.asked else None

    @property
    def confidence(self) -> float | None:
        """The mean confidence, in [0, 1]."""
        return None if self.ends is None else self.ends.mean_confidence


NOTHING = Totals()
"""Of a window in which nothing was asked."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """One figure as it is shown."""

    name: str
    """What it is."""
    value: str
    """In words."""
    change: str
    """Against the window before, with its sign and what it was then; empty where that says nothing."""
    tone: Tone
    """How it stands."""
    meaning: str
    """What it is, and what its colour goes by."""


def sum_series(series: Sequence[MetricSeries], backend: str, window: Window) -> Totals:
    """The totals of a part of what was read of CloudWatch."""

    def within(name: str, statistic: Literal["SampleCount", "Sum", "p95"]) -> list[float]:
        wanted = rag_metric(name, statistic, backend)
        return [
            value
            for each in series
            if (each.namespace, each.name, each.statistic, each.dimensions)
            == (wanted.namespace, wanted.name, wanted.statistic, wanted.dimensions)
            for start_s, value in each.points
            if value is not None and window.start_s <= start_s < window.end_s
        ]

    p95 = within("Latency", "p95")
    return Totals(
        int(sum(within("Latency", "SampleCount"))),
        int(sum(within("ErrorCount", "Sum"))),
        statistics.median(p95) if p95 else None,
    )


def make_gauges(now: Totals, before: Totals, bounds: Mapping[str, float]) -> list[Gauge]:
    """The gauges of a window. bounds: what rules that raise alerts say, by `p95` in ms and `failed` in [0, 1]."""
    telling = min(now.questions, before.questions) >= FEWEST
    gauges = [_questions(now, before), _failed(now, before, bounds.get("failed")), _p95(now, before, bounds.get("p95"))]
    if now.ends is not None:
        gauges += [_abstained(now, before), _confidence(now, before)]
    return [gauge if telling or gauge.name == "Questions" else _without_change(gauge) for gauge in gauges]


def _without_change(gauge: Gauge) -> Gauge:
    return Gauge(gauge.name, gauge.value, "", gauge.tone if gauge.tone != "warn" else "quiet", gauge.meaning)


def _questions(now: Totals, before: Totals) -> Gauge:
    change = _was(relative(now.questions, before.questions), f"{before.questions:,}") if before.questions else ""
    meaning = "How many were asked in the window, and in the one before."
    return Gauge("Questions", f"{now.questions:,}", change, "quiet", meaning)


def _failed(now: Totals, before: Totals, bound: float | None) -> Gauge:
    share, limit = now.failed_share, USUAL_FAILED if bound is None else bound
    tone: Tone = "quiet" if share is None else "good" if not share else "bad" if share > limit else "warn"
    whose = "a rule's bound" if bound is not None else "no rule says otherwise"
    meaning = (
        f"Part of the questions that ended in an error. Red above {percent(limit, 1)} ({whose}), amber above none."
    )
    return Gauge("Failed", share_words(share), _points(share, before.failed_share), tone, meaning)


def _p95(now: Totals, before: Totals, bound: float | None) -> Gauge:
    value, earlier = now.p95_ms, before.p95_ms
    tone: Tone = "quiet" if value is None else "good"
    if value is not None and bound is not None and value > bound:
        tone = "bad"
    elif value is not None and earlier and value > SLOWER * earlier:
        tone = "warn"
    typical = "" if now.ends is not None else " in a typical period, which is the median of the periods"
    red = "" if bound is None else f" Red above {milliseconds(bound)}, as a rule says."
    meaning = (
        f"95 of 100 questions took less{typical}.{red} Amber where it is a quarter more than in the window before."
    )
    change = _was(relative(value, earlier), milliseconds(earlier)) if value is not None and earlier else ""
    return Gauge("p95", milliseconds(value), change, tone, meaning)


def _abstained(now: Totals, before: Totals) -> Gauge:
    share, earlier = now.abstained_share, before.abstained_share
    more = share is not None and earlier is not None and share - earlier > MORE_ABSTENTIONS
    meaning = (
        "Part of all questions, failed ones among them, to which the generator gave no answer, because the chunks held none. "
        "Amber where it is 10 points more than in the window before."
    )
    return Gauge("Abstained", share_words(share), _points(share, earlier), "warn" if more else "quiet", meaning)


def _confidence(now: Totals, before: Totals) -> Gauge:
    change = _points(now.confidence, before.confidence)
    meaning = "Mean confidence: how probable the generator holds it that an answer is right, or of an abstention that there is none."
    return Gauge("Confidence", percent(now.confidence), change, "quiet", meaning)


def share_words(share: float | None) -> str:
    """A share that never reads as none or all when it is not: "0.2 %"."""
    if share is None:
        return MISSING
    return f"{three_figures(share * 100)} %" if 0 < share < 0.1 else percent(share)


def relative(now: float, before: float) -> str:
    """A change in per cent, with its sign; as times where it more than trebled."""
    if now > 3 * before:
        return f"+{three_figures(now / before)} times"
    return f"{change_of((now / before - 1) * 100, 0)} %"


def _points(now: float | None, before: float | None) -> str:
    return "" if now is None or before is None else _was(points(now - before), share_words(before))


def _was(change: str, before: str) -> str:
    return f"{change}, was {before}"
