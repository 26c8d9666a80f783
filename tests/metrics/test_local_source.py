"""The local source reads a period again only when more was counted in it, or what was counted changed."""

import threading
from pathlib import Path
from typing import Any

import pytest

from metrics import local_source
from metrics.catalogue import rag_metric
from metrics.local_source import LocalSource
from metrics.series import Window
from metrics.store import TraceStore
from tests.factories import make_trace
from tests.metrics.assembling import START_NS, assemble, make_record
from tests.metrics.conftest import sqlite_url

MINUTE = 29_283_333 * 60
WINDOW = Window(MINUTE, MINUTE + 600, 60)
COUNT = rag_metric("Latency", "SampleCount", "local/embedded")


@pytest.fixture
def reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A source over a store whose latency reads are noted."""
    with TraceStore.open(sqlite_url(tmp_path)) as store:
        noted: list[tuple[float, float]] = []
        plain = store.latency

        def latency(since: float, until: float, period_s: int = 60, **about: Any) -> Any:
            noted.append((since - MINUTE, until - MINUTE))
            return plain(since, until, period_s, **about)

        monkeypatch.setattr(store, "latency", latency)
        yield LocalSource(lambda: store, clock=lambda: MINUTE + 590), store, noted


def test_unchanged_periods_are_read_once(reads: Any) -> None:
    source, store, noted = reads
    for minute in (0, 1, 5):
        store.put(make_trace(asked_at=MINUTE + 60 * minute))
    assert source.read([COUNT], WINDOW)[0].values == {MINUTE: 1.0, MINUTE + 60: 1.0, MINUTE + 300: 1.0}
    assert noted == [(0, 120), (300, 360)]
    source.read([COUNT], WINDOW)
    assert len(noted) == 2


def test_period_with_a_new_trace_is_read_again_and_no_other(reads: Any) -> None:
    source, store, noted = reads
    for minute in (0, 1, 5):
        store.put(make_trace(asked_at=MINUTE + 60 * minute))
    source.read([COUNT], WINDOW)
    noted.clear()
    store.put(make_trace(asked_at=MINUTE + 61))
    assert source.read([COUNT], WINDOW)[0].values[MINUTE + 60] == 2.0
    assert noted == [(60, 120)]


def test_window_that_moved_on_keeps_what_it_knows(reads: Any) -> None:
    source, store, noted = reads
    store.put(make_trace(asked_at=MINUTE + 300))
    source.read([COUNT], WINDOW)
    moved = source.read([COUNT], Window(MINUTE + 120, MINUTE + 720, 60))[0]
    assert moved.values == {MINUTE + 300: 1.0}
    assert len(noted) == 1


def test_other_periods_are_other_points(reads: Any) -> None:
    source, store, _ = reads
    for minute in range(10):
        store.put(make_trace(asked_at=MINUTE + 60 * minute))
    source.read([COUNT], WINDOW)
    assert set(source.read([COUNT], Window(MINUTE, MINUTE + 600, 300))[0].values.values()) == {5.0}


def test_points_of_one_backend_are_not_anothers_and_those_of_two_are_read_at_once(reads: Any) -> None:
    source, store, noted = reads
    store.put(make_trace(asked_at=MINUTE))
    store.put_all([make_trace(asked_at=MINUTE, backend="other"), make_trace(asked_at=MINUTE, backend="other")])
    other = rag_metric("Latency", "SampleCount", "other")
    assert [series.values for series in source.read([COUNT], WINDOW)] == [{MINUTE: 1.0}]
    assert [series.values for series in source.read([other], WINDOW)] == [{MINUTE: 2.0}]
    assert [series.values for series in source.read([COUNT, other], WINDOW)] == [{MINUTE: 1.0}, {MINUTE: 2.0}]
    assert len(noted) == 3


def test_a_window_is_whole_though_what_it_was_remembered_by_gives_way_to_what_is_new(
    reads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_source, "MAX_REMEMBERED", 4)
    source, store, _ = reads
    for minute in range(3):
        store.put_all(
            [make_trace(asked_at=MINUTE + 60 * minute), make_trace(asked_at=MINUTE + 60 * minute, backend="other")]
        )
    other = rag_metric("Latency", "SampleCount", "other")
    for query in (COUNT, other, COUNT):
        assert source.read([query], WINDOW)[0].values == {MINUTE: 1.0, MINUTE + 60: 1.0, MINUTE + 120: 1.0}


def test_a_span_that_comes_late_and_makes_its_trace_longer_is_seen(store_url: str) -> None:
    at = START_NS // 60_000_000_000 * 60
    longest = rag_metric("Latency", "p99", "otlp/shop")
    with TraceStore.open(store_url, assembling=assemble) as store:
        source = LocalSource(lambda: store, clock=lambda: at + 590.0)

        def read() -> float:
            return source.read([longest], Window(at, at + 600, 60))[0].values[at]

        root = make_record(end_ns=START_NS + 40_000_000)
        store.put_spans([root])
        store.fold()
        assert read() == pytest.approx(40.0, rel=0.02)
        late = make_record(
            parent_id=root.span_id, end_ns=START_NS + 900_000_000
        )  # of no stage: as many timings as before
        store.put_spans([late])
        store.fold()
        assert store.latency_counts(at, at + 60) == {at: 1}
        assert read() == pytest.approx(900.0, rel=0.02)


def test_what_comes_late_to_an_older_period_is_seen_within_some_minutes(tmp_path: Path) -> None:
    at, now = START_NS // 60_000_000_000 * 60, [0.0]
    longest = rag_metric("Latency", "p99", "otlp/shop")
    with TraceStore.open(sqlite_url(tmp_path), assembling=assemble) as store:
        source = LocalSource(lambda: store, clock=lambda: now[0])
        root = make_record(end_ns=START_NS + 40_000_000)
        told = []
        for now[0], record in (
            (at + 7_200.0, root),
            (at + 7_260.0, make_record(parent_id=root.span_id, end_ns=START_NS + 900_000_000)),
            (at + 7_200.0 + local_source.LATER_EVERY_S, None),
        ):
            store.put_spans([] if record is None else [record])
            store.fold()
            told.append(source.read([longest], Window(at, at + 600, 60))[0].values[at])
        assert told == pytest.approx([40.0, 40.0, 900.0], rel=0.02)


def test_whoever_waits_for_a_slow_read_holds_up_no_other(reads: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source, store, _ = reads
    store.put(make_trace(asked_at=MINUTE))
    begun, go_on, plain = threading.Event(), threading.Event(), store.latency

    def latency(*given: Any, **about: Any) -> Any:
        if not begun.is_set():
            begun.set()
            go_on.wait(60)
        return plain(*given, **about)

    monkeypatch.setattr(store, "latency", latency)
    told: list[Any] = []
    slow = threading.Thread(target=lambda: told.append(source.read([COUNT], WINDOW)[0].values))
    slow.start()
    assert begun.wait(60)
    other = threading.Thread(target=lambda: told.append(source.read([COUNT], WINDOW)[0].values))
    other.start()
    other.join(30)
    assert told == [{MINUTE: 1.0}]
    go_on.set()
    slow.join(30)
    assert told == [{MINUTE: 1.0}] * 2
