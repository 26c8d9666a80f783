"""Deleting: what is chosen goes with all that is kept of it, what is spared stays, and counts stay exact, however it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, func, select, text

from metrics import forgetting
from metrics.forgetting import Forgotten, Sparing
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from metrics.tables import labels, metadata, outbox, pieces, search_texts, state, traces
from tests.factories import make_trace
from tests.metrics.assembling import assemble, make_records

ROOT = Path(__file__).resolve().parents[2]
OF_TRACES = (
    "traces",
    "payloads",
    "search_texts",
    "trace_labels",
    "stage_times",
    "quality",
    "token_use",
    "explanations",
    "outbox",
    "pieces",
)
EVERYTHING = Sparing(runs=False, feedback=False, tags=frozenset())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small batches, without pauses."""
    monkeypatch.setattr(forgetting, "BATCH", 3)
    monkeypatch.setattr(forgetting, "PAUSE_S", 0.0)
    monkeypatch.setattr(forgetting, "LONGEST_PAUSE_S", 0.0)


@pytest.fixture
def store(store_url: str) -> Iterator[TraceStore]:
    """An empty store on either database, which puts other applications' spans together."""
    with TraceStore.open(store_url, assembling=assemble) as opened:
        yield opened


def count_rows(url: str) -> dict[str, int]:
    """Rows of every table that holds something of a trace."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {
            name: connection.scalar(select(func.count()).select_from(metadata.tables[name])) or 0 for name in OF_TRACES
        }
    engine.dispose()
    return found


def put_numbered(store: TraceStore, count: int, **fields: Any) -> list[str]:
    """Traces asked a second apart, the oldest first."""
    made = [
        make_trace(asked_at=1_757_000_000.0 + number, question=f"Question {number}?", **fields)
        for number in range(count)
    ]
    store.put_all(made)
    return [trace.trace_id for trace in made]


def listed(store: TraceStore, **query: Any) -> set[str]:
    return {row.trace_id for row in store.page(TraceQuery(**query), limit=1000).rows}


def test_traces_of_a_query_are_deleted_and_the_others_stay(store: TraceStore) -> None:
    ids = put_numbered(store, 10)
    done = store.forget(TraceQuery(asked_to=1_757_000_007.0))
    assert (done.deleted, done.matched, done.finished) == (7, 7, True)
    assert listed(store) == set(ids[7:])
    assert store.count() == 3
    assert store.page(TraceQuery()).matched.value == 3


def test_nothing_of_a_deleted_trace_is_left_in_any_table(store: TraceStore, store_url: str) -> None:
    store.put(make_trace(trace_id="a" * 32, tags=("paris",)))
    store.put_spans(make_records("b" * 32))
    store.keep_explanation("a" * 32, "chunks", {"scores": [1]})
    store.fold()
    store.quality.put("scored", {1: {"grounded": 1.0}, 2: {"grounded": None}}, 2)
    store.put_spans(make_records("b" * 32))  # which come late, and wait
    store.forget(["a" * 32, "b" * 32])
    assert count_rows(store_url) == dict.fromkeys(OF_TRACES, 0)
    assert store.get("a" * 32) is None
    assert store.get("b" * 32) is None
    assert store.explanations("a" * 32) == {}


def test_a_deleted_text_is_found_no_more_and_search_stays_sound(store: TraceStore, store_url: str) -> None:
    store.put(make_trace(question="Where do penguins nest?"))
    other = make_trace(question="Where do puffins nest?")
    store.put(other)
    store.forget(TraceQuery(search="penguins"))
    assert listed(store, search="penguins") == set()
    assert listed(store, search="nest") == {other.trace_id}
    if store_url.startswith("sqlite"):
        engine = create_engine(store_url)
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO search_index (search_index, rank) VALUES ('integrity-check', 1)"))
        engine.dispose()


def test_labels_that_no_trace_has_any_more_are_swept(store: TraceStore, store_url: str) -> None:
    store.put(make_trace(tags=("rare",)))
    kept = make_trace(tags=("common",))
    store.put(kept)
    store.forget(TraceQuery(tags=frozenset({"rare"})))
    assert store.labels("tag") == ["common"]
    engine = create_engine(store_url)
    with engine.connect() as connection:
        assert "rare" not in connection.scalars(select(labels.c.value)).all()
    engine.dispose()


def test_latencies_stay_as_they_were_measured(store: TraceStore) -> None:
    put_numbered(store, 4)
    before = store.latency(1_757_000_000.0, 1_757_000_060.0)
    store.forget(TraceQuery(), sparing=EVERYTHING)
    assert store.latency(1_757_000_000.0, 1_757_000_060.0) == before


@pytest.mark.parametrize("named", [False, True])
def test_what_a_run_holds_stays_unless_that_is_asked_for(store: TraceStore, *, named: bool) -> None:
    held, free = put_numbered(store, 2)
    store.runs.start("r1", {})
    store.runs.keep("r1", [("q1", held, {"right": True})])
    chosen = [held, free] if named else TraceQuery()
    done = store.forget(chosen)
    assert (done.deleted, done.run) == (1, 1)
    assert listed(store) == {held}
    assert store.forget(chosen, sparing=Sparing(runs=False)).deleted == 1
    assert store.runs.scores("r1") == [{"right": True}]


def test_a_query_spares_what_is_rated_noted_or_tagged_keep_and_says_how_many(store: TraceStore) -> None:
    rated, noted, plain = put_numbered(store, 3)
    tagged = make_trace(tags=("keep", "other"))
    store.put(tagged)
    store.annotate(rated, -1)
    store.annotate(noted, 0, "look at this")
    done = store.forget(TraceQuery())
    assert (done.deleted, done.feedback, done.tag) == (1, 2, 1)
    assert listed(store) == {rated, noted, tagged.trace_id}
    assert plain not in listed(store)


def test_a_trace_that_is_named_goes_though_it_is_rated_and_tagged(store: TraceStore) -> None:
    trace = make_trace(tags=("keep",))
    store.put(trace)
    store.annotate(trace.trace_id, 1)
    assert store.forget([trace.trace_id]).deleted == 1


def test_other_tags_can_spare(store: TraceStore) -> None:
    gold, keep = make_trace(tags=("gold",)), make_trace(tags=("keep",))
    store.put_all([gold, keep])
    done = store.forget(TraceQuery(), sparing=Sparing(tags=frozenset({"gold"})))
    assert (done.deleted, done.tag) == (1, 1)
    assert listed(store) == {gold.trace_id}


@pytest.mark.parametrize("named", [False, True])
def test_a_dry_run_says_what_would_be_done_and_does_nothing(store: TraceStore, *, named: bool) -> None:
    ids = put_numbered(store, 7)
    store.annotate(ids[0], 1)
    chosen = [*ids, "0" * 32] if named else TraceQuery()
    told = store.forget(chosen, dry_run=True)
    assert store.count() == 7
    assert told.first == tuple(ids if named else ids[1:])  # a query spares the rated one
    assert replace(told, first=()) == store.forget(chosen)
    assert told.freed_bytes > 0
    assert told.missing == (("0" * 32,) if named else ())


def test_a_dry_run_names_the_oldest_ten(store: TraceStore) -> None:
    ids = put_numbered(store, 12)
    assert store.forget(TraceQuery(), dry_run=True).first == tuple(ids[:10])
    assert store.forget(ids, dry_run=True).first == tuple(ids[:10])


def test_an_unknown_id_is_said_to_be_missing(store: TraceStore) -> None:
    ids = put_numbered(store, 1)
    done = store.forget(["f" * 32, ids[0], "f" * 32])
    assert (done.deleted, done.missing) == (1, ("f" * 32,))


def test_a_trace_that_cannot_be_read_can_be_deleted(store: TraceStore, store_url: str) -> None:
    engine = create_engine(store_url)
    with engine.begin() as connection:
        connection.execute(outbox.insert().values(trace_id="e" * 32, payload=b"{broken"))
        connection.execute(pieces.insert().values(trace_id="d" * 32, arrived_at=time.time(), payload=b"[broken"))
    engine.dispose()
    put_numbered(store, 1)
    assert store.count() == 3
    before = store.version()
    assert store.forget(["e" * 32, "d" * 32]).deleted == 2
    assert store.count() == 1
    assert store.version() != before
    assert store.get("e" * 32) is None


def test_no_two_states_of_the_store_have_one_token(store: TraceStore) -> None:
    seen = [store.version()]
    for _ in range(3):
        ids = put_numbered(store, 1)
        seen.append(store.version())
        store.forget(ids)
        seen.append(store.version())
    assert len(set(seen)) == len(seen)


def test_a_number_is_not_given_twice(store: TraceStore, store_url: str) -> None:
    store.forget(put_numbered(store, 5))
    put_numbered(store, 1)
    store.fold()
    engine = create_engine(store_url)
    with engine.connect() as connection:
        assert connection.scalars(select(traces.c.seq)).all() == [6]
    engine.dispose()


def test_what_is_asked_once_deleting_has_begun_stays(store: TraceStore) -> None:
    put_numbered(store, 7)
    late = make_trace(asked_at=1_757_000_003.5)

    def put_late(done: Forgotten) -> None:
        if done.deleted == 3:
            store.put(late)
            store.fold()

    assert store.forget(TraceQuery(), on_progress=put_late).deleted == 7
    assert listed(store) == {late.trace_id}


def test_a_trace_rated_meanwhile_is_spared(store: TraceStore) -> None:
    ids = put_numbered(store, 7)
    done = store.forget(TraceQuery(), on_progress=lambda done: store.annotate(ids[6], 1) if done.matched == 3 else None)
    assert (done.deleted, done.feedback) == (6, 1)


def test_stopped_deleting_is_gone_on_with(store: TraceStore) -> None:
    put_numbered(store, 8)
    told: list[int] = []
    first = store.forget(
        TraceQuery(), on_progress=lambda done: told.append(done.deleted), stopping=lambda: told == [3, 6]
    )
    assert (first.deleted, first.finished) == (6, False)
    assert store.count() == 2
    second = store.forget(TraceQuery())
    assert (second.deleted, second.finished) == (2, True)


@pytest.mark.slow
def test_space_is_given_back(sqlite_store: TraceStore) -> None:
    ids = put_numbered(sqlite_store, 60, settings={"noise": os.urandom(40_000).hex()})
    sqlite_store.fold()
    before = sqlite_store.health().stored_bytes
    sqlite_store.forget(ids[:-1])
    with create_engine(f"sqlite:///{sqlite_store.health().location}").connect() as connection:
        assert connection.execute(text("PRAGMA freelist_count")).scalar() == 0
        size = (connection.execute(text("PRAGMA page_count")).scalar() or 0) * 4096
    assert size < before / 5


def test_only_one_process_deletes_what_is_old(store: TraceStore, store_url: str) -> None:
    put_numbered(store, 5)
    with TraceStore.open(store_url) as other, other._database.taking_turn() as mine:
        assert mine
        assert store.upkeep.forget_beyond(None, 2, frozenset(), lambda: False) is None
    done = store.upkeep.forget_beyond(None, 2, frozenset(), lambda: False)
    assert done is not None
    assert done.deleted == 3


@pytest.mark.parametrize(("keep", "left"), [(1, 1), (4, 4), (5, 5), (9, 5)])
def test_the_newest_stay(store: TraceStore, keep: int, left: int) -> None:
    ids = put_numbered(store, 5)
    store.upkeep.forget_beyond(None, keep, frozenset(), lambda: False)
    assert listed(store) == set(ids[-left:])


def test_what_is_older_than_so_many_seconds_goes(store: TraceStore) -> None:
    old, new = make_trace(asked_at=time.time() - 90), make_trace(asked_at=time.time() - 30)
    store.put_all([old, new])
    store.upkeep.forget_beyond(60.0, None, frozenset(), lambda: False)
    assert listed(store) == {new.trace_id}


def test_without_a_bound_everything_stays(store: TraceStore) -> None:
    put_numbered(store, 2)
    assert store.upkeep.forget_beyond(None, None, frozenset(), lambda: False) == Forgotten()
    assert store.count() == 2


DELETER = """
import sys
from metrics import forgetting
from metrics.queries import TraceQuery
from metrics.store import TraceStore
forgetting.BATCH = 5
with TraceStore.open(sys.argv[1]) as store:
    store.forget(TraceQuery(), on_progress=lambda done: print(done.deleted, flush=True))
"""


@pytest.mark.slow
def test_killed_while_deleting_nothing_is_half_deleted(store_url: str) -> None:
    with TraceStore.open(store_url) as store:
        put_numbered(store, 300)
        store.fold()
    child = subprocess.Popen([sys.executable, "-c", DELETER, store_url], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    for _ in range(4):
        child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.communicate()
    rows = count_rows(store_url)
    assert 0 < rows["traces"] <= 280
    assert rows["payloads"] == rows["search_texts"] == rows["traces"]
    with TraceStore.open(store_url) as store:
        assert store.count() == rows["traces"]
        assert store.forget(TraceQuery()).finished
        assert store.count() == 0
    assert count_rows(store_url) == dict.fromkeys(OF_TRACES, 0)


def test_totals_hold_after_any_mixture(store: TraceStore, store_url: str) -> None:
    put_numbered(store, 6)
    store.put_spans(make_records("a" * 32))
    store.forget(TraceQuery(asked_to=1_757_000_002.0))
    store.put(replace(make_trace(), asked_at=5.0))
    store.forget(TraceQuery(asked_to=10.0))
    engine = create_engine(store_url)
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(traces)) == store.count()
        assert connection.scalar(select(func.count()).select_from(search_texts)) == store.count()
        assert connection.scalar(select(state.c.forgotten)) == 8 - store.count()
    engine.dispose()
