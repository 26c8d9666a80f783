"""Alarms look at the series of their own dimensions.

The emulator takes all series of a metric's name together, so that one stage's failure would raise every stage's alarm; and it leaves an
alarm as it was where no value is left, where CloudWatch does as `TreatMissingData` says.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from serving.rehearsal.patches.points import Point

EVALUATE = Point("ministack.services.cloudwatch", "_evaluate_alarm")
SERIES = Point("ministack.services.cloudwatch", "_metrics")
KEY = Point("ministack.services.cloudwatch", "_dims_key")
POINTS = (EVALUATE, SERIES, KEY)

Series = tuple[tuple[str, str, str], list[Any]]
"""Namespace, name and dimensions' key; and the points."""

WANTED: ContextVar[str | None] = ContextVar("rehearsal_dimensions", default=None)
"""The dimensions' key of the alarm that is being looked at; None otherwise."""


def apply() -> None:
    """Let an alarm see no other series while it is evaluated."""
    key: Callable[[Mapping[str, str]], str] = KEY.get()
    SERIES.replace(_shown_as_wanted)
    store = SERIES.get()
    EVALUATE.replace(lambda evaluate: _for_its_own(evaluate, key, store))


def _shown_as_wanted(store: Any) -> Any:
    """The same store, whose items are those that are wanted. Its class is exchanged, for it is shared with what reads and saves it."""

    class Wanted(type(store)):  # type: ignore[misc]
        __slots__ = ()

        def items(self) -> Iterable[Series]:
            return only_wanted(super().items(), WANTED.get())

    store.__class__ = Wanted
    return store


def _for_its_own(
    evaluate: Callable[[Any], None], key: Callable[[Mapping[str, str]], str], store: Any
) -> Callable[[Any], None]:
    def evaluate_own(alarm: dict[str, Any]) -> None:
        dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions") or ()}
        before = WANTED.set(key(dimensions))
        try:
            evaluate(alarm)
            if is_silent(alarm, store.items(), time.time()):
                alarm["StateValue"], alarm["StateReason"] = "OK", "No values, which counts as not breaching"
        finally:
            WANTED.reset(before)

    return evaluate_own


def only_wanted(items: Iterable[Series], wanted: str | None) -> Iterable[Series]:
    """The series whose dimensions are wanted; all where none are."""
    return items if wanted is None else [(key, points) for key, points in items if key[2] == wanted]


def is_silent(alarm: Mapping[str, Any], items: Iterable[Series], now_s: float) -> bool:
    """Whether an alarm for which missing values are not breaching has none in the time that it looks at."""
    if alarm.get("TreatMissingData") != "notBreaching" or not alarm.get("MetricName"):
        return False
    cutoff_s = now_s - alarm.get("Period", 60) * alarm.get("EvaluationPeriods", 1)
    about = (alarm.get("Namespace"), alarm.get("MetricName"))
    return not any(
        key[:2] == about and any(point["Timestamp"] >= cutoff_s for point in points) for key, points in items
    )
