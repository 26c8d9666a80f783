"""Spans that arrive in any pieces make one trace, none is lost or counted twice, and what cannot be read holds nothing up."""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from metrics import folding, freshness, merging, paging, pieces
from metrics.otlp.records import SpanRecord
from metrics.queries import Count, TraceQuery
from metrics.sketches import Sketch
from metrics.store import TraceStore
from metrics.tables import labels, quarter_sketches, search_texts, sketches, stage_times, state, trace_labels, traces
from tests.factories import make_trace
from tests.metrics.assembling import START_NS, TRACE_ID, assemble, make_record, make_records

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No folding in the background of this process."""
    monkeypatch.setattr(folding, "PERIOD_S", 3_600.0)


@pytest.fixture
def store(store_url: str) -> Iterator[TraceStore]:
    """An empty store on either database."""
    with TraceStore.open(store_url, assembling=assemble) as opened:
        yield opened


def counted(row: Sequence[Any]) -> tuple[Any, ...]:
    """A row of sketches with what each has counted: its bounds only enclose that, wider where something was taken back."""
    told: list[Any] = []
    for value in row:
        if isinstance(value, bytes):
            sketch = Sketch.from_bytes(value)
            told += [sketch.zeros, sketch.offset, *sketch.bins]
        else:
            told.append(value)
    return tuple(told)


def read_derived(store: TraceStore) -> dict[str, object]:
    """All that is derived from the traces of a store, less numbers that only count how it came about."""
    with store._database.engine.connect() as connection:
        named = select(labels.c.kind, labels.c.value, traces.c.trace_id).select_from(
            trace_labels.join(labels, labels.c.label_id == trace_labels.c.label_id).join(
                traces, traces.c.seq == trace_labels.c.seq
            )
        )
        timed = select(stage_times.c.stage, stage_times.c.duration_ms, traces.c.trace_id).select_from(
            stage_times.join(traces, traces.c.seq == stage_times.c.seq)
        )
        texts = select(traces, search_texts.c.folded).join(search_texts, search_texts.c.seq == traces.c.seq)
        return {
            "rows": sorted((tuple(row)[1:] for row in connection.execute(texts)), key=repr),
            "labels": sorted(map(tuple, connection.execute(named))),
            "times": sorted(map(tuple, connection.execute(timed))),
            "sketches": sorted(map(counted, connection.execute(select(sketches)))),
            "quarters": sorted(map(counted, connection.execute(select(quarter_sketches)))),
            "folded": connection.scalar(select(state.c.folded)),
        }


def put_at(store: TraceStore, records: Sequence[SpanRecord], arrived_at: float) -> None:
    """Put spans as if at some time."""
    store.put_spans(records)
    with store._database.writing() as connection:
        newest = connection.scalar(select(pieces.pieces.c.id).order_by(pieces.pieces.c.id.desc()).limit(1))
        connection.execute(update(pieces.pieces).where(pieces.pieces.c.id == newest).values(arrived_at=arrived_at))


def test_spans_are_a_trace_before_and_after_they_are_folded(store: TraceStore) -> None:
    records = make_records()
    store.put_spans(records)
    expected = assemble(records)
    assert store.get(TRACE_ID).trace == expected
    assert store.count() == store.health().waiting == 1
    assert store.fold() == 1
    assert store.get(TRACE_ID).trace == expected
    assert (store.count(), store.health().waiting) == (1, 0)
    [row] = store.page(TraceQuery()).rows
    assert (row.question, row.answer, row.backend) == ("Where is my parcel?", "In Lisbon.", "otlp/shop")
    assert (row.origin, row.service, row.session, row.user) == ("application", "shop", "talk", "ana")


def test_no_spans_are_nothing_to_store(store: TraceStore) -> None:
    store.put_spans([])
    assert store.count() == store.fold() == 0


ORDERS = list(itertools.permutations(range(3)))


@pytest.mark.parametrize("order", ORDERS, ids=map(str, ORDERS))
@pytest.mark.parametrize("folded", [False, True], ids=["folded at the end", "folded after each"])
def test_pieces_in_any_order_leave_what_all_at_once_leaves(
    tmp_path: Path, store: TraceStore, order: Sequence[int], folded: bool
) -> None:
    records = make_records()
    with TraceStore.open(f"sqlite:///{tmp_path / 'once.sqlite'}", assembling=assemble) as once:
        once.put_spans(records)
        once.fold()
        expected = read_derived(once)
    for place in order:
        store.put_spans([records[place]])
        if folded:
            store.fold()
    store.fold()
    assert read_derived(store) == expected
    assert store.get(TRACE_ID).trace == assemble(records)


@pytest.mark.slow
def test_many_traces_in_many_pieces_leave_what_all_at_once_leaves(tmp_path: Path, store: TraceStore) -> None:
    dice = random.Random(7)
    made = [make_records(f"{number:032x}", start_ns=START_NS + number * 20_000_000_000) for number in range(1, 31)]
    with TraceStore.open(f"sqlite:///{tmp_path / 'once.sqlite'}", assembling=assemble) as once:
        for records in made:
            once.put_spans(records)
        once.fold()
        expected = read_derived(once)
    scattered = [record for records in made for record in records]
    dice.shuffle(scattered)
    for start in range(0, len(scattered), 8):
        store.put_spans(scattered[start : start + 8])
        if dice.random() < 0.5:
            store.fold()
    store.fold()
    assert read_derived(store) == expected
    assert store.count() == 30


def test_the_same_spans_sent_again_change_nothing(store: TraceStore) -> None:
    records = make_records()
    store.put_spans(records)
    store.put_spans(records)
    store.fold()
    before = read_derived(store)
    store.put_spans(records[1:])
    store.fold()
    assert read_derived(store) == before
    assert store.count() == 1


def test_late_spans_are_seen_before_they_are_folded_and_leave_feedback_as_it_was(store: TraceStore) -> None:
    records = make_records()
    store.put_spans(records[:2])
    store.annotate(TRACE_ID, -1, "Not in Lisbon")
    store.put_spans(records[2:])
    opened = store.get(TRACE_ID)
    assert len(opened.trace.spans) == 3
    assert (opened.rating, opened.note) == (-1, "Not in Lisbon")
    [row] = store.page(TraceQuery(search="NOT IN lisbon")).rows
    assert (row.error_kind, row.rating, row.note) == ("RateLimit", -1, "Not in Lisbon")
    store.annotate(TRACE_ID, 0, "")
    assert store.page(TraceQuery(search="not in lisbon")).rows == ()
    assert store.page(TraceQuery(search="depot beja")).matched.value == 1


def test_the_version_changes_with_each_piece_and_not_with_folding(store: TraceStore) -> None:
    records = make_records()
    seen = [store.version()]
    for record in records:
        store.put_spans([record])
        seen.append(store.version())
        store.page(TraceQuery())
        assert store.version() == seen[-1]
    store.put(make_trace(trace_id=TRACE_ID))
    seen.append(store.version())
    store.fold()
    assert store.version() == seen[-1]
    assert len(set(seen)) == len(seen)


def test_a_trace_of_ours_is_joined_by_spans_that_come_later(store: TraceStore) -> None:
    own, sent = make_trace(trace_id=TRACE_ID), make_record(name="around", parent_id="")
    store.put(own)
    store.fold()
    store.put_spans([sent])
    assert [span.name for span in store.get(TRACE_ID).trace.spans] == ["embed", "retrieve", "generate", "around"]
    [row] = store.page(TraceQuery()).rows
    assert (row.question, row.origin, row.backend) == (own.question, "person", own.backend)
    assert [span.name for span in store.get(TRACE_ID).trace.spans] == ["embed", "retrieve", "generate", "around"]
    assert store.count() == 1


@pytest.mark.parametrize("folded", [False, True], ids=["while they wait", "after they were folded"])
def test_a_trace_of_ours_joins_spans_that_came_before_it(store: TraceStore, folded: bool) -> None:
    store.put_spans(make_records())
    if folded:
        store.fold()
    own = make_trace(trace_id=TRACE_ID, asked_at=START_NS / 1e9 + 0.002)
    store.put(own)
    assert store.count() == 1
    early = store.get(TRACE_ID).trace
    store.fold()
    late = store.get(TRACE_ID).trace
    assert (early.question, early.origin) == (late.question, late.origin) == (own.question, "person")
    assert {span.span_id for span in late.spans} == {span.span_id for span in early.spans}
    assert late.spans[:3] == own.spans
    assert {"ask", "look up", "write"} < {span.name for span in late.spans}
    [row] = store.page(TraceQuery()).rows
    assert row.question == own.question
    store.put(make_trace(trace_id=TRACE_ID, question="another question"))
    assert store.get(TRACE_ID).trace.question == own.question
    assert store.count() == 1
    points = store.latency(START_NS / 1e9 - 60, START_NS / 1e9 + 120, 60)
    assert {point.backend for point in points if point.count} == {"local/embedded"}


def test_spans_sent_before_a_trace_of_ours_keep_their_time(store: TraceStore) -> None:
    store.put_spans([make_record(name="before", start_ns=START_NS)])
    store.fold()
    store.put(make_trace(trace_id=TRACE_ID, asked_at=START_NS / 1e9 + 2.5))
    store.fold()
    [before] = [span for span in store.get(TRACE_ID).trace.spans if span.name == "before"]
    assert before.start_ms == pytest.approx(-2_500.0, abs=0.01)


def test_pieces_are_folded_in_the_background_once_they_are_quiet(store: TraceStore) -> None:
    now = time.time()
    put_at(store, [make_record(trace_id="a" * 32)], now - 5)
    put_at(store, [make_record(trace_id="b" * 32)], now - 5)
    put_at(store, [make_record(trace_id="b" * 32)], now - 0.2)
    put_at(store, [make_record(trace_id="c" * 32)], now - 20)
    put_at(store, [make_record(trace_id="c" * 32)], now - 0.2)
    put_at(store, [make_record(trace_id="d" * 32)], now + 3_600)
    while store._folder.fold_pieces("settled", now):
        pass
    with store._database.engine.connect() as connection:
        folded = set(connection.scalars(select(traces.c.trace_id)))
        waiting = set(connection.scalars(select(pieces.pieces.c.trace_id)))
    assert folded == {letter * 32 for letter in "acd"}
    assert "b" * 32 in waiting


@pytest.mark.slow
def test_the_background_folds_spans_without_being_asked(monkeypatch: pytest.MonkeyPatch, store_url: str) -> None:
    monkeypatch.setattr(folding, "PERIOD_S", 0.05)
    monkeypatch.setattr(pieces, "SETTLE_S", 0.2)
    with TraceStore.open(store_url, assembling=assemble) as store:
        store.put_spans(make_records())
        end = time.monotonic() + 30
        while store.health().waiting and time.monotonic() < end:
            time.sleep(0.05)
        assert store.health().waiting == 0
        assert store.count() == 1


@pytest.mark.parametrize("payload", [b"no JSON", b"[]", b'[{"trace_id": 1}]'], ids=["garbage", "empty", "another form"])
def test_a_piece_that_cannot_be_read_holds_nothing_up_and_is_tried_once(
    store: TraceStore, caplog: pytest.LogCaptureFixture, payload: bytes
) -> None:
    store._database.append_pieces([("f" * 32, 1.0, payload)])
    store._database.append_pieces([(TRACE_ID, 2.0, payload)])
    store.put_spans(make_records())
    assert [row.trace_id for row in store.page(TraceQuery()).rows] == [TRACE_ID]
    assert len(store.get(TRACE_ID).trace.spans) == 3
    logged = len(caplog.records)
    assert logged >= 1
    assert store.fold() == 0
    assert store.get("f" * 32) is None
    assert len(caplog.records) == logged
    assert store.waiting_pieces().count == 0


def test_spans_that_no_trace_can_be_made_of_hold_nothing_up(
    store: TraceStore, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(pieces.MAX_TRACES + 3):
        store.put_spans([make_record(trace_id=f"{number + 1:032x}", name="poison")])
    store.put_spans(make_records())
    store.fold()
    assert [row.trace_id for row in store.page(TraceQuery()).rows] == [TRACE_ID]
    assert "no trace can be made of the spans" in caplog.text
    assert store.fold() == 0


def test_a_trace_that_the_database_refuses_holds_nothing_up(
    store: TraceStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.put_spans([make_record(trace_id="e" * 32, attributes={"input.value": "x"})])
    store.put_spans(make_records())

    def refused(records: Sequence[SpanRecord], base: object = None) -> object:
        trace = assemble(records)
        return replace(trace, origin=None) if trace.trace_id == "e" * 32 else trace

    store._folder._pieces._assembling = refused
    store.fold()
    assert [row.trace_id for row in store.page(TraceQuery()).rows] == [TRACE_ID]
    assert "cannot be stored" in caplog.text


def test_pieces_that_another_folder_took_meanwhile_are_left_alone(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, merge, turns = make_records(), merging.merge, iter([True])

    def overtaken(*arguments: object) -> object:
        """Between reading pieces and taking them: another folder takes them, and SQLite gives their numbers out again."""
        if next(turns, False):
            store.fold()
            store.put_spans(records[2:])
        return merge(*arguments)

    store.put_spans(records[:2])
    monkeypatch.setattr(merging, "merge", overtaken)
    store.fold()
    store.fold()
    assert len(store.get(TRACE_ID).trace.spans) == 3
    assert read_derived(store)["folded"] == store.count() == 1


FOLDER = """
import sys
from metrics.sketches import Sketch
from metrics.store import TraceStore
from tests.metrics.assembling import assemble
with TraceStore.open(sys.argv[1], assembling=assemble) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    print(store.fold())
"""


@pytest.mark.slow
def test_two_folding_processes_count_each_span_once(store_url: str) -> None:
    with TraceStore.open(store_url, assembling=assemble) as store:
        made = [make_records(f"{number:032x}") for number in range(1, 121)]
        for place in range(3):
            store.put_spans([records[place] for records in made])
        started = [
            subprocess.Popen(
                [sys.executable, "-c", FOLDER, store_url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            for _ in range(2)
        ]
        for child in started:
            assert child.stdout.readline() == "ready\n"
        for child in started:
            child.stdin.write("go\n")
            child.stdin.flush()
        for child in started:
            child.communicate()
            assert child.returncode == 0
        store.fold()
        assert store.count() == 120
        counted = {
            point.stage: point.count for point in store.latency(START_NS // 10**9 // 60 * 60, START_NS / 1e9 + 60)
        }
        assert counted == {"total": 120, "retrieve": 120, "generate": 120}


SENDER = """
import sys
from metrics.sketches import Sketch
from metrics.store import TraceStore
from tests.metrics.assembling import assemble, make_records
store = TraceStore.open(sys.argv[1], assembling=assemble)
number = 0
while True:
    number += 1
    records = make_records(f"{number:032x}")
    store.put_spans(records[:1])
    store.put_spans(records[1:])
    print(records[0].trace_id, flush=True)
"""


@pytest.mark.slow
def test_spans_that_were_put_survive_a_killed_process(store_url: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SENDER, store_url], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        reported = [child.stdout.readline().strip() for _ in range(100)]
        os.kill(child.pid, signal.SIGKILL)
        reported += [line.strip() for line in child.stdout if line.endswith("\n")]
    with TraceStore.open(store_url, assembling=assemble) as store:
        assert [trace_id for trace_id in reported if len(store.get(trace_id).trace.spans) != 3] == []
        store.fold()
        assert store.page(TraceQuery()).total.value >= len(reported)


def test_a_huge_trace_keeps_what_it_has_room_for_and_says_what_was_left_out(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "MAX_SPANS", 10)
    root, *inside = make_records()
    inside += [make_record(parent_id=root.span_id, start_ns=START_NS + number) for number in range(12)]
    store.put_spans(inside)
    store.fold()
    found = store.get(TRACE_ID).trace
    assert (len(found.spans), found.metadata["spans_dropped"]) == (10, 4)
    store.put_spans([root])
    store.fold()
    found = store.get(TRACE_ID).trace
    assert found.question == "Where is my parcel?"


def test_a_large_trace_rests_between_two_foldings(sqlite_store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "SPANS_A_SECOND", 1)
    folder = folding.PieceFolder(sqlite_store._database, assemble)
    sqlite_store.put_spans([make_record() for _ in range(30)])
    now = time.time() + 5
    assert folder.fold("settled", now) == 1
    put_at(sqlite_store, [make_record()], now)
    assert folder.fold("settled", now + 29) == folder.fold("arrived", now + 29) == 0
    assert folder.fold("settled", now + 31) == 1


def test_whoever_reads_a_list_does_not_wait_for_a_huge_piece(
    sqlite_store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "MAX_READ_BYTES", 5_000)
    folder = folding.PieceFolder(sqlite_store._database, assemble)
    sqlite_store.put_spans([make_record(trace_id="a" * 32)])
    sqlite_store.put_spans([make_record(trace_id="b" * 32) for _ in range(50)])
    now = time.time() + 5
    assert [folder.fold("arrived", now) for _ in range(2)] == [1, 0]
    assert folder.fold("settled", now) == 1
    assert sqlite_store.count() == 2


@pytest.mark.slow
def test_a_flood_is_counted_up_to_a_bound(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "COUNTED", 3)
    store.put(make_trace())
    store.fold()
    store.put_spans([make_record(trace_id=f"{number + 1:032x}") for number in range(5)])
    with store._database.engine.connect() as connection:
        assert paging.count_total(connection) == Count(4, exact=False)
    store.fold()
    assert store.page(TraceQuery()).total == Count(6)


def test_what_waits_is_measured(store: TraceStore) -> None:
    assert store.waiting_pieces() == pieces.WaitingPieces(0)
    put_at(store, [make_record(trace_id="a" * 32)], time.time() - 30)
    store.put_spans([make_record(trace_id=f"{number + 1:032x}") for number in range(4)])
    assert store.waiting_pieces().count == 5


def test_gaps_in_the_numbers_are_not_taken_for_pieces(store: TraceStore) -> None:
    with store._database.writing() as connection:
        given = [{"id": number, "trace_id": TRACE_ID, "arrived_at": 1.0, "payload": b"[]"} for number in (1, 1_000_000)]
        connection.execute(insert(pieces.pieces), given)
    assert store.waiting_pieces().count == 2


def test_a_trace_that_was_forgotten_is_not_counted(store: TraceStore) -> None:
    store.put(make_trace())
    store.put_spans(make_records())
    store.fold()
    before = store.version()
    with store._database.writing() as connection:
        connection.execute(update(state).values(forgotten=state.c.forgotten + 1))
    assert store.count() == 1
    assert store.version() != before


def test_a_trace_is_known_from_its_first_span_on_wherever_it_lies(store: TraceStore) -> None:
    folded, waiting, ours = (make_trace(trace_id=f"{number:032x}") for number in range(1, 4))
    store.put(folded)
    store.fold()
    store.put_spans([replace(record, trace_id=waiting.trace_id) for record in make_records()])
    store.put(ours)
    many = [f"{number:032x}" for number in range(1, 1_500)]
    assert store.known(many) == {folded.trace_id, waiting.trace_id, ours.trace_id}
    assert store.known([]) == set()


def test_in_a_flood_a_page_that_reads_several_times_folds_once(
    sqlite_store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "READ_FOLD_S", 0.01)
    asked: list[str] = []

    def fold_for_long(scope: str, *_: object, **__: object) -> int:
        asked.append(scope)
        return 1

    monkeypatch.setattr(sqlite_store._folder, "fold_pieces", fold_for_long)
    sqlite_store.page(TraceQuery())
    before = len(asked)
    sqlite_store.page(TraceQuery())
    sqlite_store.backends()
    assert len(asked) == before


def test_the_background_gives_way_before_every_trace_and_readers_do_not(sqlite_store: TraceStore) -> None:
    given: list[None] = []
    folder = folding.PieceFolder(sqlite_store._database, assemble, lambda: given.append(None))
    now = time.time() + 5
    for start, scope, ways in ((1, "settled", 9), (11, "arrived", 0)):
        sqlite_store.put_spans([make_record(trace_id=f"{start + number:032x}") for number in range(9)])
        given.clear()
        assert folder.fold(scope, now) == 9
        assert len(given) == ways


def test_a_log_that_was_moved_into_place_begins_anew(sqlite_store: TraceStore) -> None:
    log = Path(f"{sqlite_store._database.location}-wal")
    sqlite_store.put_spans([make_record() for _ in range(2_000)])
    sqlite_store._database.checkpoint()
    whole = log.stat().st_size
    for number in range(3):
        sqlite_store.put_spans([make_record(trace_id=f"{number + 1:032x}") for _ in range(2_000)])
        sqlite_store._database.checkpoint()
    assert log.stat().st_size < 2 * whole
