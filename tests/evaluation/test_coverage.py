"""Questions whose document a corpus lacks."""

import pytest

from backends.local.documents import Document, builtin_documents
from evaluation.coverage import find_uncovered
from evaluation.datasets import BUILTIN, load_dataset
from tests.evaluation.labelled import make_question

DRIFT = Document("drift-1", "Continental Drift", "The continents drift, said Alfred Wegener.", "a")


@pytest.mark.parametrize(
    ("given", "covered"),
    [
        ({"article": "continental drift"}, True),
        ({"article": "drift-1"}, True),
        ({"article": "Plate tectonics"}, False),
        ({"article": "continental drift", "answers": ("Arthur Holmes",)}, False),
        ({"article": "continental drift", "answers": ("Arthur Holmes", "Wegener")}, True),
        ({"article": ""}, True),  # nothing is known of it
        ({"article": "Plate tectonics", "answers": ()}, True),  # it has no answer to be found
    ],
)
def test_a_question_is_covered_by_the_document_it_names(given: dict[str, object], covered: bool) -> None:
    question = make_question(**given)
    assert find_uncovered([question], [DRIFT]) == ([] if covered else [question])


def test_two_documents_of_one_name_cover_what_either_holds() -> None:
    other = Document("drift-2", "Continental Drift", "Arthur Holmes said why.", "b")
    questions = [
        make_question(1, article="Continental Drift"),
        make_question(2, article="Continental Drift", answers=("Arthur Holmes",)),
    ]
    assert find_uncovered(questions, [DRIFT, other]) == []


def test_the_built_in_corpus_covers_its_questions() -> None:
    assert find_uncovered(load_dataset(BUILTIN).questions, builtin_documents()) == []
