"""Deleting the trace that is open."""

import pytest
from streamlit.testing.v1 import AppTest

from metrics.store import TraceStore
from pipeline.errors import StoreError
from tests.factories import make_trace
from tests.pages.test_pages import shown


def press(page: AppTest, trace_id: str) -> AppTest:
    return page.button(key=f"delete-{trace_id}").click().run()


@pytest.fixture
def trace(services):
    stored = make_trace(question="How is a refund made?")
    services.store.put(stored)
    services.store.put(make_trace(question="Who proposed drift?"))
    services.store.annotate(stored.trace_id, 1, "right")
    return stored


@pytest.mark.slow
@pytest.mark.parametrize("page", ["traces", "ask"])
def test_a_trace_that_is_deleted_is_gone_rated_or_not(open_page, services, trace, page):
    opened = open_page(page, trace=trace.trace_id)
    assert services.store.get(trace.trace_id) is not None
    left = press(opened, trace.trace_id)
    assert not left.exception
    assert services.store.get(trace.trace_id) is None
    assert services.store.count() == 1
    assert "trace" not in left.query_params
    assert [toast.value for toast in left.toast] == ["The trace is deleted"]


@pytest.mark.slow
def test_a_trace_that_a_run_holds_stays_and_it_says_why(open_page, services, trace):
    services.store.runs.start("r1", {})
    services.store.runs.keep("r1", [("q1", trace.trace_id, {"right": True})])
    page = press(open_page("traces", trace=trace.trace_id), trace.trace_id)
    assert ["a run or a study holds this trace" in error.value for error in page.error] == [True]
    assert services.store.get(trace.trace_id) is not None
    assert "How is a refund made?" in shown(page)
    assert not page.run().error


def test_what_keeps_the_store_from_deleting_is_said(open_page, trace, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise StoreError("The disk is full. Make room and try again.")

    page = open_page("traces", trace=trace.trace_id)
    monkeypatch.setattr(TraceStore, "forget", fail)
    page = press(page, trace.trace_id)
    assert ["The disk is full" in error.value for error in page.error] == [True]
