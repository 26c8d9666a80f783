"""Comparisons of drift that go on in the background: of questions over time, and of an index with another, one of each at a time.

What came of the last one is known until the process ends, or the next one begins.
"""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.permitting.roles import Role
from app.runs.job import RunJobs
from app.stability.drift import QuestionDrift, TooFew
from app.stability.index_drift import MeasuredIndexes
from app.stability.kept import new_id
from app.stability.steps import Steps

NOTHING_KEPT = "Nothing of it is kept; it can be started again."

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class ComparingStep(Generic[Found]):
    """Where a comparison is."""

    run_id: str
    """Tells it from others."""
    done: int
    """Texts that have a vector."""
    total: int
    """Texts in all."""
    found: Found | None = None
    """What came of it, at the end."""
    lacking: str = ""
    """Why there is nothing to compare yet; empty where there is."""


def compare_on(steps: Steps[Found], stop: threading.Event) -> Iterator[ComparingStep[Found]]:
    """Take every step until the end, or until the event is set. Raises what they do, but for too few questions."""
    run_id, done, total = new_id(), 0, 0
    with closing(steps):
        while not stop.is_set():
            try:
                done, total = next(steps)
            except StopIteration as end:
                yield ComparingStep(run_id, done, total, end.value)
                return
            except TooFew as few:
                yield ComparingStep(run_id, done, total, lacking=str(few))
                return
            yield ComparingStep(run_id, done, total)


class Comparisons:
    """Those of one process."""

    def __init__(self) -> None:
        self.questions: RunJobs[ComparingStep[QuestionDrift]] = RunJobs("comparison", Role.VIEWER, NOTHING_KEPT)
        """Of questions over time."""
        self.indexes: RunJobs[ComparingStep[MeasuredIndexes]] = RunJobs("comparison", Role.VIEWER, NOTHING_KEPT)
        """Of an index, or an embedder, with another."""

    def close(self, limit_s: float) -> None:
        """Stop those that are going on and wait for their next step, at most `limit_s` seconds each."""
        self.questions.close(limit_s)
        self.indexes.close(limit_s)
