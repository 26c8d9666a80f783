"""Run against run: what is compared, what is left out, what changed sides and why, and the verdict."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evaluation.comparison import (
    COMPARED,
    QUALITY,
    Comparison,
    compare_runs,
    differing_settings,
    explain_flip,
    right_difference,
    shared_pairs,
)
from evaluation.labelling import UNEXPLAINED
from evaluation.paired import holm, questions_needed, score_limits
from evaluation.scoring import Scored
from evaluation.summary import summarise
from evaluation.verdict import Difference, judge, points
from explain.diagnosis import Failure
from pipeline.errors import InputError
from tests.evaluation.labelled import make_scored


def scored(right: Sequence[int], *, per_article: int = 1, **overrides: Any) -> list[Scored]:
    """A score for each question: right or wrong, everything else alike."""
    return [
        make_scored(
            number,
            **{
                "correct": bool(each),
                "exact": bool(each),
                "f1": float(each),
                "holds_gold": bool(each),
                "answer": "Alfred Wegener" if each else "Charles Darwin",
                "cluster": f"article {number // per_article}",
                **overrides,
            },
        )
        for number, each in enumerate(right)
    ]


def run_with(both: int, gained: int, lost: int, neither: int = 0) -> tuple[list[Scored], list[Scored]]:
    """Two runs with so many questions right in both, in the second alone, in the first alone, in neither."""
    before = [1] * both + [0] * gained + [1] * lost + [0] * neither
    after = [1] * both + [1] * gained + [0] * lost + [0] * neither
    return scored(before), scored(after)


def named(comparison: Comparison, name: str) -> Difference:
    return next(each for each in comparison.differences if each.name == name)


def test_every_measure_is_compared_over_the_questions_that_count_in_both() -> None:
    first, second = run_with(both=50, gained=6, lost=2, neither=4)
    second[0] = replace(second[0], abstained=True, answer="", answer_words=0, correct=False, gold_rank=2)
    found = compare_runs(first, second)
    assert [each.name for each in found.differences] == list(COMPARED)
    correct = named(found, "correct")
    assert (correct.first, correct.second) == (pytest.approx(52 / 62), pytest.approx(55 / 62))
    assert correct.difference == pytest.approx(3 / 62)
    assert (correct.gained, correct.lost) == (6, 3)
    assert named(found, "answer words").questions == 61
    assert named(found, "mrr").difference == pytest.approx(-0.5 / 62)
    assert named(found, "recall@1").lost == 1


def test_second_figure_of_measures_that_are_yes_or_no_is_mcnemars() -> None:
    found = compare_runs(*run_with(both=50, gained=12, lost=3))
    assert named(found, "correct").mcnemar_p == pytest.approx(stats.binomtest(3, 15).pvalue)
    assert named(found, "f1").mcnemar_p is None


def test_holm_is_over_the_measures_of_quality_that_differ() -> None:
    first, second = run_with(both=50, gained=12, lost=3)
    second = [replace(each, duration_ms=each.duration_ms + number % 7) for number, each in enumerate(second)]
    found = compare_runs(first, second)
    tested = {each.name: each.p for each in found.differences if each.name in QUALITY and not each.why_no_test}
    assert list(tested) == ["correct", "exact", "f1", "gold in answer"]
    expected = holm({name: p for name, p in tested.items() if p is not None})
    assert {name: named(found, name).p_adjusted for name in tested} == expected
    assert named(found, "duration, ms").p_adjusted is None
    assert named(found, "recall").why_no_test == "nothing differs"


runs = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 4)), min_size=1, max_size=30)


def drawn(rows: Sequence[tuple[bool, bool, int]]) -> tuple[list[Scored], list[Scored]]:
    first, second = scored([row[0] for row in rows]), scored([row[1] for row in rows])
    for number, (_, _, rank) in enumerate(rows):
        cluster = f"article {number // 2}"
        first[number] = replace(first[number], cluster=cluster)
        second[number] = replace(second[number], cluster=cluster, gold_rank=rank or None)
    return first, second


@given(runs)
@settings(max_examples=25, deadline=None)
@pytest.mark.slow
def test_the_other_way_round_every_sign_is_the_other_one(rows: list[tuple[bool, bool, int]]) -> None:
    first, second = drawn(rows)
    there, back = compare_runs(first, second), compare_runs(second, first)
    for one, other in zip(there.differences, back.differences, strict=True):
        assert (one.first, one.second, one.gained, one.lost) == (other.second, other.first, other.lost, other.gained)
        assert (one.p, one.p_adjusted, one.mcnemar_p) == (other.p, other.p_adjusted, other.mcnemar_p)
        assert one.difference == pytest.approx(-(other.difference or 0.0))
        if one.low is not None and other.high is not None:
            assert (one.low, one.high) == (pytest.approx(-other.high), pytest.approx(-(other.low or 0.0)))
    assert {flip.question_id for flip in there.flips} == {flip.question_id for flip in back.flips}
    assert not any(
        one.now_right and two.now_right
        for one in there.flips
        for two in back.flips
        if one.question_id == two.question_id
    )


@given(runs.filter(lambda rows: len(rows) >= 9))
@settings(max_examples=25, deadline=None)
@pytest.mark.slow
def test_a_run_against_its_like_differs_by_nothing_and_is_safe(rows: list[tuple[bool, bool, int]]) -> None:
    run = drawn(rows)[1]
    found = compare_runs(run, [replace(each, trace_id="another") for each in run])
    for each in found.differences:
        assert (each.difference, each.p, each.gained, each.lost) in ((0, 1, 0, 0), (None, None, 0, 0))
    assert found.verdict.outcome == "safe"
    assert not found.blocks
    assert found.flips == ()


@pytest.mark.slow
def test_runs_that_differ_by_chance_alone_are_seldom_called_worse() -> None:
    """100 pairs of 60 questions of 30 articles, of which 20 % change sides by a coin's throw."""
    alarms = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        before = rng.random(60) < 0.8
        changed = rng.random(60) < 0.2
        after = np.where(changed, rng.random(60) < 0.5, before)
        before = np.where(changed, rng.random(60) < 0.5, before)
        found = compare_runs(scored(before.tolist(), per_article=2), scored(after.tolist(), per_article=2), seed=seed)
        alarms += found.blocks
    # 5 % and three standard errors of 100 draws.
    assert alarms / 100 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 100)


def test_questions_of_one_run_alone_are_counted_and_left_out() -> None:
    first, second = scored([1] * 12), scored([1] * 15)[3:]
    second[0] = replace(second[0], question="Another wording?")
    found = compare_runs(first, second)
    assert (found.questions, found.only_first, found.only_second, found.reworded) == (8, 3, 3, 1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([], []),
        (scored([1, 1]), []),
        (scored([1]), [make_scored(7)]),
        (scored([1]), [make_scored(0, question="Another?")]),
    ],
    ids=["nothing", "one is empty", "other ids", "other texts"],
)
def test_runs_without_a_shared_question_are_refused(first: list[Scored], second: list[Scored]) -> None:
    with pytest.raises(InputError, match="share no question"):
        compare_runs(first, second)


def test_one_shared_question_gets_figures_and_no_test() -> None:
    found = compare_runs(scored([1]), scored([0]))
    correct = named(found, "correct")
    assert (correct.difference, correct.low, correct.p) == (-1, None, None)
    assert correct.why_no_test == "fewer than 5 articles"
    assert found.verdict.outcome == "unknown"
    assert "too few to judge by" in found.verdict.sentence


def test_type_with_two_questions_is_shown_and_not_tested() -> None:
    first, second = run_with(both=20, gained=2, lost=6)
    kinds = ["DATE"] * 2 + ["PERSON"] * 26
    first, second = (
        [replace(each, type=kind) for each, kind in zip(run, kinds, strict=True)] for run in (first, second)
    )
    date, person = compare_runs(first, second).types
    assert (date.name, date.questions, date.p, date.why_no_test) == ("DATE", 2, None, "fewer than 5 articles")
    assert (person.name, person.gained, person.lost, person.why_no_test) == ("PERSON", 2, 6, "")
    assert person.p_adjusted == person.p


def test_one_type_is_not_repeated() -> None:
    assert compare_runs(scored([1] * 6), scored([1] * 6)).types == ()


def test_a_type_has_an_interval_where_nothing_changed_and_none_with_few_articles() -> None:
    first, second = (
        [replace(each, type="DATE" if place < 7 else "PERSON") for place, each in enumerate(scored([1] * 7 + last))]
        for last in ([1, 1, 0], [0, 1, 0])
    )
    date, person = compare_runs(first, second).types
    # Where none of n questions changed, Tango's limits are those of z² against n: z² / (n + z²).
    bound = 1.959964**2 / (7 + 1.959964**2)
    assert (date.difference, date.low, date.high) == pytest.approx((0, -bound, bound), abs=1e-6)
    assert (person.low, person.high, person.why_no_test) == (None, None, "fewer than 5 articles")
    assert [summarise(run)[2].measures["correct"].low for run in (first, second)] == [None, None]  # as in either run


def test_flips_hold_both_answers_and_traces_those_that_went_wrong_first() -> None:
    first, second = run_with(both=5, gained=1, lost=1)
    found = compare_runs(first, [replace(each, trace_id=f"new {each.trace_id}") for each in second])
    wrong, right = found.flips
    assert (wrong.now_right, wrong.first.answer, wrong.second.answer) == (False, "Alfred Wegener", "Charles Darwin")
    assert (right.now_right, right.first.trace_id, right.second.trace_id) == (True, "t5", "new t5")


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ({}, {"gold_rank": 4}, "The first chunk with the right answer fell from rank 1 to 4; another answer."),
        ({"gold_rank": 3}, {}, "The first chunk with the right answer rose from rank 3 to 1; another answer."),
        (
            {},
            {"gold_rank": None},
            "No chunk with the right answer is retrieved any more; it was at rank 1; another answer.",
        ),
        (
            {"gold_rank": None},
            {"gold_rank": 2},
            "A chunk with the right answer is retrieved now, at rank 2; another answer.",
        ),
        ({}, {"abstained": True}, "It abstains now."),
        ({"abstained": True}, {}, "It abstained before and answers now."),
        (
            {},
            {"gold_rank": 5, "abstained": True},
            "The first chunk with the right answer fell from rank 1 to 5; it abstains now.",
        ),
        ({}, {}, "Another answer over the same rank of the first chunk with the right answer, 1."),
        (
            {"gold_rank": None},
            {"gold_rank": None},
            "Another answer; neither run retrieved a chunk with the right answer.",
        ),
        (
            {},
            {"answer": "before"},
            "The same answer, held against other labels over the same rank of the first chunk with the right answer, 1.",
        ),
        ({}, {"failed": True, "problem": "Out of time."}, "It failed now: Out of time."),
        ({"failed": True, "problem": "Out of time."}, {}, "It failed before: Out of time."),
        ({}, {"answerable": False}, "The labels are other ones: only one run's say that the documents have an answer."),
    ],
)
def test_flip_is_explained_by_what_is_known(before: dict[str, Any], after: dict[str, Any], why: str) -> None:
    assert (
        explain_flip(make_scored(**{"answer": "before", **before}), make_scored(**{"answer": "after", **after})) == why
    )


def test_flip_of_a_question_without_an_answer_is_about_abstaining() -> None:
    none: dict[str, Any] = {"answerable": False, "gold_rank": None}
    answers, abstains = make_scored(**none), make_scored(**none, abstained=True, answer="")
    assert explain_flip(abstains, answers) == "It answers now, though the documents have no answer."
    assert explain_flip(answers, abstains) == "It abstains now, as it should."


def test_failure_label_of_the_wrong_answer_is_named_where_it_was_explained() -> None:
    right, wrong = make_scored(), make_scored(correct=False, answer="Darwin", label=Failure.CONTEXT_IGNORED.value)
    ending = f"What was not right is labelled “{Failure.CONTEXT_IGNORED.value}”."
    assert explain_flip(right, wrong).endswith(ending)
    assert explain_flip(wrong, right).endswith(ending)
    assert "labelled" not in explain_flip(right, replace(wrong, label=UNEXPLAINED))


def test_no_change_over_many_questions_is_safe() -> None:
    first, second = run_with(both=300, gained=0, lost=0)
    second = [replace(each, answer="Wegener") for each in second]
    verdict = compare_runs(first, second).verdict
    assert verdict.outcome == "safe"
    assert verdict.sentence == (
        "Safe to ship: 100.0 % of 300 questions right, 100.0 % before (0.0 points, 95 % interval −1.3 to +1.3). "
        "A drop of more than 2 points is ruled out."
    )


@pytest.mark.parametrize(
    ("questions", "why"),
    [
        (10, "; they are so few that on others a drop of up to 27.8 points is not ruled out."),
        (300, "."),
    ],
)
def test_the_same_answers_to_few_questions_say_little_about_others(questions: int, why: str) -> None:
    first, second = run_with(both=questions, gained=0, lost=0)
    found = compare_runs(first, second)
    assert found.verdict.outcome == "safe"
    assert found.verdict.sentence.endswith(f" Both runs gave the same answer to every question{why}")
    assert found.differences[0].low == score_limits(0, 0, questions)[0]
    assert right_difference(shared_pairs(first, second)[0]) == replace(found.differences[0], p_adjusted=None)


def test_few_questions_that_did_not_change_cannot_tell() -> None:
    first, second = run_with(both=39, gained=1, lost=0)
    verdict = compare_runs(first, second).verdict
    # The bootstrap's lower end is 0; Tango's is −0.066.
    assert verdict.outcome == "unknown"
    assert "only 1 question changed sides" in verdict.sentence


@pytest.mark.slow
def test_significant_drop_is_not_safe_however_small() -> None:
    found = compare_runs(*run_with(both=900, gained=0, lost=14), max_drop=0.05)
    assert found.verdict.outcome == "not safe"
    assert "significantly fewer (p = " in found.verdict.sentence
    assert found.blocks


def test_interval_below_what_is_put_up_with_is_not_safe_without_significance() -> None:
    drop = Difference("correct", 100, 50, 0.8, 0.7, -0.1, -0.15, -0.03, p=0.03, p_adjusted=0.2, gained=2, lost=12)
    assert judge(drop).outcome == "not safe"
    assert judge(drop, max_drop=0.05).outcome == "unknown"


def test_undecided_says_how_many_questions_would_tell() -> None:
    first, second = run_with(both=180, gained=10, lost=10)
    verdict = compare_runs(first, second).verdict
    assert verdict.outcome == "unknown"
    assert verdict.questions_needed == questions_needed(0.02, 0.1)
    assert f"About {verdict.questions_needed:,} questions would tell (power 80 %)" in verdict.sentence


def test_articles_that_go_together_need_more_questions() -> None:
    first, second = run_with(both=160, gained=20, lost=20)
    apart = compare_runs(first, second).verdict.questions_needed
    first, second = (
        [replace(each, cluster=f"article {number // 4}") for number, each in enumerate(run)] for run in (first, second)
    )
    together = compare_runs(first, second).verdict.questions_needed
    assert apart is not None
    assert together == pytest.approx(4 * apart, rel=0.01)


def test_enough_questions_too_near_to_call_says_so() -> None:
    near = Difference(
        "correct", 5000, 500, 0.8, 0.782, -0.018, -0.03, -0.006, p=0.06, p_adjusted=0.2, gained=60, lost=150
    )
    verdict = judge(near)
    assert (verdict.outcome, verdict.questions_needed) == ("unknown", None)
    assert "More questions would hardly tell" in verdict.sentence


def test_first_run_that_failed_in_part_is_no_proof_of_safety() -> None:
    first, second = run_with(both=300, gained=0, lost=0, neither=12)
    first[300:] = [replace(each, failed=True) for each in first[300:]]
    found = compare_runs(first, second)
    assert (found.failed_first, found.failed_second) == (12, 0)
    assert found.verdict.outcome == "unknown"
    assert "12 questions failed before" in found.verdict.sentence


def test_two_runs_that_failed_throughout_are_not_alike() -> None:
    run = scored([0] * 300, failed=True)
    assert compare_runs(run, run).verdict.outcome == "unknown"


def test_measure_that_is_worse_blocks_though_right_answers_are_as_many() -> None:
    first, second = run_with(both=300, gained=0, lost=0)
    second[:30] = [replace(each, gold_rank=None) for each in second[:30]]
    found = compare_runs(first, second)
    assert found.verdict.outcome == "safe"
    assert [each.name for each in found.regressions] == ["recall", "recall@1", "mrr"]
    assert found.blocks


@pytest.mark.parametrize("max_drop", [-0.01, 1.0, math.nan])
def test_drop_that_is_no_share_is_refused(max_drop: float) -> None:
    with pytest.raises(InputError, match="is no share"):
        compare_runs(scored([1]), scored([1]), max_drop=max_drop)


def test_no_drop_at_all_may_be_asked_for() -> None:
    first, second = run_with(both=200, gained=40, lost=2)
    assert compare_runs(first, second, max_drop=0).verdict.outcome == "safe"
    assert "A drop is not ruled out" in compare_runs(*run_with(200, 3, 3), max_drop=0).verdict.sentence


def test_what_sets_runs_apart_is_named() -> None:
    first = {"dataset": "a.csv", "fingerprint": "1", "top_k": 5, "name": "a.csv", "questions": 10}
    second = {"dataset": "a.csv", "fingerprint": "2", "top_k": 3, "name": "a.csv", "questions": 11, "rerank": True}
    assert differing_settings(first, second) == [("questions", "1", "2"), ("chunks", 5, 3), ("reranked", None, True)]


@pytest.mark.parametrize(("share", "words"), [(0.0123, "+1.2"), (-0.0004, "0.0"), (-0.05, "−5.0"), (0.0, "0.0")])
def test_points_are_to_a_tenth(share: float, words: str) -> None:
    assert points(share) == words
