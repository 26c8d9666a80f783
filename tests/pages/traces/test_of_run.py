"""The trace that a run made tells whether its answer was right, what is, and which run it was."""

from dataclasses import replace

import pytest

from explain.gold import Gold
from tests.factories import make_trace


@pytest.fixture
def trace(services):
    made = replace(make_trace(), origin="run")
    services.store.put(made)
    services.store.runs.start("r1", {})
    services.store.runs.keep("r1", [("q1", made.trace_id, {"right": True})])
    return made


@pytest.mark.parametrize(
    ("gold", "said"),
    [
        (Gold(("nobody of that name",)), "Was it right? No. Right is “nobody of that name”, by the dataset."),
        (Gold(("Wegener",)), "Was it right? Yes. Right is “Wegener”, by the dataset."),
        (Gold(()), "Was it right? No. The dataset says that the documents have no answer."),
    ],
)
def test_what_the_dataset_says_and_the_run_stand_at_the_answer(open_page, services, trace, monkeypatch, gold, said):
    monkeypatch.setattr(type(services.explanations), "gold_of", lambda *_: gold)
    page = open_page("traces", trace=trace.trace_id)
    assert not page.exception
    assert any(said in each.value for each in page.html if each.value)
    assert services.store.runs.run_of(trace.trace_id) == "r1"


def test_a_trace_of_no_run_says_nothing_of_it(open_page, services):
    made = make_trace()
    services.store.put(made)
    page = open_page("traces", trace=made.trace_id)
    assert not any("Was it right?" in each.value for each in page.html if each.value)
    assert services.store.runs.run_of(made.trace_id) is None
