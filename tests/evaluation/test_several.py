"""Several runs against each other, held against the comparison of two."""

import pytest

from evaluation.comparison import compare_runs
from evaluation.paired import holm
from evaluation.several import compare_several
from pipeline.errors import InputError
from tests.evaluation.labelled import make_scored

QUESTIONS = 60


def run(name, wrong, questions=QUESTIONS):
    return [
        make_scored(
            number,
            trace_id=f"{name}-{number}",
            correct=number not in wrong,
            answer="Nobody" if number in wrong else "Alfred Wegener",
        )
        for number in range(questions)
    ]


GOOD, SAME, WORSE = run("a", {0}), run("b", {0}), run("c", set(range(25)))


def test_each_pair_is_what_the_comparison_of_two_says_but_for_the_correction_over_pairs():
    found = compare_several([GOOD, SAME, WORSE])
    p_values = {}
    for before, after in ((0, 1), (0, 2), (1, 2)):
        runs = (GOOD, SAME, WORSE)
        two = compare_runs(runs[before], runs[after]).differences[0]
        pair = found.pair(before, after).right
        assert (pair.difference, pair.low, pair.high, pair.p) == (two.difference, two.low, two.high, two.p)
        if not two.why_no_test:
            p_values[before, after] = two.p
    for (before, after), p in holm(p_values).items():
        assert found.pair(before, after).right.p_adjusted == found.pair(after, before).right.p_adjusted == p
    assert len(p_values) == 2


def test_a_worse_run_may_not_take_the_place_of_a_better_one_but_the_other_way_round():
    found = compare_several([GOOD, SAME, WORSE])
    outcomes = {(each.before, each.after): each.verdict.outcome for each in found.pairs}
    assert outcomes == {
        (0, 1): "safe",
        (1, 0): "safe",
        (0, 2): "not safe",
        (1, 2): "not safe",
        (2, 0): "safe",
        (2, 1): "safe",
    }
    turned, straight = found.pair(2, 0).right, found.pair(0, 2).right
    assert (turned.difference, turned.low, turned.gained) == (-straight.difference, -straight.high, straight.lost)


def test_questions_that_runs_part_on_have_every_answer_and_others_are_left_out():
    found = compare_several([GOOD, run("b", {1}, QUESTIONS - 2), WORSE[:-5]])
    assert (found.questions, found.left_out) == (QUESTIONS - 5, 5)
    assert [answers[0].question_id for answers in found.parted][:2] == [GOOD[0].question_id, GOOD[1].question_id]
    assert [[each.correct for each in answers] for answers in found.parted[:3]] == [
        [False, True, False],
        [True, False, False],
        [True, True, False],
    ]
    assert found.rights == (54 / 55, 54 / 55, 30 / 55)


@pytest.mark.parametrize("runs", [[GOOD], [GOOD] * 6, [GOOD, []]])
def test_too_few_and_too_many_runs_and_no_shared_question_are_refused(runs):
    with pytest.raises(InputError):
        compare_several(runs)
