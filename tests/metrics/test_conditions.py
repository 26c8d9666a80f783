"""Filters on who asked, in which conversation, and on what a trace is found by."""

from dataclasses import replace

import pytest

from metrics import conditions
from metrics.queries import Count, TraceQuery
from metrics.store import TraceStore
from pipeline.errors import InputError
from pipeline.spans import Span
from tests.factories import make_trace

LONG = "long " * 100
"""Longer than a label."""

FILTERS = {
    "one origin": ({"origins": frozenset({"run"})}, {"run"}),
    "two origins": ({"origins": frozenset({"run", "application"})}, {"run", "foreign"}),
    "a conversation": ({"session": "s-1"}, {"talk"}),
    "no conversation": ({"session": ""}, {"plain", "run", "foreign"}),
    "a user": ({"user": "ana"}, {"talk"}),
    "no user": ({"user": ""}, {"plain", "run", "foreign"}),
    "another user": ({"user": "an"}, set()),
    "a tag": ({"tags": frozenset({"keep"})}, {"talk", "run"}),
    "a long tag": ({"tags": frozenset({LONG})}, {"talk"}),
    "two tags": ({"tags": frozenset({"keep", "blue"})}, {"talk", "run", "foreign"}),
    "no such tag": ({"tags": frozenset({"kee"})}, set()),
    "a model": ({"models": frozenset({"gpt-x"})}, {"foreign"}),
    "a model of ours": ({"models": frozenset({"multilingual-e5-small"})}, {"plain", "talk", "run"}),
    "a kind": ({"kinds": frozenset({"tool"})}, {"foreign"}),
    "a kind of ours": ({"kinds": frozenset({"retriever"})}, {"plain", "talk", "run"}),
    "a service": ({"services": frozenset({"shop"})}, {"foreign"}),
    "a service inside": ({"services": frozenset({"depot"})}, {"foreign"}),
    "a slow stage": ({"stage_ms": (("generate", ">", 100.0),)}, {"foreign"}),
    "a quick stage": ({"stage_ms": (("generate", "<", 100.0),)}, {"plain", "talk", "run"}),
    "between": ({"stage_ms": (("generate", ">", 24.0), ("generate", "<", 26.0))}, {"plain", "talk", "run"}),
    "no such stage": ({"stage_ms": (("rerank", "<", 1e9),)}, set()),
    "all at once": ({"tags": frozenset({"keep"}), "origins": frozenset({"run"}), "session": ""}, {"run"}),
}


@pytest.fixture
def assorted(store: TraceStore) -> TraceStore:
    """A store with one trace for each thing that can be filtered; its question is its name."""
    spans = (
        Span("", 0.0, 90.0, {"n": 1}, kind="tool", span_id="a" * 16, name="call", service="shop"),
        Span("generate", 0.0, 60.0, {"llm.model_name": "gpt-x"}, span_id="b" * 16, service="depot"),
        Span("generate", 60.0, 60.0, {"gen_ai.request.model": "gpt-x"}, span_id="c" * 16, service="shop"),
    )
    store.put_all(
        [
            make_trace(question="plain"),
            make_trace(question="talk", session="s-1", user="ana", tags=("keep", LONG)),
            make_trace(question="run", origin="run", tags=("keep",)),
            make_trace(question="foreign", origin="application", service="shop", spans=spans, tags=("blue",)),
        ]
    )
    return store


@pytest.mark.parametrize("limit", [conditions.FOUND_LIMIT, 0], ids=["few", "many"])
def test_filters_keep_what_they_say(assorted: TraceStore, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(conditions, "FOUND_LIMIT", limit)
    for name, (fields, expected) in FILTERS.items():
        page = assorted.page(TraceQuery(**fields))
        assert {row.question for row in page.rows} == expected, name
        assert page.matched == Count(len(expected)), name
        assert TraceQuery(**fields).filters, name


def test_a_row_says_whence_a_question_came(assorted: TraceStore) -> None:
    [row] = assorted.page(TraceQuery(session="s-1")).rows
    assert (row.origin, row.service, row.session, row.user) == ("person", "", "s-1", "ana")


@pytest.mark.parametrize("wrong", [("generate", "=", 1.0), ("generate", ">", float("nan"))])
def test_an_impossible_time_of_a_stage_is_refused(wrong: tuple[str, str, float]) -> None:
    with pytest.raises(InputError, match="generate"):
        TraceQuery(stage_ms=(wrong,))


def test_an_expression_narrows_the_list_with_the_filters(assorted: TraceStore) -> None:
    query = TraceQuery(expression='question = "run"')
    assert query.filters
    assert [row.question for row in assorted.page(query).rows] == ["run"]
    assert [row.question for row in assorted.page(replace(query, search="RUN")).rows] == ["run"]
    assert assorted.page(replace(query, search="something else")).rows == ()
    assert assorted.page(replace(query, session="s-1")).rows == ()


@pytest.mark.parametrize("limit", [0, 20_000])
def test_few_and_many_traces_of_an_expression_are_found_alike(
    assorted: TraceStore, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(conditions, "FOUND_LIMIT", limit)
    for expression in ("latency_ms > 0", "kind = llm or latency_ms > 0", '"run" in question'):
        page = assorted.page(TraceQuery(expression=expression))
        assert page.matched.value == len(page.rows) > 0
