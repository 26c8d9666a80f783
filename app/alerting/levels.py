"""Bounds of rules as lines of a chart: those on one series of one backend."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.alerting.rules import Rule
from app.kit.wording import listed
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


@dataclass(frozen=True, slots=True)
class Bound:
    """Bounds at one height, as one line of a chart."""

    value: float
    """The height, in the series' unit."""
    words: str
    """Which rules' bound of what it is: "slow and late: p95, slowest: p99". Names of rules are data, to be escaped."""


def bounds_of(levels: Sequence[Level]) -> list[Bound]:
    """Bounds by height, ascending; those at one height are one line, with the names of all its rules."""
    at: dict[float, dict[str, list[str]]] = {}
    for level in levels:
        at.setdefault(level.value, {}).setdefault(level.series.removeprefix("latency_"), []).append(level.rule)
    return [
        Bound(value, ", ".join(f"{listed(rules)}: {series}" for series, rules in at[value].items()))
        for value in sorted(at)
    ]


def lowest(levels: Sequence[Level], series: str) -> float | None:
    """The lowest bound on a series; None where no rule watches it."""
    return min((level.value for level in levels if level.series == series), default=None)
