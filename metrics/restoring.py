"""Restoring: what a backup holds, put into a store: an empty one, in place of what is there, or what is missing there.

The file is checked before anything is touched. Into an empty store, or in place of what is there, everything is one transaction: it
happens as a whole or not at all, whatever ends the process.
"""

import json
import shutil
import sqlite3
import tempfile
import uuid
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, create_engine, delete, func, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from metrics import backup
from metrics.backup import FORMAT, MANIFEST, ROWS, Manifest, Progress, Stopped
from metrics.database import Database
from metrics.migration import HEAD, migrate
from metrics.quality import AGAIN
from metrics.search import note_text
from metrics.tables import (
    alert_rules,
    alerts,
    audit,
    calibrations,
    explanations,
    keys,
    labels,
    metadata,
    outbox,
    pieces,
    prompts,
    quality,
    run_answers,
    runs,
    silences,
    state,
    traces,
    views,
)
from pipeline.errors import InputError, StoreError

WAITING = (outbox, pieces)
"""Tables whose numbers the database gives: on a server, rows may be added to them meanwhile."""

ADDED: tuple[tuple[Table, tuple[str, ...]], ...] = (
    (runs, ("run_id",)),
    (run_answers, ("run_id", "question_id")),
    (calibrations, ("answered_by",)),
    (explanations, ("trace_id", "kind")),
    (keys, ("key_id",)),
    (views, ("name",)),
    (alert_rules, ("name",)),
    (alerts, ("alert_id",)),
    (silences, ("silence_id",)),
    (audit, ("entry_id",)),
)
"""Tables besides traces that merging adds to, and what their rows are known by."""


@contextmanager
def opened_backup(file: Path, on_progress: Progress, stopping: Callable[[], bool]) -> Iterator[tuple[Path, Manifest]]:
    """A backup that was checked, in a file with the newest schema: itself, or a copy that was migrated and goes at the end.

    Raises InputError for a file that is no backup, StoreError for one that is damaged, or of a newer Raglass.
    """

    def tell(done: int, total: int) -> None:
        if stopping():
            raise Stopped
        on_progress(done, total)

    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as driver:
            manifest = _read_manifest(file, driver)
            backup.verify(driver, manifest, tell)
    except (sqlite3.Error, OSError) as error:
        raise _unreadable(file, error) from error
    if manifest.revision == HEAD:
        yield file, manifest
        return
    with ExitStack() as undo:
        with _room_for(file):
            copy = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="raglass-restore-"))) / "backup.sqlite"
            shutil.copyfile(file, copy)
            _migrate(copy)
        yield copy, manifest


def check(file: Path, on_progress: Progress, stopping: Callable[[], bool]) -> Manifest:
    """What a backup says of itself, once it was checked. Raises as `opened_backup`."""
    with opened_backup(file, on_progress, stopping) as (_, manifest):
        return manifest


def _read_manifest(file: Path, driver: sqlite3.Connection) -> Manifest:
    known = driver.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (MANIFEST,)).fetchone()
    if known is None:
        raise InputError(f"{file} is no backup. `raglass backup FILE` makes one.")
    try:
        about = json.loads(driver.execute(f"SELECT about FROM {MANIFEST}").fetchone()[0])
        if about["format"] > FORMAT or about["revision"] > HEAD:
            raise StoreError(
                f"{file} was made by Raglass {about['raglass']}, which is newer: its schema is {about['revision']}, this one knows {HEAD}. "
                "Update Raglass. Nothing was changed."
            )
        manifest = Manifest(**about)
    except (TypeError, KeyError, ValueError) as error:
        raise StoreError(f"{file} is damaged: what it says of itself cannot be read. Take another backup.") from error
    unknown = manifest.counts.keys() - metadata.tables.keys()
    if unknown:
        raise StoreError(f"{file} is damaged: it names tables that there are not. Take another backup.")
    return manifest


def _unreadable(file: Path, error: Exception) -> InputError | StoreError:
    if not file.is_file():
        return InputError(f"There is no file {file}.")
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_NOTADB:
        return InputError(f"{file} is no backup. `raglass backup FILE` makes one.")
    return StoreError(f"{file} cannot be read, or is damaged. Check the file and the disk, or take another backup.")


@contextmanager
def _room_for(file: Path) -> Iterator[None]:
    """A disk that takes no copy of a backup, brought up to date, is told as that."""
    try:
        yield
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        raise StoreError(
            f"There is no room to bring {file} to the newest schema ({getattr(error, 'strerror', '') or type(error).__name__}). "
            "Set TMPDIR to a folder with more of it. The store is unchanged."
        ) from error


def _migrate(copy: Path) -> None:
    engine = create_engine(f"sqlite:///{copy}")
    try:
        with engine.begin() as connection:
            migrate(connection, location=str(copy))
    finally:
        engine.dispose()


def is_empty(connection: Connection) -> bool:
    """Whether a store holds nothing yet."""
    tables = (table for table in metadata.sorted_tables if table is not state)
    return not any(connection.scalar(select(select(table).exists())) for table in tables)


def fill(
    database: Database, file: Path, on_progress: Progress, stopping: Callable[[], bool], *, replacing: bool
) -> None:
    """Put all of a checked backup into a store, in one transaction. What is sent to a server meanwhile is kept.

    replacing: in place of what is there. Raises InputError where something is and it was not to be replaced, Stopped.
    """
    with (
        closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as driver,
        database.writing() as connection,
    ):
        if not is_empty(connection):
            if not replacing:
                raise InputError(
                    "This store holds something already. Add what it lacks with --merge, or put the backup in its place with --replace."
                )
            _clear(connection)
        total = sum(
            driver.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0] for table in metadata.sorted_tables
        )
        done = 0
        for table in metadata.sorted_tables:
            for rows in _read(driver, table):
                if stopping():
                    raise Stopped
                _add(connection, table, rows)
                done += len(rows)
                on_progress(done, total)
        _settle(connection)


def _clear(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("INSERT INTO search_index (search_index) VALUES ('delete-all')"))
    for table in reversed(metadata.sorted_tables):
        if table is not state:
            connection.execute(delete(table))


def _read(driver: sqlite3.Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    names = [column.name for column in table.columns]
    cursor = driver.execute(f"SELECT {', '.join(names)} FROM {table.name}")
    while rows := cursor.fetchmany(ROWS):
        yield [dict(zip(names, row, strict=True)) for row in rows]


def _add(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if table is state:  # another store: no cache of what was here may be taken for it
        connection.execute(update(state).values({**rows[0], "id": 1, "store_id": uuid.uuid4().hex}))
        return
    if table in WAITING:
        rows = [{name: value for name, value in row.items() if name != "id"} for row in rows]
    connection.execute(insert(table), rows)


def _settle(connection: Connection) -> None:
    """See to what follows from the rows: SQLite's search index, and on a server the number that the next label gets."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("INSERT INTO search_index (search_index) VALUES ('rebuild')"))
        return
    last = select(func.coalesce(func.max(labels.c.label_id), 0) + 1).scalar_subquery()
    connection.execute(select(func.setval(func.pg_get_serial_sequence("labels", "label_id"), last, False)))


def merge(
    database: Database, file: Path, fold: Callable[[], object], on_progress: Progress, stopping: Callable[[], bool]
) -> int:
    """Add what a store lacks of a checked backup: traces by id, with their feedback, and all else by what it is known by.

    Returns how many traces were added. What is there is left as it is; after a stop, the next call goes on. Of latencies, those of the
    traces that were added come. fold: makes what was added visible. Raises Stopped.
    """
    added = done = 0
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as driver:
        total = driver.execute("SELECT count(*) FROM traces").fetchone()[0]
        for ids, stored in _stored_traces(driver):
            if stopping():
                raise Stopped
            missing = _missing(database, ids)
            database.append([(trace_id, payload) for trace_id, payload in stored if trace_id in missing])
            added += len(missing)
            done += len(ids)
            on_progress(done, total)
        waiting = driver.execute("SELECT trace_id, payload FROM outbox").fetchall()
        missing = _missing(database, [trace_id for trace_id, _ in waiting])
        database.append([(trace_id, payload) for trace_id, payload in waiting if trace_id in missing])
        added += len(missing) + _merge_pieces(database, driver)
        fold()
        _merge_feedback(database, driver)
        _merge_scores(database, driver)
        for table, known_by in ADDED:
            _merge_rows(database, driver, table, known_by)
        _merge_prompts(database, driver)
    return added


def _stored_traces(driver: sqlite3.Connection) -> Iterator[tuple[list[str], list[tuple[str, bytes]]]]:
    cursor = driver.execute("SELECT trace_id, payload FROM traces JOIN payloads USING (seq) ORDER BY seq")
    while rows := cursor.fetchmany(200):
        yield [row[0] for row in rows], [(trace_id, _inflated(payload)) for trace_id, payload in rows]


def _inflated(payload: bytes) -> bytes:
    return payload if payload[:1] == b"{" else zlib.decompress(payload)


def _missing(database: Database, ids: Sequence[str]) -> set[str]:
    """Of some ids those of which a store holds nothing."""
    with database.engine.connect() as connection:
        known = {
            trace_id
            for table in (traces, outbox, pieces)
            for start in range(0, len(ids), ROWS)
            for trace_id in connection.scalars(
                select(table.c.trace_id).where(table.c.trace_id.in_(ids[start : start + ROWS]))
            )
        }
    return set(ids) - known


def _merge_pieces(database: Database, driver: sqlite3.Connection) -> int:
    waiting = driver.execute("SELECT trace_id, arrived_at, payload FROM pieces ORDER BY id").fetchall()
    missing = _missing(database, [row[0] for row in waiting])
    if missing:
        database.append_pieces([row for row in waiting if row[0] in missing])
    return len(missing)


def _merge_feedback(database: Database, driver: sqlite3.Connection) -> None:
    """Write what was said of traces that nothing is said of here."""
    said = driver.execute("SELECT trace_id, rating, note, annotated_at FROM traces WHERE annotated_at IS NOT NULL")
    while rows := said.fetchmany(200):
        with database.writing() as connection:
            for trace_id, rating, note, annotated_at in rows:
                unsaid = select(traces.c.seq).where(traces.c.trace_id == trace_id, traces.c.annotated_at.is_(None))
                seq = connection.scalar(unsaid)
                if seq is not None:
                    values = {"rating": rating, "note": note, "annotated_at": annotated_at}
                    connection.execute(update(traces).where(traces.c.seq == seq).values(values))
                    note_text(connection, seq, note)
            connection.execute(update(state).values(annotations=state.c.annotations + 1))


def _merge_scores(database: Database, driver: sqlite3.Connection) -> None:
    """Write what the rules said of traces that they have said nothing of here: a judge was paid for some of it."""
    said = driver.execute(
        "SELECT trace_id, rule, quality.asked_at, quality.backend, value, scored_at FROM quality JOIN traces USING (seq) WHERE rule <> ?",
        (AGAIN,),
    )
    while rows := said.fetchmany(ROWS):
        with database.writing() as connection:
            ids = {row[0] for row in rows}
            named = select(traces.c.trace_id, traces.c.seq).where(traces.c.trace_id.in_(ids))
            numbers = {row.trace_id: row.seq for row in connection.execute(named)}
            there = select(quality.c.seq, quality.c.rule).where(quality.c.seq.in_(numbers.values()))
            known = {tuple(row) for row in connection.execute(there)}
            names = quality.c.keys()
            new = [dict(zip(names, (numbers[row[0]], *row[1:]), strict=True)) for row in rows if row[0] in numbers]
            new = [row for row in new if (row["seq"], row["rule"]) not in known]
            if new:
                connection.execute(insert(quality), new)


def _merge_prompts(database: Database, driver: sqlite3.Connection) -> None:
    """Add the texts that no version of their name has, as newer versions of it: a number may be taken by another text here."""
    with database.writing() as connection:
        known = {(row.name, row.text) for row in connection.execute(select(prompts))}
        newest = select(prompts.c.name, func.max(prompts.c.number).label("number")).group_by(prompts.c.name)
        last: dict[str, int] = {row.name: row.number for row in connection.execute(newest)}
        for rows in _read(driver, prompts):
            for row in sorted(rows, key=lambda each: int(each["number"])):
                if (row["name"], row["text"]) not in known:
                    last[row["name"]] = last.get(row["name"], 0) + 1
                    connection.execute(insert(prompts), {**row, "number": last[row["name"]]})


def _merge_rows(database: Database, driver: sqlite3.Connection, table: Table, known_by: tuple[str, ...]) -> None:
    """Add the rows of a table that are not there."""
    with database.writing() as connection:
        places = [table.c[name] for name in known_by]
        known = {tuple(row) for row in connection.execute(select(*places))}
        digests = set(connection.scalars(select(keys.c.digest))) if table is keys else set()
        for rows in _read(driver, table):
            new = [row for row in rows if tuple(row[name] for name in known_by) not in known]
            new = [row for row in new if row.get("digest") not in digests]
            if new:
                connection.execute(insert(table), new)
