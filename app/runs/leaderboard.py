"""Runs over the same questions, best first: which is best, what sets the others apart from it, and which to hold against which."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.kit.numbers import count
from app.kit.plain import one_line
from app.runs.record import CELL, STUDY, named_dataset
from evaluation.comparison import differing_settings
from metrics.runs import StoredRun

NOT_TOLD = ("dataset", "questions", "documents", "questions drawn", "seed of the draw", "deadline, s", "index")
"""Settings that a leaderboard does not tell apart: the questions are the same, and of the index the embedder says more."""

BEST = "best"
"""What the best run differs from itself in."""


@dataclass(frozen=True, slots=True)
class Board:
    """Runs over the same questions."""

    key: str
    """Of the questions, as it stands in an address."""
    name: str
    """The questions, and how many runs asked them."""
    runs: tuple[StoredRun, ...]
    """Those runs, the highest share of right answers first; those without a figure last."""

    @property
    def best(self) -> StoredRun | None:
        """The run with the highest share; None where none has a figure."""
        return self.runs[0] if self.runs and right_share(self.runs[0]) is not None else None


def boards(runs: Iterable[StoredRun]) -> list[Board]:
    """A leaderboard for each set of questions that two or more runs asked, in the order of the runs."""
    groups: dict[str, list[StoredRun]] = {}
    for run in runs:
        groups.setdefault(questions_key(run), []).append(run)
    return [Board(key, _name(group), _ranked(group)) for key, group in groups.items() if len(group) > 1]


def questions_key(run: StoredRun) -> str:
    """The same for two runs over the same questions and documents."""
    about = run.about
    return f"{about.get('fingerprint') or about['name']}{(about.get('documents_fingerprint') or '')[:12]}"


def right_share(run: StoredRun) -> float | None:
    """The share of right answers, in [0, 1]; None while it is not known."""
    figures: dict[str, float | None] = run.about.get("figures") or {}
    return figures.get("correct")


def _name(runs: Sequence[StoredRun]) -> str:
    about = runs[0].about
    return f"{one_line(named_dataset(about))}, {count(about['questions'], 'question')} · {len(runs)} runs"


def _ranked(runs: Sequence[StoredRun]) -> tuple[StoredRun, ...]:
    return tuple(sorted(runs, key=lambda run: -1.0 if (share := right_share(run)) is None else share, reverse=True))


def differs_words(best: StoredRun, run: StoredRun) -> str:
    """What sets a run apart from the best: "chunks 3, not 5; reranked yes, not no"."""
    if run.run_id == best.run_id:
        return BEST
    told = [
        f"{name} {_said(here)}, not {_said(there)}"
        for name, there, here in differing_settings(best.about, run.about)
        if name not in NOT_TOLD
    ]
    if run.about.get(CELL) != best.about.get(CELL):
        told.insert(0, f"cell {_said(run.about.get(CELL))}")
    return "; ".join(told) or "nothing that is recorded"


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown" if value is None else one_line(str(value))


def before_words(run: StoredRun, before: StoredRun) -> str:
    """What was changed from one run to the next: "chunks 3, not 5"; empty where nothing is recorded."""
    told = differs_words(before, run)
    return "" if told in (BEST, "nothing that is recorded") else told


def run_before(run: StoredRun, runs: Iterable[StoredRun]) -> StoredRun | None:
    """The newest earlier run over the same questions, with answers; None for none."""
    earlier = [
        each
        for each in runs
        if each.answers and each.started_at < run.started_at and questions_key(each) == questions_key(run)
    ]
    return max(earlier, key=lambda each: each.started_at, default=None)


def asked_alone(runs: Sequence[StoredRun]) -> list[StoredRun]:
    """The runs that somebody began for themselves; the cells of studies too where there is nothing else."""
    return [run for run in runs if STUDY not in run.about] or list(runs)


def newest_pair(runs: Sequence[StoredRun]) -> tuple[StoredRun, StoredRun] | None:
    """The newest finished run that has one before it over the same questions, and that one, as (before, after); None for none.

    Cells of studies count only where there is nothing else.
    """
    for among in (asked_alone(runs), runs):
        for run in among:
            if run.status == "finished" and run.answers and (before := run_before(run, among)) is not None:
                return before, run
    return None
