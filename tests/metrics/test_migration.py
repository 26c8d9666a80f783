"""Every older store is brought to the newest schema, and no two processes trip over each other doing it."""

import gzip
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, Table, create_engine, insert, inspect, select, text

from metrics import payloads
from metrics.migration import HEAD, current_revision, migrate
from metrics.queries import TraceQuery
from metrics.sketches import Sketch
from metrics.store import TraceStore
from metrics.tables import metadata
from pipeline.errors import StoreError
from pipeline.schema import trace_to_version_1
from tests.factories import make_trace
from tests.metrics.keep_schemas import KEPT_TRACE, OLD_TRACE, kept_file, make_old_store, revisions

ROOT = Path(__file__).resolve().parents[2]


def test_head_is_the_newest_revision() -> None:
    assert revisions()[-1] == HEAD


@pytest.mark.parametrize("start", revisions())
@pytest.mark.slow
def test_a_store_of_every_older_schema_opens_and_works(store_url: str, start: str) -> None:
    engine = create_engine(store_url)
    for revision in revisions()[: revisions().index(start) + 1]:
        with engine.begin() as connection:
            migrate(connection, location="a test", revision=revision)
            assert current_revision(connection) == revision
    engine.dispose()
    trace = make_trace()
    with TraceStore.open(store_url) as store:
        store.put(trace)
        store.annotate(trace.trace_id, 1, "after the migration")
        assert store.page(TraceQuery(search="after the migration")).matched.value == 1


@pytest.mark.parametrize("start", [revision for revision in revisions() if revision < "0004"])
@pytest.mark.slow
def test_traces_that_runs_made_before_are_known_as_theirs(store_url: str, start: str) -> None:
    engine = create_engine(store_url)
    with engine.begin() as connection:
        for revision in revisions()[: revisions().index(start) + 1]:
            migrate(connection, location="a test", revision=revision)
        runs_are_known = inspect(connection).has_table("run_answers")
        for seq, question in enumerate(("by a person", "by a run"), 1):
            made = make_trace(question=question, trace_id=f"{seq:032x}")
            connection.execute(text(OLD_TRACE), {"seq": seq, "trace_id": made.trace_id, "question": question})
            old = {"seq": seq, "payload": payloads.deflate(json.dumps(trace_to_version_1(made)).encode())}
            connection.execute(text("INSERT INTO payloads (seq, payload) VALUES (:seq, :payload)"), old)
        connection.execute(text("UPDATE state SET folded = 2"))
        if runs_are_known:
            connection.execute(text(OLD_ANSWER), {"trace_id": f"{2:032x}", "score": b"{}"})
    engine.dispose()
    with TraceStore.open(store_url) as store:
        origins = {row.question: row.origin for row in store.page(TraceQuery()).rows}
        assert origins == {"by a person": "person", "by a run": "run" if runs_are_known else "person"}
        assert store.count() == 2
        assert store.get(f"{2:032x}").trace.question == "by a run"
        assert store.page(TraceQuery(kinds=frozenset({"llm"}))).rows == ()


OLD_ANSWER = (
    "INSERT INTO run_answers (run_id, question_id, trace_id, score) VALUES ('cafe0001', 'q1', :trace_id, :score)"
)


def test_the_migrations_make_the_tables_that_the_code_names(store_url: str) -> None:
    TraceStore.open(store_url).close()
    engine = create_engine(store_url)
    with engine.connect() as connection:
        assert current_revision(connection) == HEAD
        context = MigrationContext.configure(
            connection, opts={"include_name": is_table_of_ours, "include_object": no_index}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def is_table_of_ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or name in metadata.tables


def no_index(_object: object, _name: str, kind: str, _reflected: bool, _other: object) -> bool:
    return kind not in ("index", "unique_constraint")


def test_a_store_of_a_newer_raglass_is_refused_and_left_alone(store_url: str) -> None:
    TraceStore.open(store_url).close()
    engine = create_engine(store_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"schema 9999, which a newer Raglass made.*Update Raglass"):
        TraceStore.open(store_url)
    with engine.connect() as connection:
        assert current_revision(connection) == "9999"
    engine.dispose()


@pytest.mark.parametrize("start", [revision for revision in revisions() if kept_file(revision).exists()])
def test_a_file_that_was_kept_of_an_older_schema_opens_with_what_it_holds(tmp_path: Path, start: str) -> None:
    path = tmp_path / "traces.sqlite"
    path.write_bytes(gzip.decompress(kept_file(start).read_bytes()))
    with TraceStore.open(f"sqlite:///{path}") as store:
        assert store.get(KEPT_TRACE.trace_id).trace == KEPT_TRACE
        assert [row.question for row in store.page(TraceQuery()).rows] == [KEPT_TRACE.question]


def test_a_file_is_kept_of_every_schema() -> None:
    missing = [revision for revision in revisions() if not kept_file(revision).exists()]
    assert missing == [], "run `python -m tests.metrics.keep_schemas`"


@pytest.mark.slow
@pytest.mark.parametrize("start", revisions()[:-1])
def test_rows_of_every_table_of_an_older_schema_are_there_afterwards(store_url: str, start: str) -> None:
    make_old_store(store_url, start)
    engine = create_engine(store_url)
    with engine.begin() as connection:
        held = {table.name: _fill(connection, table) for table in _tables(connection)}
    TraceStore.open(store_url).close()
    with engine.connect() as connection:
        assert current_revision(connection) == HEAD
        for table in _tables(connection):
            before = held.get(table.name)
            if before is None:
                continue
            shared = [table.c[name] for name in before if name in table.c]
            found = [dict(row) for row in connection.execute(select(*shared)).mappings()]
            assert {column.name: before[column.name] for column in shared} in found, table.name
    engine.dispose()


NOT_FILLED = ("traces", "payloads", "state", "alembic_version", "outbox", "pieces")
"""Tables that hold the kept trace, where it stands, or what waits to become one."""


def _tables(connection: Connection) -> list[Table]:
    """Those that may hold any row: not the search index's own."""
    found = MetaData()
    names = [name for name in inspect(connection).get_table_names() if not name.startswith("search")]
    found.reflect(connection, only=[name for name in names if not name.startswith("sqlite_")])
    return [table for table in found.sorted_tables if table.name not in NOT_FILLED]


def _fill(connection: Connection, table: Table) -> dict[str, Any]:
    """Put a row into a table, of any values; which."""
    row: dict[str, Any] = {}
    for column in table.columns:
        kind = column.type.python_type
        row[column.name] = {bytes: Sketch().to_bytes(), str: "kept", float: 7.5}.get(kind, 7)
    connection.execute(insert(table).values(row))
    return row


OPENER = """
import json, os, signal, sys
import metrics.migration, metrics.store
from alembic import command
from sqlalchemy import event
from sqlalchemy.engine import Engine

def open_store(url, last):
    if child := os.fork():
        return child
    counted = []

    @event.listens_for(Engine, "before_cursor_execute")
    def count(connection, cursor, statement, parameters, context, many):
        counted.append(statement)
        if last and [each for each in counted if each.lstrip().upper().startswith(("CREATE", "ALTER", "UPDATE"))][last - 1 :]:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        metrics.store.TraceStore.open(url).close()
        os._exit(0)
    finally:
        os._exit(1)

for line in sys.stdin:
    url, killed, at_once = json.loads(line)
    ends = [os.waitpid(open_store(url, last), 0)[1] for last in killed]
    ends += [os.waitpid(child, 0)[1] for child in [open_store(url, 0) for _ in range(at_once)]]
    print(json.dumps([os.waitstatus_to_exitcode(end) for end in ends]), flush=True)
"""
"""Opens stores in processes that it forks: one after the other, each killed at so many changes of the migration, or some at once."""

OpenStore = Callable[..., list[int]]


@pytest.fixture(scope="module")
def open_store() -> Iterator[OpenStore]:
    """Opens a store in processes of their own, and says how each ended. What they import is imported once."""
    command = [sys.executable, "-c", OPENER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as opener:
        asked, told = opener.stdin, opener.stdout
        assert asked
        assert told

        def open_(url: str, *, killed: Sequence[int] = (), at_once: int = 0) -> list[int]:
            print(json.dumps([url, killed, at_once]), file=asked, flush=True)
            ends: list[int] = json.loads(told.readline())
            return ends

        yield open_


@pytest.mark.slow
@pytest.mark.parametrize(("start", "changes"), [("0001", (1, 7, 20)), *((each, (1,)) for each in revisions()[1:-1])])
def test_a_migration_that_is_killed_leaves_the_old_store_and_is_done_by_the_next_open(
    store_url: str, start: str, changes: tuple[int, ...], open_store: OpenStore
) -> None:
    make_old_store(store_url, start)
    assert open_store(store_url, killed=changes) == [-signal.SIGKILL] * len(changes)
    engine = create_engine(store_url)
    with engine.connect() as connection:
        assert current_revision(connection) == start
        assert connection.scalar(text("SELECT question FROM traces")) == KEPT_TRACE.question
    engine.dispose()
    with TraceStore.open(store_url) as store:
        assert store.get(KEPT_TRACE.trace_id).trace == KEPT_TRACE
        store.put(make_trace())
        assert store.count() == 2


@pytest.mark.slow
def test_processes_may_open_a_new_store_at_the_same_time(store_url: str, open_store: OpenStore) -> None:
    assert open_store(store_url, at_once=4) == [0] * 4
    with TraceStore.open(store_url) as store:
        assert store.count() == 0
