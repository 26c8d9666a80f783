"""When an alert is raised and when it ends, from the values of a rule's windows: the same for what happens and for what would have.

A value must hold at every look over the rule's time before anything changes, in either direction: one that flaps changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.alerting.rules import Rule
from app.alerting.series import Point

QUIET_S = 3_600
"""An alert of which nothing was measured for so long, or the rule's time if that is longer, ends: nobody asks any more."""

Turn = Literal["raise", "end", "quiet", ""]
"""Raise an alert; end it for its value, or for want of any; nothing."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One alert that would have been."""

    began_s: float
    """Since when the value was bad, in seconds since the epoch."""
    raised_s: float
    """When it would have been raised."""
    ended_s: float | None
    """When it would have ended; None if it would still be open."""
    worst: float
    """Its worst value."""


def needed_s(rule: Rule) -> int:
    """Seconds of windows' ends that `turn` must be shown."""
    return max(rule.for_s, QUIET_S)


def turn(rule: Rule, points: Sequence[Point], *, is_open: bool) -> Turn:
    """What the newest of the points means for a rule's alert. points: ascending; over less than the rule's time, or `needed_s` of an
    open alert, they say nothing.
    """
    now_s = points[-1].end_s
    if points[0].end_s > now_s - rule.for_s:
        return ""
    verdicts = [rule.verdict(each.value, each.count) for each in points if each.end_s >= now_s - rule.for_s]
    if not is_open:
        return "raise" if all(verdict == "bad" for verdict in verdicts) else ""
    if all(verdict == "fine" for verdict in verdicts):
        return "end"
    lately = (each for each in points if each.end_s >= now_s - needed_s(rule))
    is_quiet = points[0].end_s <= now_s - needed_s(rule) and all(
        rule.verdict(each.value, each.count) == "unknown" for each in lately
    )
    return "quiet" if is_quiet else ""


def replay(rule: Rule, points: Sequence[Point], since_s: float) -> list[Episode]:
    """The alerts that a rule would have raised at or after a time. points: ascending, beginning `needed_s` before it."""
    found: list[Episode] = []
    opened: Episode | None = None
    worse = max if rule.side == "above" else min
    first = 0
    for place, point in enumerate(points):
        if point.end_s < since_s:
            continue
        while points[first].end_s < point.end_s - needed_s(rule):
            first += 1
        turned = turn(rule, points[first : place + 1], is_open=opened is not None)
        if turned == "raise" and point.value is not None:
            opened = Episode(point.end_s - rule.for_s, point.end_s, None, point.value)
        elif opened is not None:
            worst = opened.worst if point.value is None else worse(opened.worst, point.value)
            opened = Episode(opened.began_s, opened.raised_s, None, worst)
            if turned:
                found.append(Episode(opened.began_s, opened.raised_s, float(point.end_s), worst))
                opened = None
    return found if opened is None else [*found, opened]
