"""Two stored runs against each other: what was compared, what was left out, and what sets the runs apart besides. Without streamlit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.kit.numbers import count
from evaluation.comparison import Comparison, compare_runs, differing_settings
from evaluation.scoring import Scored
from evaluation.verdict import MAX_DROP
from metrics.runs import StoredRun
from pipeline.errors import InputError


@dataclass(frozen=True, slots=True)
class ComparedRuns:
    """A run and the one it is held against."""

    first: StoredRun
    """The one that is there: the baseline."""
    second: StoredRun
    """The one that may take its place."""
    comparison: Comparison
    """Over the questions they share."""

    @property
    def called(self) -> tuple[str, str]:
        """What the first and the second are called: by when they were made, which is not always the order in which they are held."""
        return ("older", "newer") if self.first.started_at <= self.second.started_at else ("newer", "older")

    @property
    def settings(self) -> list[tuple[str, Any, Any]]:
        """What was set differently, with both values."""
        return differing_settings(self.first.about, self.second.about)

    @property
    def notes(self) -> list[str]:
        """What one must know to read the figures, a sentence each."""
        found, (first, second) = self.comparison, self.called
        notes = [
            f"Run {run.run_id} is {run.status}, with {run.answers:,} of {run.about['questions']:,} questions answered."
            for run in (self.first, self.second)
            if run.status != "finished"
        ]
        alone = found.only_first, found.only_second
        if any(alone):
            notes.append(
                f"{found.questions:,} questions are compared; {alone[0]:,} that only the {first} run has and {alone[1]:,} that only the "
                f"{second} one has are left out."
            )
        if found.reworded:
            notes.append(f"{count(found.reworded, 'question')} left out, for the same id has another text.")
        if found.relabelled:
            notes.append(f"{count(found.relabelled, 'question')} answerable by the labels of one run alone.")
        if found.failed_first or found.failed_second:
            notes.append(
                f"Failed, which counts as not right: {count(found.failed_first, 'question')} of the {first} run, {found.failed_second:,} "
                f"of the {second} one."
            )
        return notes


def compare_stored(
    first: tuple[StoredRun, Sequence[Scored]],
    second: tuple[StoredRun, Sequence[Scored]],
    *,
    max_drop: float = MAX_DROP,
) -> ComparedRuns:
    """Hold a run against another. Raises InputError for a run with itself, one without answers, or two that share no question."""
    if first[0].run_id == second[0].run_id:
        raise InputError(f"Run {first[0].run_id} cannot be held against itself. `raglass eval list` lists the others.")
    for run, scores in (first, second):
        if not scores:
            raise InputError(
                f"The run {run.run_id} has no answers yet. Go on with it: `raglass eval resume {run.run_id}`."
            )
    return ComparedRuns(first[0], second[0], compare_runs(first[1], second[1], max_drop=max_drop))
