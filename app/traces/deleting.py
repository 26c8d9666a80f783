"""Deleting traces in words: ages, what would go, what stays and why."""

import re
from collections.abc import Callable

from app.kit.numbers import count, size
from app.kit.plain import one_line, printable, shortened
from app.kit.wording import when
from metrics.forgetting import Forgotten
from metrics.queries import StoredTrace
from pipeline.errors import InputError

AGES = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0}
"""Seconds by unit."""


QUESTION_WIDTH = 60
"""Columns that a question takes at most."""


def parse_age(text: str) -> float:
    """Seconds in an age such as 90m, 12h, 30d or 8w. Raises InputError."""
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)\s*([mhdw])", text.strip())
    if found is None:
        raise InputError(
            f"The age is {text[:40]!r}; write a number and m, h, d or w (minutes, hours, days, weeks), such as 30d."
        )
    return float(found[1]) * AGES[found[2]]


def plan_text(planned: Forgotten) -> str:
    """What would be deleted."""
    some = f", some {size(planned.freed_bytes)}" if planned.deleted else ""
    lines = [f"To delete: {count(planned.deleted, 'trace')}{some}.", *_spared(planned)]
    if not planned.matched and not planned.missing:
        lines = ["No trace meets the conditions."]
    return "\n".join(lines)


def first_lines(planned: Forgotten, find: Callable[[str], StoredTrace | None]) -> list[str]:
    """The oldest of the traces that would be deleted, a line each. find: a stored trace by its id."""
    found = [each.trace for each in map(find, planned.first) if each is not None]
    lines = [
        f"  {trace.trace_id}  {when(trace.asked_at)}  {printable(shortened(one_line(trace.question), QUESTION_WIDTH))}"
        for trace in found
    ]
    if not lines:
        return []
    head = "They are:" if planned.deleted <= len(lines) else f"The oldest {len(lines)} of them:"
    return [head, *lines]


def done_text(done: Forgotten) -> str:
    """What was deleted."""
    lines = [f"Deleted: {count(done.deleted, 'trace')}, some {size(done.freed_bytes)}.", *_spared(done)]
    if not done.finished:
        lines.append("Stopped before all were looked at: the same command goes on from there.")
    return "\n".join(lines)


def _spared(found: Forgotten) -> list[str]:
    reasons = (
        (found.run, "held by a run or a study (--with-runs)"),
        (found.feedback, "rated or noted (--with-feedback)"),
        (found.tag, "for a tag (--with-kept)"),
    )
    return [f"Kept: {count(number, 'trace')}, {why}." for number, why in reasons if number]
