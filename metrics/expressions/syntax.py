"""The tree that an expression is read into, and the error for a text that is none. Plain frozen data."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from metrics.expressions.fields import Field
from pipeline.errors import InputError

EXCERPT_CHARS = 72
"""What an error shows of the expression on either side of the place."""

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "today", "yesterday")
"""Words for times: the weekdays in Python's order, then those that are counted from now."""

Comparison = Literal["<", "<=", "=", ">=", ">"]
"""How a field is compared with one value. `!=` is `=`, negated."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time."""

    at_s: float
    """Seconds since the epoch, UTC; if it is relative, seconds from now, which is negative for the past."""
    relative: bool = False
    """Whether it moves with the clock."""
    day: str = ""
    """One of DAYS, of which it is the last beginning, UTC, instead."""

    def resolve(self, now_s: float) -> float:
        """Seconds since the epoch when it is now `now_s`."""
        if self.day:
            return _last_beginning(self.day, now_s)
        return now_s + self.at_s if self.relative else self.at_s


def _last_beginning(day: str, now_s: float) -> float:
    """When it last was midnight, UTC, at the beginning of a day of DAYS. On a Tuesday `tuesday` is today."""
    today = datetime.fromtimestamp(now_s, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    ago = (today.weekday() - DAYS.index(day)) % 7 if day in DAYS[:7] else DAYS.index(day) - 7
    return (today - timedelta(days=ago)).timestamp()


Value = float | str | Moment
"""What a field is compared with, in the unit of the field."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim about one field."""

    field: Field
    """The field."""
    verb: Comparison | Literal["in", "contains", "none"]
    """How: a comparison with the one value, equal to one of several, holds the text, or has no value."""
    values: tuple[Value, ...] = ()
    """What the field is compared with."""
    stage: str = ""
    """The stage of `stage.….ms`."""
    rule: str = ""
    """The rule of `quality.…`."""


@dataclass(frozen=True, slots=True)
class Negated:
    """What holds where another does not; where that one is unknown, so is this."""

    part: "Node"
    """The other."""


@dataclass(frozen=True, slots=True)
class Every:
    """What holds where all parts do."""

    parts: tuple["Node", ...]
    """Two or more."""


@dataclass(frozen=True, slots=True)
class Either:
    """What holds where any part does."""

    parts: tuple["Node", ...]
    """Two or more."""


Node = Claim | Negated | Every | Either


class ExpressionError(InputError):
    """A text that is no expression: what is wrong, and where."""

    def __init__(self, problem: str, text: str, at: int) -> None:
        """problem: what was found, and what to write instead. at: the place in the text, counted from 0."""
        self.problem = f"The expression cannot be read at character {at + 1:,}: {problem}"
        self.excerpt = _excerpt(text, at)
        super().__init__(f"{self.problem}\n\n{self.excerpt}")


def _excerpt(text: str, at: int) -> str:
    """The part of the text around a place, and below it a caret under that place."""
    start, end = max(0, at - EXCERPT_CHARS), min(len(text), at + EXCERPT_CHARS)
    before, after = ("… " if start else ""), (" …" if end < len(text) else "")
    return f"  {before}{printable(text[start:end])}{after}\n  {' ' * (len(before) + at - start)}^"


def printable(text: str) -> str:
    """Text in which every character takes a place and none acts on a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
