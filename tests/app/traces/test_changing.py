"""What is noted of traces that somebody deletes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.permitting.acting import drop_book, keep_book
from app.traces.changing import delete_traces
from metrics.audit import AuditLog
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.errors import StoreError
from tests.factories import make_trace


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TraceStore]:
    """A store that changes are noted in, with 300 traces."""
    with TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}") as opened:

        def book() -> AuditLog:
            return opened.audit

        opened.put_all([make_trace() for _ in range(300)])
        keep_book(book)
        yield opened
        drop_book(book)


def noted(store: TraceStore) -> list[tuple[str, str]]:
    return [(each.did, each.subject) for each in store.audit.newest()]


@pytest.mark.slow
def test_deleting_that_breaks_off_is_noted_as_far_as_it_came(store: TraceStore) -> None:
    def fail(_: object) -> None:
        raise StoreError("The disk is full.")

    with pytest.raises(StoreError):
        delete_traces(store, TraceQuery(), on_progress=fail)
    assert store.count() == 100
    assert noted(store) == [("deleted traces", "200 traces")]


@pytest.mark.slow
def test_one_trace_is_noted_by_its_id_and_what_was_spared_is_not(store: TraceStore) -> None:
    kept, gone = (row.trace_id for row in store.page(TraceQuery(), limit=2).rows)
    store.runs.start("r1", {"dataset": "d"})
    store.runs.keep("r1", [("q1", kept, {"right": True})])
    assert delete_traces(store, [kept]).run == 1
    assert delete_traces(store, [gone]).deleted == 1
    assert noted(store) == [("deleted traces", gone)]
