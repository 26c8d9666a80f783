"""Where errors come in, and how they propagate."""

from dataclasses import astuple, fields

import pytest

from evaluation.lab.error_paths import Outcomes, count_outcomes, outcome_of, trace_passage
from evaluation.scoring import Scored
from tests.evaluation.labelled import make_scored

WRONG = {"correct": False, "answer": "Oslo"}


@pytest.mark.parametrize(
    ("fields_", "expected"),
    [
        ({}, "right"),
        ({**WRONG, "gold_rank": None}, "not_retrieved"),
        ({**WRONG, "gold_rank": None, "abstained": True}, "not_retrieved"),
        (WRONG, "misread"),
        ({"correct": False, "abstained": True}, "abstained"),
        ({**WRONG, "answerable": False, "gold_rank": None}, "made_up"),
        ({"answerable": False, "gold_rank": None, "abstained": True}, "right"),
        ({"correct": False, "failed": True, "abstained": True}, "failed"),
    ],
)
def test_answer_counts_where_its_error_came_in(fields_: dict[str, object], expected: str) -> None:
    assert outcome_of(make_scored(**fields_)) == expected


def test_outcomes_add_up_to_one() -> None:
    found = count_outcomes([make_scored(1), make_scored(2, **WRONG), make_scored(3, answerable=False, **WRONG)])
    assert sum(astuple(found)) == pytest.approx(1)
    assert {field.name for field in fields(Outcomes) if getattr(found, field.name)} == {"right", "misread", "made_up"}


def answers(found: int, right: int, silent: int, lost: int) -> list[Scored]:
    """So many with their gold chunk, of which so many right and so many abstained from, and so many without it, all wrong."""
    made = [make_scored(n) for n in range(right)]
    made += [make_scored(n, correct=False, abstained=True) for n in range(silent)]
    made += [make_scored(n, **WRONG) for n in range(found - right - silent)]
    return made + [make_scored(n, gold_rank=None, **WRONG) for n in range(lost)]


def test_better_retrieval_alone_comes_through_retrieval_alone() -> None:
    """Half against all found, eight of ten of the found right: 0.8 · (1 − 0.5) = 0.4."""
    passage = trace_passage(answers(10, 8, 1, 0), answers(10, 8, 1, 10))
    assert passage is not None
    assert astuple(passage) == pytest.approx((0.4, 0.4, 0, 0))


def test_fewer_abstentions_come_through_abstention() -> None:
    """All found; 3 fewer of 10 abstained from, 2 of them right now and 1 wrong: +0.3 − 0.1."""
    passage = trace_passage(answers(10, 8, 0, 0), answers(10, 6, 3, 0))
    assert passage is not None
    assert astuple(passage) == pytest.approx((0.2, 0, -0.1, 0.3))


def test_parts_add_up_to_the_difference() -> None:
    passage = trace_passage(answers(12, 7, 3, 5), answers(9, 2, 1, 8))
    assert passage is not None
    assert passage.right == pytest.approx(7 / 17 - 2 / 17)
    assert passage.retrieval + passage.reading + passage.abstention == pytest.approx(passage.right)


def test_questions_without_answers_have_no_passage() -> None:
    assert trace_passage([make_scored(answerable=False)], [make_scored()]) is None
