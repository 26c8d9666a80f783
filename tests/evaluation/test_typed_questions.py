"""Where the type of a question comes from."""

import pytest

from evaluation.datasets import Dataset
from evaluation.question_types import label
from evaluation.typed_questions import check_type, count_types, type_dataset, type_question
from pipeline.errors import InputError
from tests.evaluation.labelled import make_question

SURE = "When was the treaty signed?"
"""Rules and classifier: DATE."""
UNSURE = "What did the committee of the club in Norwich do about the lake?"
"""They disagree."""


def test_the_examples_are_what_they_are_said_to_be() -> None:
    assert label(SURE).type == "DATE"
    assert label(UNSURE).type is None


@pytest.mark.parametrize(
    ("given", "text", "edits", "how", "kind"),
    [
        ("OPINION", SURE, {}, "given", "OPINION"),
        ("OPINION", SURE, {SURE: "FACT"}, "given", "OPINION"),  # what a dataset says is never overwritten
        ("", SURE, {}, "agreed", "DATE"),
        ("", SURE, {SURE: "FACT"}, "edited", "FACT"),
        ("", UNSURE, {}, "unsure", ""),
        ("", UNSURE, {UNSURE: "PROCESS"}, "edited", "PROCESS"),
        ("", UNSURE, {SURE: "FACT"}, "unsure", ""),
    ],
)
def test_a_dataset_goes_before_a_person_and_a_person_before_rules_and_classifier(
    given: str, text: str, edits: dict[str, str], how: str, kind: str
) -> None:
    found = type_question(make_question(text=text, type=given), edits)
    assert (found.how, found.type) == (how, kind)
    assert (found.guesses is None) == (how == "given")


def test_a_dataset_is_typed_in_place_and_nothing_else_of_it_changes() -> None:
    questions = tuple(make_question(number, text=text, type="") for number, text in enumerate((SURE, UNSURE)))
    dataset = Dataset("mine.csv", questions, problems=("row 3: empty",))
    typed = type_dataset(dataset, {})
    assert [each.type for each in typed.questions] == ["DATE", ""]
    assert [each.question_id for each in typed.questions] == [each.question_id for each in questions]
    assert typed.problems == dataset.problems
    assert type_dataset(dataset, {UNSURE: "FACT"}).questions[1].type == "FACT"


def test_counts_leave_out_what_there_is_none_of() -> None:
    typed = [type_question(make_question(text=text, type=""), {}) for text in (SURE, SURE, UNSURE)]
    assert count_types(typed) == {"agreed": 2, "unsure": 1}
    assert count_types([]) == {}


def test_a_type_is_one_of_the_nine() -> None:
    assert check_type(" date ") == "DATE"
    with pytest.raises(InputError, match=r"'colour'.*DATE, LOCATION"):
        check_type("colour")
