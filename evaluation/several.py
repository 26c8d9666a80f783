"""Several runs against each other, over the questions that all of them have: each pair's verdict, and the questions they part on.

The p values of the pairs' differences of right answers are corrected by Holm over all pairs. Intervals are each pair's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from evaluation.comparison import Pair, answered_alike, right_difference
from evaluation.paired import holm
from evaluation.scoring import Scored
from evaluation.verdict import MAX_DROP, Difference, Verdict, judge
from pipeline.errors import InputError

FEWEST, MOST = 2, 5
"""Runs that are held against each other."""


@dataclass(frozen=True, slots=True)
class PairOfRuns:
    """One run that may take another one's place; runs by their place among those compared."""

    before: int
    """The one that is there."""
    after: int
    """The one that may take its place."""
    right: Difference
    """Of the share of right answers, after less before; its p value is corrected over the pairs."""
    verdict: Verdict
    """Whether it may."""


@dataclass(frozen=True, slots=True)
class SeveralRuns:
    """Some runs over the questions that all of them have."""

    questions: int
    """Questions in all of them, with the same text."""
    left_out: int
    """Questions that some of them lack, or word otherwise."""
    pairs: tuple[PairOfRuns, ...]
    """Each run against each other one, both ways round."""
    parted: tuple[tuple[Scored, ...], ...]
    """Questions that not all have right, or all wrong: each run's answer, in the order of the runs; those most have wrong first."""
    rights: tuple[float, ...]
    """Each run's share of right answers, over these questions."""

    def pair(self, before: int, after: int) -> PairOfRuns:
        """The run at one place against that at another."""
        return next(each for each in self.pairs if (each.before, each.after) == (before, after))


def compare_several(runs: Sequence[Sequence[Scored]], *, max_drop: float = MAX_DROP, seed: int = 0) -> SeveralRuns:
    """Compare runs, each with each. Raises InputError for fewer than FEWEST or more than MOST, and where they share no question."""
    if not FEWEST <= len(runs) <= MOST:
        raise InputError(f"These are {len(runs)} runs. From {FEWEST} to {MOST} can be compared at once.")
    shared, left_out = _shared(runs)
    if not shared:
        raise InputError("The runs share no question. Compare runs over the same dataset.")
    sides = list(combinations(range(len(runs)), 2))
    pairs = {(one, other): [(each[one], each[other]) for each in shared] for one, other in sides}
    found = {side: right_difference(pairs[side], seed=seed) for side in sides}
    adjusted = holm({side: each.p for side, each in found.items() if each.p is not None and not each.why_no_test})
    judged = []
    for side, difference in found.items():
        corrected = replace(difference, p_adjusted=adjusted.get(side, difference.p))
        before, after = side
        judged.append(_judged(before, after, corrected, pairs[side], max_drop))
        turned = [(other, one) for one, other in pairs[side]]
        judged.append(_judged(after, before, _turned(corrected), turned, max_drop))
    parted = [each for each in shared if len({one.correct for one in each}) > 1]
    return SeveralRuns(
        len(shared),
        left_out,
        tuple(sorted(judged, key=lambda each: (each.after, each.before))),
        tuple(sorted(parted, key=lambda each: sum(one.correct for one in each))),
        tuple(sum(each[place].correct for each in shared) / len(shared) for place in range(len(runs))),
    )


def _shared(runs: Sequence[Sequence[Scored]]) -> tuple[list[tuple[Scored, ...]], int]:
    """The answers to each question of all runs, by question id, and how many questions some lack or word otherwise."""
    held = [{each.question_id: each for each in scores} for scores in runs]
    known = {question_id for each in held for question_id in each}
    both = [tuple(each[key] for each in held) for key in sorted(known) if all(key in each for each in held)]
    shared = [each for each in both if len({one.question for one in each}) == 1]
    return shared, len(known) - len(shared)


def _judged(before: int, after: int, right: Difference, pairs: Sequence[Pair], max_drop: float) -> PairOfRuns:
    failed = sum(one.failed for one, _ in pairs)
    verdict = judge(right, max_drop=max_drop, same_answers=answered_alike(pairs), failed_first=failed)
    return PairOfRuns(before, after, right, verdict)


def _turned(each: Difference) -> Difference:
    """The same difference the other way round."""
    return replace(
        each,
        first=each.second,
        second=each.first,
        difference=_less(each.difference),
        low=_less(each.high),
        high=_less(each.low),
        gained=each.lost,
        lost=each.gained,
    )


def _less(value: float | None) -> float | None:
    return None if value is None else -value
