"""Stored traces as rows of a dataset."""

from collections.abc import Callable
from typing import Any

import pytest

from app.runs.picking import MOST_PICKED, pick_traces
from app.services import Services
from evaluation.datasets import load_dataset
from metrics.queries import TraceQuery
from pipeline.errors import InputError
from tests.factories import make_generation, make_trace
from tests.foreign import make_foreign_trace


@pytest.fixture
def put(services: Services) -> Callable[..., str]:
    """Stores a trace, with feedback if any is given."""

    def put_one(question: str, answer: str = "Wegener did", *, rating: int = 0, note: str = "", **fields: Any) -> str:
        abstained = fields.pop("abstained", False)
        trace = make_trace(question=question, generation=make_generation(answer, abstained=abstained), **fields)
        services.store.put(trace)
        if rating or note:
            services.store.annotate(trace.trace_id, rating=rating, note=note)
        return trace.trace_id

    return put_one


def test_a_models_answer_is_a_suggestion_and_only_people_make_gold(services: Services, put: Callable[..., str]) -> None:
    put("Plain?")
    put("Praised?", rating=1)
    put("Corrected?", rating=-1, note="Right: Holmes | Arthur Holmes")
    put("Rejected?", rating=-1)
    put("None?", note="Right: none")
    put("Abstained?", "No clear answer.", abstained=True)
    rows = {row.question: row for row in pick_traces(services.store, TraceQuery()).rows}
    assert {name: (row.answers, row.answerable, row.suggestion) for name, row in rows.items()} == {
        "Plain?": ((), None, "Wegener did"),
        "Praised?": (("Wegener did",), True, "Wegener did"),
        "Corrected?": (("Holmes", "Arthur Holmes"), True, "Wegener did"),
        "Rejected?": ((), None, "Wegener did"),
        "None?": ((), False, "Wegener did"),
        "Abstained?": ((), None, ""),
    }


def test_the_same_question_is_picked_once_and_its_feedback_counts_wherever_it_was_given(
    services: Services, put: Callable[..., str]
) -> None:
    put("Who proposed drift?", rating=1)
    newest = put("who proposed DRIFT", "Nobody")
    found = pick_traces(services.store, TraceQuery())
    assert (found.traces, [(row.trace, row.answers) for row in found.rows]) == (2, [(newest, ("Wegener did",))])


def test_questions_of_runs_are_left_out_unless_their_origin_is_asked_for(
    services: Services, put: Callable[..., str]
) -> None:
    put("Person?")
    put("Run?", origin="run")
    services.store.put(make_foreign_trace())
    assert "Run?" not in {row.question for row in pick_traces(services.store, TraceQuery()).rows}
    assert len(pick_traces(services.store, TraceQuery()).rows) == 2
    chosen = pick_traces(services.store, TraceQuery(origins=frozenset({"run"})))
    assert [row.question for row in chosen.rows] == ["Run?"]


def test_the_bound_takes_the_first_of_the_querys_order(services: Services, put: Callable[..., str]) -> None:
    for number in range(5):
        put(f"Question {number}?", asked_at=1000.0 + number)
    query = TraceQuery(descending=False)
    assert [row.question for row in pick_traces(services.store, query, limit=2).rows] == ["Question 0?", "Question 1?"]
    with pytest.raises(InputError, match="take 1 to 2,000"):
        pick_traces(services.store, query, limit=MOST_PICKED + 1)


def test_nothing_that_matches_is_told(services: Services, put: Callable[..., str]) -> None:
    put("Run?", origin="run")
    with pytest.raises(InputError, match="Widen the filter"):
        pick_traces(services.store, TraceQuery())


def test_picked_rows_are_kept_and_asked_once_they_are_labelled(services: Services, put: Callable[..., str]) -> None:
    put("Praised?", rating=1)
    put("Plain?")
    kept = services.evaluations.datasets
    kept.add("life", pick_traces(services.store, TraceQuery()).rows, "Picked.")
    dataset = load_dataset(kept.resolve("life"))
    assert [question.text for question in dataset.questions] == ["Praised?"]
    assert len(dataset.problems) == 1
