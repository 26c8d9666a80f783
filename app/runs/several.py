"""Two to five stored runs at once: what was compared, and what was left out. Without streamlit."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.kit.numbers import count
from evaluation.scoring import Scored
from evaluation.several import SeveralRuns, compare_several
from evaluation.verdict import MAX_DROP
from metrics.runs import StoredRun
from pipeline.errors import InputError

LETTERS = "ABCDE"
"""What the runs are called in tables, in their order."""


@dataclass(frozen=True, slots=True)
class ComparedSeveral:
    """Runs held against each other."""

    runs: tuple[StoredRun, ...]
    """The oldest first: the first one is the baseline."""
    found: SeveralRuns
    """What came of it, runs by their place."""

    @property
    def notes(self) -> list[str]:
        """What one must know to read the figures, a sentence each."""
        told = [
            f"Run {LETTERS[place]} is {run.status}, with {run.answers:,} of {run.about['questions']:,} questions answered."
            for place, run in enumerate(self.runs)
            if run.status != "finished"
        ]
        if self.found.left_out:
            told.append(
                f"{count(self.found.questions, 'question')} that all have are compared; {self.found.left_out:,} are not in all of them."
            )
        return told


def compare_stored_several(
    runs: Sequence[tuple[StoredRun, Sequence[Scored]]], *, max_drop: float = MAX_DROP
) -> ComparedSeveral:
    """Hold runs against each other, the oldest first. Raises InputError for one named twice, one without answers, too few or too many."""
    ids = [run.run_id for run, _ in runs]
    if len(set(ids)) < len(ids):
        raise InputError("A run cannot be held against itself. Name each run once.")
    for run, scores in runs:
        if not scores:
            raise InputError(
                f"The run {run.run_id} has no answers yet. Go on with it: `raglass eval resume {run.run_id}`."
            )
    ordered = sorted(runs, key=lambda each: each[0].started_at)
    found = compare_several([scores for _, scores in ordered], max_drop=max_drop)
    return ComparedSeveral(tuple(run for run, _ in ordered), found)
