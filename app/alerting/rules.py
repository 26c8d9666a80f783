"""`Rule`: what is watched, from which bound on, and for how long it must hold; read from and written to what the store keeps."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from app.alerting.series import Series, Side, Unit
from app.kit.numbers import milliseconds, three_figures
from app.kit.wording import backend_words
from metrics.alerts import StoredRule, check_name
from metrics.latency import MINUTE_S, TOTAL
from pipeline.errors import InputError

SLACK = 0.1
"""Hysteresis unless said otherwise: an alert ends a tenth of its bound on the good side of it."""

LONGEST_S = 86_400
"""Of a window, and of how long something must hold."""

DURATION = re.compile(r"(\d{1,5})\s*(s|m|min|h|d)?")
DURATION_S = {"s": 1, "m": 60, "min": 60, None: 60, "h": 3600, "d": 86_400}
"""Seconds by unit; a number alone is minutes."""

AMOUNT = re.compile(r"\$?\s*(-?[\d.]+(?:e-?\d+)?)\s*(ms|s|min|%)?", re.IGNORECASE)
FACTORS: Mapping[Unit, Mapping[str, float]] = {
    "ms": {"": 1.0, "ms": 1.0, "s": 1000.0, "min": 60_000.0},
    "share": {"": 1.0, "%": 0.01},
}
"""What a unit in a bound multiplies it by, by what the series is counted in; others take no unit."""

Verdict = Literal["bad", "fine", "between", "unknown"]
"""A value beyond the bound, on the good side of what ends an alert, between the two, or of too few to say."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A threshold on a series. Raises InputError for one that cannot be."""

    name: str
    """Its name, unique in a store."""
    series: str
    """What is watched, by its name; see `app.alerting.series.Series`."""
    threshold: float
    """The bound, in the series' unit."""
    side: Side
    """Whether a value above or below the bound is bad."""
    backend: str = ""
    """Whose questions; empty for a series that does not tell backends apart."""
    stage: str = TOTAL
    """Of a latency: `total`, or a stage."""
    window_s: int = 300
    """Seconds that a value is measured over."""
    for_s: int = 300
    """Seconds that it must have been so before an alert is raised, and before one ends."""
    minimum: int = 20
    """Traces in a window below which nothing is said of it."""
    clear: float | None = None
    """The bound on whose good side an alert ends; None for a tenth from the threshold."""

    def __post_init__(self) -> None:
        for what, value in (("bound", self.threshold), ("bound that ends an alert", self.clear)):
            if value is not None and not math.isfinite(value):
                raise InputError(f"The {what} is {value}; give a finite number.")
        for what, seconds, low in (("window", self.window_s, MINUTE_S), ("time it must hold", self.for_s, 0)):
            if not low <= seconds <= LONGEST_S or seconds % MINUTE_S:
                raise InputError(
                    f"The {what} is {seconds} s; give whole minutes, {low // MINUTE_S} to {LONGEST_S // 60}."
                )
        if not 1 <= self.minimum <= 1_000_000:
            raise InputError(f"At least {self.minimum} traces cannot be asked for; give a number from 1 to 1,000,000.")
        if self.side not in ("above", "below"):
            raise InputError(f"A value cannot be bad {self.side!r} a bound; it is above or below.")
        if self.clear is not None and self._is_bad(self.clear) and self.clear != self.threshold:
            raise InputError(f"An alert cannot end at {self.clear:g}, which is {self.side} {self.threshold:g}.")

    def _is_bad(self, value: float) -> bool:
        return value > self.threshold if self.side == "above" else value < self.threshold

    @property
    def ends_at(self) -> float:
        """The bound on whose good side an alert ends."""
        if self.clear is not None:
            return self.clear
        slack = abs(self.threshold) * SLACK
        return self.threshold - slack if self.side == "above" else self.threshold + slack

    def verdict(self, value: float | None, count: int) -> Verdict:
        """What a window's value says, which so many traces have."""
        if value is None or count < self.minimum:
            return "unknown"
        if self._is_bad(value):
            return "bad"
        fine = value <= self.ends_at if self.side == "above" else value >= self.ends_at
        return "fine" if fine else "between"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without the name."""
        return {name: value for name, value in asdict(self).items() if name != "name"}

    @classmethod
    def from_dict(cls, name: str, about: Mapping[str, Any]) -> "Rule":
        """The rule that `to_dict` wrote; what it does not know is left aside. Raises InputError for what is none."""
        known = {entry.name for entry in fields(cls)} - {"name"}
        try:
            return cls(name, **{key: value for key, value in about.items() if key in known})
        except TypeError as error:
            raise InputError(f"The rule {name!r} cannot be read. Remove it and make it anew.") from error


def read_rules(stored: Sequence[StoredRule]) -> list[Rule]:
    """Rules as they are kept; what a newer Raglass wrote and this one cannot read is left out."""
    found = []
    for each in stored:
        try:
            found.append(Rule.from_dict(each.name, each.about))
        except InputError:
            continue
    return found


def make_rule(name: str, series: Series, amount: str, **given: Any) -> Rule:
    """A rule from what a person gave; what they did not give is the series' own. Raises InputError."""
    usual: dict[str, Any] = {
        "side": series.worse,
        "window_s": series.window_s,
        "for_s": series.for_s,
        "minimum": series.minimum,
    }
    chosen = {key: value for key, value in given.items() if value is not None}
    if not series.by_stage and chosen.get("stage", TOTAL) != TOTAL:
        raise InputError(f"{series.title} is not counted by stage. Leave the stage out.")
    if not series.by_backend:
        chosen["backend"] = ""
    threshold = parse_amount(amount, series.unit)
    return Rule(check_name(name), series.name, threshold, **{**usual, **chosen})


def parse_duration(text: str) -> int:
    """Seconds in `90s`, `5m`, `2 h`, `1d`, or minutes without a unit. Raises InputError."""
    found = DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise InputError(f"The duration is {text[:40]!r}; write a number and s, m, h or d, such as 5m.")
    return int(found[1]) * DURATION_S[found[2]]


def parse_amount(text: str, unit: Unit) -> float:
    """A bound in a series' unit, of `2000`, `2 s`, `5 %`, `$3`. Raises InputError."""
    found = AMOUNT.fullmatch(text.strip().replace(",", ""))
    factors = FACTORS.get(unit, {"": 1.0})
    written = (found[2] or "").lower() if found else ""
    try:
        if found is None or written not in factors:
            raise ValueError
        return float(found[1]) * factors[written]
    except ValueError:
        examples = {"ms": "2000, 2 s", "share": "0.05, 5 %", "usd": "3"}.get(unit, "0.5")
        raise InputError(f"The bound is {text[:40]!r}; write a number, such as {examples}.") from None


UNIT_HELP: Mapping[Unit, str] = {
    "ms": "A number alone is milliseconds; “2 s” and “1 min” are read as well.",
    "share": "Of 100, as “5 %”; a number alone is a part of 1, as 0.05.",
    "usd": "In US dollars.",
    "number": "A number without a unit.",
}
"""How a bound is written, by what its series is counted in."""

DURATION_HELP = "A number and s, min, h or d; a number alone is minutes."
"""How a stretch of time is written."""


def amount_words(value: float, unit: Unit) -> str:
    """A bound with its unit, as `parse_amount` reads it."""
    written = f"{value * 100 if unit == 'share' else value:.12g}"
    return {"ms": f"{written} ms", "share": f"{written} %", "usd": f"${written}"}.get(unit, written)


def value_words(value: float | None, unit: Unit) -> str:
    """A value in its unit."""
    if value is None:
        return "unknown"
    if unit == "ms":
        return milliseconds(value)
    if unit == "share":
        return f"{three_figures(value * 100)} %"
    if unit == "usd":
        return f"{three_figures(value)} USD"
    return three_figures(value)


def duration_words(seconds: float) -> str:
    """A stretch of time, no finer than a minute unless shorter: "5 min", "2 h 10 min", "3 d"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def beyond_reach(rule: Rule, series: Series) -> str:
    """Why no value can ever be beyond a rule's bound; empty where one can."""
    low, high = series.reach
    limit = high if rule.side == "above" else low
    if limit is None or (rule.threshold < limit if rule.side == "above" else rule.threshold > limit):
        return ""
    title = f"{series.title[:1].lower()}{series.title[1:]}"
    return f"It can never raise an alert: {title} is never {rule.side} {value_words(limit, series.unit)}."


def rule_words(rule: Rule, series: Series | None) -> str:
    """What a rule says, in a line. series: None for one that is not read here."""
    unit: Unit = series.unit if series else "number"
    what = series.title if series else rule.series
    stage = f" of {rule.stage}" if rule.stage != TOTAL else ""
    whose = f" of {backend_words(rule.backend)}" if rule.backend else ""
    over = f", over {duration_words(rule.window_s)}" if series is None or series.windowed else ""
    held = f", for {duration_words(rule.for_s)}" if rule.for_s else ""
    return f"{what}{stage}{whose}{over}: {rule.side} {value_words(rule.threshold, unit)}{held}; of at least {rule.minimum:,}"
