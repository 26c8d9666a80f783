"""Run against run, over the questions that both have: what got better or worse, whether that is chance, and which questions changed sides.

Differences are second less first. Refuses to say anything of questions that only one run has, but how many they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from evaluation.paired import bca_interval, gather, holm, mcnemar_p, score_limits, sign_flip_p
from evaluation.scoring import Scored
from evaluation.summary import FEWEST_CLUSTERS, MEASURES, UNTYPED
from evaluation.verdict import MAX_DROP, Difference, Verdict, judge
from explain.diagnosis import Failure, label_name
from pipeline.errors import InputError

HIGHER_IS_BETTER = ("correct", "exact", "f1", "gold in answer", "recall", "recall@1", "mrr")

QUALITY = (*HIGHER_IS_BETTER, "abstained")
"""The family that Holm's correction is over."""

DURATION = "duration, ms"

COMPARED = (*QUALITY, "answer words", DURATION)
"""Every measure that is compared. The last two describe; they are tested one by one."""

YES_OR_NO = frozenset({"correct", "exact", "gold in answer", "abstained", "recall", "recall@1"})
"""Measures that are 0 or 1 for a question, which McNemar's test is for."""

NOTHING_DIFFERS = "nothing differs"

TIMED_OTHERWISE = "only one of the two asked in batches, or had the questions’ vectors from an earlier run"

SETTINGS = {
    "dataset": "dataset",
    "fingerprint": "questions",
    "documents_fingerprint": "documents",
    "limit": "questions drawn",
    "seed": "seed of the draw",
    "backend": "backend",
    "top_k": "chunks",
    "rerank": "reranked",
    "deadline_s": "deadline, s",
    "embedder": "embedder",
    "generator": "generator",
    "prompt": "prompt",
    "index": "index",
    "version": "version of Raglass",
}
"""What a run records of how it was made and may set two apart, with what a person calls it."""

Pair = tuple[Scored, Scored]


@dataclass(frozen=True, slots=True)
class Flip:
    """A question that one run has right and the other has not."""

    question_id: str
    """The question in its dataset."""
    question: str
    """Its text."""
    type: str
    """Its type; empty if not known."""
    now_right: bool
    """Whether the second run is the one that has it right."""
    why: str
    """What is known to have changed from the first run to the second, in a sentence."""
    first: Scored
    """The first run's answer, with its trace id."""
    second: Scored
    """The second run's."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs over the questions they share."""

    questions: int
    """Questions in both, with the same text."""
    clusters: int
    """Articles they are about."""
    only_first: int
    """Questions that the first run alone has."""
    only_second: int
    """Questions that the second alone has."""
    reworded: int
    """Questions left out because the same id has another text."""
    failed_first: int
    """Shared questions that failed in the first run; they are not right there."""
    failed_second: int
    """Shared questions that failed in the second."""
    relabelled: int
    """Shared questions that have an answer by the labels of one run and none by those of the other."""
    differences: tuple[Difference, ...]
    """Every measure of COMPARED, in its order."""
    types: tuple[Difference, ...]
    """`correct` by question type, corrected over the types; empty where there is one type. Intervals are the bootstrap's where there are
    FEWEST_CLUSTERS articles and something changed, else score intervals (Tango), which take questions as independent."""
    flips: tuple[Flip, ...]
    """Questions that changed sides: those no longer right first, each by id."""
    verdict: Verdict
    """Whether the second may take the first one's place."""

    @property
    def regressions(self) -> tuple[Difference, ...]:
        """Measures that are significantly worse."""
        return tuple(each for each in self.differences if each.name in HIGHER_IS_BETTER and each.significantly_lower)

    @property
    def blocks(self) -> bool:
        """Whether a gate should hold the second back: it is not safe, or a measure is significantly worse."""
        return self.verdict.outcome == "not safe" or bool(self.regressions)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def compare_runs(
    first: Sequence[Scored], second: Sequence[Scored], *, max_drop: float = MAX_DROP, seed: int = 0
) -> Comparison:
    """Compare two runs, question by question.

    max_drop: the drop of the share of right answers that is put up with, in [0, 1). seed: of resampling and sign flips.
    Intervals are 95 % BCa bootstrap, or Tango's score interval of right answers of which none changed, and p values paired sign flips, over
    whole articles; p values of the quality measures are corrected by Holm. Fewer than FEWEST_CLUSTERS articles get neither, in a type as in
    all.
    Raises InputError where no question is shared.
    """
    pairs, reworded = shared_pairs(first, second)
    if not pairs:
        raise InputError(
            f"The runs share no question: {len(first):,} and {len(second):,} questions"
            f"{f', {reworded:,} with the same id and another text' if reworded else ''}. Compare runs over the same dataset."
        )
    found = {name: _difference(name, pairs, seed) for name in COMPARED}
    corrected = _corrected({name: found[name] for name in QUALITY})
    right, *others = (corrected.get(name, found[name]) for name in COMPARED)
    differences = (_with_interval(right), *others)
    flips = _flips(pairs)
    return Comparison(
        questions=len(pairs),
        clusters=len({one.cluster for one, _ in pairs}),
        only_first=len(first) - len(pairs) - reworded,
        only_second=len(second) - len(pairs) - reworded,
        reworded=reworded,
        failed_first=(failed := sum(one.failed for one, _ in pairs)),
        failed_second=sum(other.failed for _, other in pairs),
        relabelled=sum(one.answerable != other.answerable for one, other in pairs),
        differences=differences,
        types=_by_type(pairs, seed),
        flips=flips,
        verdict=judge(differences[0], max_drop=max_drop, same_answers=answered_alike(pairs), failed_first=failed),
    )


def right_difference(pairs: Sequence[Pair], *, seed: int = 0) -> Difference:
    """What became of the share of right answers, over shared questions; its p value is not corrected for anything."""
    return _with_interval(_difference("correct", pairs, seed))


def answered_alike(pairs: Sequence[Pair]) -> bool:
    """Whether both runs answered every question alike."""
    return all(map(_same, pairs))


def differing_settings(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Name and both values of what two runs' records say differently of how they were made; None for what one does not say."""
    return [
        (words, first.get(name), second.get(name))
        for name, words in SETTINGS.items()
        if first.get(name) != second.get(name)
    ]


def shared_pairs(first: Sequence[Scored], second: Sequence[Scored]) -> tuple[list[Pair], int]:
    """Shared questions in the order of their ids, and how many share an id alone."""
    other = {each.question_id: each for each in second}
    both = [(each, other[each.question_id]) for each in first if each.question_id in other]
    same = [pair for pair in both if pair[0].question == pair[1].question]
    return sorted(same, key=lambda pair: pair[0].question_id), len(both) - len(same)


def _same(pair: Pair) -> bool:
    one, other = pair
    return not one.failed and all(
        getattr(one, name) == getattr(other, name) for name in ("answer", "abstained", "failed", "correct", "gold_rank")
    )


def _difference(name: str, pairs: Sequence[Pair], seed: int) -> Difference:
    of = MEASURES[name]
    if name == DURATION:
        pairs = [(one, other) for one, other in pairs if one.timed_like == other.timed_like]
        if not pairs:
            return Difference(name, 0, 0, why_no_test=TIMED_OTHERWISE)
    values = [(one.cluster, of(one), of(other)) for one, other in pairs]
    counted = [(cluster, x, y) for cluster, x, y in values if x is not None and y is not None]
    if not counted:
        return Difference(name, 0, 0, why_no_test="no question counts in both runs")
    before, after = (np.array([each[place] for each in counted], np.float64) for place in (1, 2))
    data = gather([cluster for cluster, *_ in counted], after - before)
    interval = bca_interval(data, seed=seed)
    gained, lost = int(np.sum(after > before)), int(np.sum(after < before))
    why_no_test = ""
    if not data.testable:
        why_no_test = f"fewer than {FEWEST_CLUSTERS} articles"
    elif gained + lost == 0:
        why_no_test = NOTHING_DIFFERS
    return Difference(
        name,
        len(counted),
        len(data.sums),
        first=float(before.mean()),
        second=float(after.mean()),
        difference=data.mean,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        p=sign_flip_p(data, seed=seed) if data.testable else None,
        mcnemar_p=mcnemar_p(gained, lost) if name in YES_OR_NO and data.testable else None,
        gained=gained,
        lost=lost,
        design_effect=data.design_effect,
        why_no_test=why_no_test,
    )


def _corrected(family: Mapping[str, Difference]) -> dict[str, Difference]:
    """With p values adjusted over those that were tested: where nothing differs, no outcome could have been significant."""
    tested = {name: each.p for name, each in family.items() if each.p is not None and not each.why_no_test}
    adjusted = holm(tested)
    return {name: replace(each, p_adjusted=adjusted.get(name, each.p)) for name, each in family.items()}


def _by_type(pairs: Sequence[Pair], seed: int) -> tuple[Difference, ...]:
    kinds: dict[str, list[Pair]] = {}
    for pair in pairs:
        kinds.setdefault(pair[0].type or UNTYPED, []).append(pair)
    if len(kinds) < 2:
        return ()
    found = {kind: replace(_difference("correct", kinds[kind], seed), name=kind) for kind in sorted(kinds)}
    return tuple(map(_with_interval, _corrected(found).values()))


def _with_interval(each: Difference) -> Difference:
    """With a score interval where the bootstrap gives one without width: where nothing changed. Too few articles have none."""
    if each.low is None or each.high is None or each.low < each.high:
        return each
    low, high = score_limits(each.gained, each.lost, each.questions)
    return replace(each, low=low, high=high)


def _flips(pairs: Sequence[Pair]) -> tuple[Flip, ...]:
    changed = [
        Flip(one.question_id, one.question, one.type, other.correct, explain_flip(one, other), one, other)
        for one, other in pairs
        if one.correct != other.correct
    ]
    return tuple(sorted(changed, key=lambda flip: flip.now_right))


def explain_flip(first: Scored, second: Scored) -> str:
    """Why a question changed sides, as far as the scores tell: what failed, where the gold chunk went, who abstained; else the answer."""
    if first.failed or second.failed:
        return f"It failed now: {second.problem}" if second.failed else f"It failed before: {first.problem}"
    if first.answerable != second.answerable:
        return "The labels are other ones: only one run's say that the documents have an answer."
    moved, abstained = _moved(first.gold_rank, second.gold_rank), _abstained(first, second)
    answered = abstained or _other_answer(first, second)
    sentence = f"{moved}; {answered}" if moved else abstained or answered + _over(first)
    return f"{sentence[0].upper()}{sentence[1:]}.{_label(second if first.correct else first)}"


def _label(wrong: Scored) -> str:
    """The failure label of what is not right, where it was explained."""
    return f" What was not right is labelled “{label_name(wrong.label)}”." if wrong.label in set(Failure) else ""


def _moved(before: int | None, after: int | None) -> str:
    if before == after:
        return ""
    if before is None:
        return f"a chunk with the right answer is retrieved now, at rank {after}"
    if after is None:
        return f"no chunk with the right answer is retrieved any more; it was at rank {before}"
    return f"the first chunk with the right answer {'rose' if after < before else 'fell'} from rank {before} to {after}"


def _abstained(first: Scored, second: Scored) -> str:
    if first.abstained == second.abstained:
        return ""
    if second.answerable:
        return "it abstains now" if second.abstained else "it abstained before and answers now"
    return (
        "it abstains now, as it should" if second.abstained else "it answers now, though the documents have no answer"
    )


def _other_answer(first: Scored, second: Scored) -> str:
    return "the same answer, held against other labels" if first.answer == second.answer else "another answer"


def _over(scored: Scored) -> str:
    if not scored.answerable:
        return ""
    if scored.gold_rank is None:
        return "; neither run retrieved a chunk with the right answer"
    return f" over the same rank of the first chunk with the right answer, {scored.gold_rank}"
