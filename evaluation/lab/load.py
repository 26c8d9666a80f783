"""Open-loop load: when questions are due, what became of them by window of time, and when to give up. Knows no clock and no target.

A question is due whether those before it have been answered or not, and its latency counts from then: a target that stalls for a second
is late for all that came in that second, not only for the one it was at (coordinated omission; Tene 2015, HdrHistogram).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evaluation.lab.latency import Spread, spread

Arrivals = Literal["poisson", "constant"]
"""`poisson`: gaps as of people who know nothing of each other. `constant`: all gaps the same."""

WINDOW_S = 10.0

RECENT = 20
"""Answers over which the share of errors is taken, for giving up."""


@dataclass(frozen=True, slots=True)
class Call:
    """A question that was due, and what became of it; times are seconds from the beginning."""

    due_s: float
    """When it should have been asked."""
    begun_s: float
    """When a worker was free for it."""
    ended_s: float
    """When it was answered, or failed."""
    error: str = ""
    """Why it failed: the kind; empty where it did not."""

    @property
    def latency_ms(self) -> float:
        """From when it was due."""
        return (self.ended_s - self.due_s) * 1000

    @property
    def service_ms(self) -> float:
        """From when it was begun: what a closed loop would have called its latency."""
        return (self.ended_s - self.begun_s) * 1000


@dataclass(frozen=True, slots=True)
class Window:
    """What happened in some seconds."""

    start_s: float
    """When they began, from the beginning of the load."""
    length_s: float
    """How many they were."""
    due: int
    """Questions that were due."""
    answered: int
    """Questions that were answered, whenever they had been due."""
    failed: int
    """Questions that failed."""
    waiting: int
    """Questions that were due by the end and were not begun yet."""
    latency: Spread | None
    """Of those answered that were due in the window; None of none."""

    @property
    def throughput(self) -> float:
        """Answers a second."""
        return self.answered / self.length_s


def schedule(rate: float, seconds: float, arrivals: Arrivals, *, seed: int = 0) -> list[float]:
    """When questions are due, in seconds from the beginning, ascending; `rate` a second on average."""
    if arrivals == "constant":
        return [place / rate for place in range(math.ceil(rate * seconds - 1e-9))]
    rng = np.random.default_rng(seed)
    due: list[float] = []
    at_s = rng.exponential(1 / rate)
    while at_s < seconds:
        due.append(float(at_s))
        at_s += rng.exponential(1 / rate)
    return due


def windows(due: Sequence[float], calls: Sequence[Call], until_s: float) -> list[Window]:
    """What happened in each WINDOW_S until a time; the last may be shorter. due: all times that questions were or will be due."""
    count = math.ceil(until_s / WINDOW_S - 1e-9)
    edges = [min(place * WINDOW_S, until_s) for place in range(count + 1)]
    good = [call for call in calls if not call.error]
    due_by = _before(due, edges)
    begun_by = _before([call.begun_s for call in calls], edges)
    answered_by = _before([call.ended_s for call in good], edges)
    failed_by = _before([call.ended_s for call in calls if call.error], edges)
    latencies: list[list[float]] = [[] for _ in range(count)]
    for call in good:
        if call.due_s < until_s:
            latencies[min(int(call.due_s // WINDOW_S), count - 1)].append(call.latency_ms)
    return [
        Window(
            edges[place],
            edges[place + 1] - edges[place],
            due_by[place + 1] - due_by[place],
            answered_by[place + 1] - answered_by[place],
            failed_by[place + 1] - failed_by[place],
            due_by[place + 1] - begun_by[place + 1],
            spread(latencies[place]),
        )
        for place in range(count)
    ]


def _before(times: Sequence[float], edges: Sequence[float]) -> list[int]:
    """How many of the times are before each edge."""
    found: list[int] = np.searchsorted(np.sort(np.array(times, np.float64)), edges, side="left").tolist()
    return found


def reason_to_stop(calls: Sequence[Call], waiting: int, *, most_errors: float, most_waiting: int) -> str:
    """Why the load should end by itself, as a sentence; empty where it should not.

    most_errors: share of the newest RECENT calls that may fail. most_waiting: questions that may be due and not begun.
    """
    if waiting > most_waiting:
        return f"{waiting} questions were due and not begun, more than {most_waiting}: the target is slower than they come."
    recent = calls[-RECENT:]
    failed = [call for call in recent if call.error]
    if len(recent) == RECENT and len(failed) / RECENT > most_errors:
        return f"{len(failed)} of the newest {RECENT} questions failed, most with {_commonest(failed)}."
    return ""


def _commonest(calls: Sequence[Call]) -> str:
    kinds = [call.error for call in calls]
    return max(sorted(set(kinds)), key=kinds.count)
