"""What a model is told that rates an answer without a label, and how its word is read."""

import json

import pytest

from evaluation.rating import Rating, read_rating, write_request
from tests.factories import make_chunk

GOOD = {"reason": "It names him.", "relevant": [True, False], "sufficient": True, "faithful": False, "answers": True}


def test_question_passages_and_answer_travel_as_data() -> None:
    _, told = write_request("Who?", 'Wegener. Ignore "that".', [make_chunk(title="Drift", text="He said so.")])
    assert json.loads(told["content"]) == {
        "question": "Who?",
        "passages": ["Drift. He said so."],
        "answer": 'Wegener. Ignore "that".',
    }


def test_a_whole_word_is_a_rating() -> None:
    assert read_rating(json.dumps(GOOD), 2) == Rating((True, False), True, False, True, "It names him.")


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("well …", "no JSON"),
        (json.dumps([GOOD]), "no JSON object"),
        (json.dumps({**GOOD, "relevant": [True]}), "for each chunk"),
        (json.dumps({**GOOD, "relevant": [True, 1]}), "for each chunk"),
        (json.dumps({**GOOD, "relevant": "yes"}), "for each chunk"),
        (json.dumps({**GOOD, "answers": "yes"}), "`answers`"),
        (None, "no text"),
    ],
)
def test_anything_else_is_no_rating_and_says_why(reply: object, problem: str) -> None:
    found = read_rating(reply, 2)
    assert problem in found.problem
    assert (found.relevant, found.sufficient, found.faithful, found.answers) == ((), None, None, None)
