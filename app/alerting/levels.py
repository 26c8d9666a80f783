"""Bounds of rules as lines of a chart: those on one series of one backend."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.alerting.rules import Rule
from metrics.latency import TOTAL


@dataclass(frozen=True, slots=True)
class Level:
    """A rule's bound."""

    rule: str
    """The rule's name: data, to be escaped."""
    series: str
    """What it watches."""
    value: float
    """The bound, in the series' unit."""


def levels_of(rules: Sequence[Rule], backend: str, *series: str) -> list[Level]:
    """The bounds above which whole questions of a backend are bad, in the series' order and then by height."""
    found = [
        Level(rule.name, rule.series, rule.threshold)
        for rule in rules
        if rule.series in series and rule.backend == backend and rule.stage == TOTAL and rule.side == "above"
    ]
    return sorted(found, key=lambda level: (series.index(level.series), level.value))


def lowest(levels: Sequence[Level], series: str) -> float | None:
    """The lowest bound on a series; None where no rule watches it."""
    return min((level.value for level in levels if level.series == series), default=None)
