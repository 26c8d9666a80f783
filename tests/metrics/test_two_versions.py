"""A newer Raglass migrates a store that this one has open: it may, nothing acknowledged is lost, and this one says so and stops."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from metrics.migration import HEAD, Outgrown
from metrics.otlp.decoding import PROTOBUF, decode_traces
from metrics.postgres_database import PostgresDatabase
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.errors import StoreError
from tests.factories import make_trace
from tests.metrics.conftest import sqlite_url
from tests.metrics.newer_version import NEXT, NewerVersion, as_if_migrated
from tests.otlp.sent import request, span

TOLD = rf"brought to schema {NEXT} by another version of Raglass .* knows schema {HEAD}, .* Stop this Raglass and start the newer version"


@pytest.mark.slow
def test_what_was_acknowledged_before_and_while_a_newer_version_migrates_is_kept(
    store: TraceStore, store_url: str, tmp_path: Path
) -> None:
    acknowledged: list[str] = []
    refused: list[str] = []

    def put_until_refused() -> None:
        while not refused:
            time.sleep(0.01)  # what is put is folded and looked for afterwards
            trace = make_trace()
            try:
                store.put(trace)
            except StoreError as error:
                refused.append(str(error))
            else:
                acknowledged.append(trace.trace_id)

    putting = [threading.Thread(target=put_until_refused, daemon=True) for _ in range(3)]
    for each in putting:
        each.start()
    with NewerVersion(store_url, tmp_path) as newer:
        for each in putting:
            each.join(60)
        assert refused
        assert acknowledged
        assert newer.find(acknowledged) == (len(acknowledged) + 1, len(acknowledged))


@pytest.fixture
def outgrown(store: TraceStore, store_url: str) -> Iterator[TraceStore]:
    """A store with a trace, which another version has migrated since it was opened."""
    store.put(KEPT)
    store.fold()
    with as_if_migrated(store_url):
        yield store


KEPT = make_trace()


WRITES: dict[str, Callable[[TraceStore], object]] = {
    "a trace": lambda store: store.put(make_trace()),
    "several traces": lambda store: store.put_all([make_trace(), make_trace()]),
    "spans": lambda store: store.put_spans(decode_traces(request(span()).SerializeToString(), PROTOBUF).records),
    "spans of several traces": lambda store: store.put_spans(
        decode_traces(request(span(), span(trace_id=b"\7" * 16)).SerializeToString(), PROTOBUF).records
    ),
    "feedback": lambda store: store.annotate(KEPT.trace_id, 1),
    "an explanation": lambda store: store.keep_explanation(KEPT.trace_id, "kind", {}),
    "a deletion": lambda store: store.forget([KEPT.trace_id]),
}


def test_nothing_is_written_to_a_store_that_another_version_migrated(outgrown: TraceStore, store_url: str) -> None:
    for write in WRITES.values():
        with pytest.raises(Outgrown, match=TOLD):
            write(outgrown)
    engine = create_engine(store_url)
    with engine.connect() as connection:
        counts = [connection.scalar(text(f"SELECT COUNT(*) FROM {name}")) for name in ("traces", "outbox", "pieces")]
    engine.dispose()
    assert counts == [1, 0, 0]


READS: dict[str, Callable[[TraceStore], object]] = {
    "a trace": lambda store: store.get(KEPT.trace_id),
    "the list": lambda store: store.page(TraceQuery()),
    "an export": lambda store: list(store.export(TraceQuery())),
    "the version": TraceStore.version,
    "a count": TraceStore.count,
    "alerts": lambda store: store.alerts.newest(),
}


def test_nothing_is_read_from_it(outgrown: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metrics.postgres_database.LOOK_AGAIN_S", 0.0)
    for read in READS.values():
        with pytest.raises(Outgrown, match=TOLD):
            read(outgrown)
    health = outgrown.health()
    assert not health.ok
    assert "Stop this Raglass and start the newer version" in health.detail


def test_a_reader_of_a_server_looks_again_soon_and_not_each_time(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TraceStore.open(postgres_url) as store, as_if_migrated(postgres_url):
        database = store._database
        assert isinstance(database, PostgresDatabase)
        assert store.count() == 0
        database._looked_s -= 2.0
        with pytest.raises(Outgrown):
            store.count()


def test_a_statement_that_no_longer_fits_the_tables_is_told_as_what_it_is(store: TraceStore, store_url: str) -> None:
    engine = create_engine(store_url)
    with as_if_migrated(store_url):
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE outbox RENAME COLUMN payload TO content"))
        with pytest.raises(Outgrown, match=TOLD):
            store.put(make_trace())
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE outbox RENAME COLUMN content TO payload"))
    engine.dispose()


def test_a_trace_that_is_stored_already_is_no_sign_of_another_version(store: TraceStore) -> None:
    store.put(KEPT)
    store.put(KEPT)
    store.put_all([KEPT, make_trace()])
    store.fold()
    store.put(KEPT)
    assert store.count() == 2


@pytest.mark.slow
def test_folding_ends_and_says_so_once(
    sqlite_store: TraceStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = sqlite_store._folder
    with as_if_migrated(sqlite_url(tmp_path)), caplog.at_level(logging.ERROR):
        folder.wake()
        folder._thread.join(30)
        assert not folder._thread.is_alive()
    assert caplog.text.count("folding has ended") == 1
