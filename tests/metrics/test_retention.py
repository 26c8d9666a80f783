"""Retention: old traces go in the background, by one process, and a store that is away is no disaster."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from metrics.queries import TraceQuery
from metrics.retention import Retention, Rule, read_tags
from metrics.store import TraceStore
from pipeline.errors import StoreError
from tests.factories import make_trace


@contextmanager
def started(retention: Retention) -> Iterator[None]:
    retention.start()
    try:
        yield
    finally:
        retention.stop()


def wait_for_round(retention: Retention) -> None:
    for _ in range(1000):
        if retention.last is not None:
            return
        threading.Event().wait(0.01)
    pytest.fail("no round was done")


@pytest.mark.slow
def test_old_traces_go_at_the_start(store: TraceStore) -> None:
    kept = make_trace(tags=("gold",))
    store.put_all([make_trace(), make_trace(), kept])
    retention = Retention(lambda: store, Rule.read(30, 0, "gold"))
    with started(retention):
        wait_for_round(retention)
    assert retention.deleted == 2
    assert [row.trace_id for row in store.page(TraceQuery()).rows] == [kept.trace_id]


@pytest.mark.slow
def test_rounds_are_repeated(sqlite_store: TraceStore) -> None:
    retention = Retention(lambda: sqlite_store, Rule.read(0, 1, ""), period_s=0.01)
    with started(retention):
        wait_for_round(retention)
        sqlite_store.put_all([make_trace(), make_trace(), make_trace(asked_at=1_758_000_000.0)])
        for _ in range(1000):
            if retention.deleted == 2:
                break
            threading.Event().wait(0.01)
    assert retention.deleted == 2


def test_without_a_bound_no_thread_is_started(sqlite_store: TraceStore) -> None:
    before = threading.active_count()
    retention = Retention(lambda: sqlite_store, Rule.read(0, 0, "keep"))
    with started(retention):
        assert threading.active_count() == before
        assert retention.last is None


def test_a_store_that_is_away_is_told_and_tried_again(sqlite_store: TraceStore) -> None:
    def away() -> TraceStore:
        raise StoreError("The trace store is away.")

    retention = Retention(away, Rule.read(1, 0, ""))
    assert retention.carry_out().problem == "The trace store is away."


def test_where_another_process_is_at_it_nothing_is_done(store: TraceStore, store_url: str) -> None:
    store.put(make_trace())
    with TraceStore.open(store_url) as other, other._database.taking_turn():
        assert Retention(lambda: store, Rule.read(1, 0, "")).carry_out().done is None
    assert store.count() == 1


def test_what_a_run_holds_or_is_rated_stays(store: TraceStore) -> None:
    held, rated, plain = make_trace(), make_trace(), make_trace()
    store.put_all([held, rated, plain])
    store.annotate(rated.trace_id, 1)
    store.runs.start("r", {})
    store.runs.keep("r", [("q", held.trace_id, {})])
    Retention(lambda: store, Rule.read(1, 1, "")).carry_out()
    assert {row.trace_id for row in store.page(TraceQuery()).rows} == {held.trace_id, rated.trace_id}


def test_settings_are_read_as_a_rule() -> None:
    assert Rule.read(2, 5, "a, b") == Rule(172_800.0, 5, frozenset({"a", "b"}))
    assert Rule.read(0, 0, "") == Rule()
    assert read_tags(" , ") == frozenset()
