"""Backups: a whole trace store in one file, taken while it is written to, in one form for every database.

The file is a SQLite database with the tables of a store, as the migrations make them, and the table MANIFEST. What it holds is checked
against what was read before it gets its name. `metrics.restoring` reads it.
"""

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, func, select
from sqlalchemy.pool import NullPool

from metrics.database import Database
from metrics.migration import HEAD, migrate
from metrics.tables import metadata
from pipeline.errors import InputError, StoreError

FORMAT = 1
"""The form of the file. A later one is refused."""

MANIFEST = "raglass_backup"
"""The table that says what the file is: one row with JSON."""

ROWS = 1_000
"""Rows read and written at a time."""

STALE_S = 3600.0
"""Age at which a file that an interrupted backup left is removed by the next one."""

DIGITS = 2**256
"""Checksums are sums of SHA-256 over rows, modulo this: whatever the order of the rows."""

Progress = Callable[[int, int], object]
"""Called with rows done, and of how many, of all tables."""


class Stopped(Exception):
    """Stopped from outside; nothing is left of what was begun."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    format: int
    """FORMAT."""
    revision: str
    """The schema of its tables."""
    made_at: float
    """When its snapshot was taken, in seconds since the epoch."""
    made_of: str
    """`sqlite` or `postgresql`."""
    raglass: str
    """The version that made it."""
    counts: dict[str, int]
    """Rows by table."""
    checksum: str
    """Sum over all rows of all tables, in hexadecimal digits."""


def write_backup(
    database: Database, file: Path, version: str, on_progress: Progress, stopping: Callable[[], bool], *, force: bool
) -> Manifest:
    """Write all that a store holds to a file, as it is at one moment.

    force: in place of a file that is there. Raises InputError for a file that is there or cannot be, StoreError where it cannot be written,
    Stopped. Unless it succeeds, what was there stays as it was.
    """
    _check_place(file, force)
    partial = file.with_name(f"{file.name}.{os.getpid()}-{time.time_ns()}.partial")
    try:
        with _readable_faults(file):
            manifest = _write(database, partial, version, on_progress, stopping)
            _sync(partial)
            if file.exists() and not force:
                raise InputError(f"{file} was made by somebody else meanwhile. Give another name.")
            os.replace(partial, file)
            _sync(file.parent)
    finally:
        for rest in (partial, Path(f"{partial}-journal")):
            with suppress(OSError):
                rest.unlink()
    return manifest


def _check_place(file: Path, force: bool) -> None:
    if file.is_dir():
        raise InputError(f"{file} is a folder. Give the name of a file in it.")
    if file.exists() and not force:
        raise InputError(f"{file} is there already. Give another name, or --force.")
    if not file.parent.is_dir():
        raise InputError(f"There is no folder {file.parent}. Make it first, or give another name.")
    for left in file.parent.glob(f"{_escape(file.name)}.*.partial"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_S:
                left.unlink()


def _escape(name: str) -> str:
    return "".join(f"[{each}]" if each in "*?[" else each for each in name)


@contextmanager
def _readable_faults(file: Path) -> Iterator[None]:
    """Faults of the file as StoreErrors; those of the store come as such already."""
    try:
        yield
    except sqlite3.Error as error:
        full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
        why = "the disk is full" if full else f"{getattr(error, 'sqlite_errorname', type(error).__name__)}"
        raise StoreError(
            f"The backup {file} could not be written: {why}. Make room, or choose another disk; the store is unchanged."
        ) from error
    except OSError as error:
        raise StoreError(
            f"The backup {file} could not be written ({error.strerror}). Choose another place; the store is unchanged."
        ) from error


def _write(
    database: Database, partial: Path, version: str, on_progress: Progress, stopping: Callable[[], bool]
) -> Manifest:
    os.close(
        os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    )  # for its owner alone: it holds what people asked
    make_tables(partial)
    with closing(sqlite3.connect(partial, isolation_level=None)) as driver:
        driver.execute("PRAGMA journal_mode = OFF")
        driver.execute("PRAGMA synchronous = OFF")
        driver.execute("PRAGMA locking_mode = EXCLUSIVE")
        made_at = time.time()
        with database.engine.connect() as connection:
            counts, checksum = _copy(connection, driver, on_progress, stopping)
        manifest = Manifest(FORMAT, HEAD, made_at, database.engine.dialect.name, version, counts, checksum)
        driver.execute(f"CREATE TABLE {MANIFEST} (about TEXT NOT NULL)")
        driver.execute(f"INSERT INTO {MANIFEST} VALUES (?)", (json.dumps(asdict(manifest)),))
        verify(driver, manifest, lambda *_: _stop(stopping))
    return manifest


def make_tables(file: Path) -> None:
    """Make the tables of a store, without rows, in a SQLite file."""
    engine = create_engine(f"sqlite:///{_quoted(file)}", poolclass=NullPool)
    event.listen(engine, "connect", lambda driver, _: setattr(driver, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as connection:
        migrate(connection, location=str(file))
        for table in metadata.sorted_tables:
            connection.execute(table.delete())


def _quoted(file: Path) -> str:
    return str(file.absolute()).replace("%", "%25").replace("?", "%3F").replace("#", "%23")


def _copy(
    connection: Connection, driver: sqlite3.Connection, on_progress: Progress, stopping: Callable[[], bool]
) -> tuple[dict[str, int], str]:
    """Copy every table's rows in the one transaction of `connection`. Returns how many, by table, and their checksum."""
    total = sum(connection.scalar(select(func.count()).select_from(table)) or 0 for table in metadata.sorted_tables)
    counts: dict[str, int] = {}
    checksum = done = 0
    driver.execute("BEGIN")
    for table in metadata.sorted_tables:
        names = sorted(column.name for column in table.columns)
        adding = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        counts[table.name] = 0
        reading = select(*(table.c[name] for name in names)).execution_options(stream_results=True, yield_per=ROWS)
        with connection.execute(reading) as result:
            for rows in result.partitions():
                _stop(stopping)
                values = [tuple(row) for row in rows]
                driver.executemany(adding, values)
                checksum += sum_rows(table.name, values)
                counts[table.name] += len(values)
                done += len(values)
                on_progress(done, total)
    driver.execute("COMMIT")
    return counts, f"{checksum % DIGITS:064x}"


def _stop(stopping: Callable[[], bool]) -> None:
    if stopping():
        raise Stopped


def sum_rows(table: str, rows: Iterable[Sequence[Any]]) -> int:
    """The checksum of some rows of a table, whose columns are in the order of their names; sums of parts add up to that of the whole."""
    total = 0
    for row in rows:
        digest = hashlib.sha256(table.encode())
        for value in row:
            raw = value if isinstance(value, bytes) else repr(value).encode("utf-8", "surrogatepass")
            digest.update(f"{type(value).__name__} {len(raw)} ".encode())
            digest.update(raw)
        total += int.from_bytes(digest.digest(), "big")
    return total


def verify(driver: sqlite3.Connection, manifest: Manifest, on_progress: Progress) -> None:
    """Raise StoreError unless the file holds what its manifest says, bit for bit."""
    problem = driver.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if problem != "ok":
        raise StoreError("The file is damaged: SQLite's own check of it failed. Take another backup.")
    checksum = done = 0
    total = sum(manifest.counts.values())
    for table, count in manifest.counts.items():
        names = sorted(name for _, name, *_ in driver.execute("SELECT * FROM pragma_table_info(?)", (table,)))
        found = 0
        cursor = driver.execute(f"SELECT {', '.join(names)} FROM {table}") if names else None
        while cursor is not None and (rows := cursor.fetchmany(ROWS)):
            checksum += sum_rows(table, rows)
            found += len(rows)
            done += len(rows)
            on_progress(done, total)
        if found != count:
            raise StoreError(
                f"The file is damaged: of {count:,} rows of {table} it holds {found:,}. Take another backup."
            )
    if f"{checksum % DIGITS:064x}" != manifest.checksum:
        raise StoreError(
            "The file is damaged: its rows are not those that were written (checksum). Take another backup."
        )


def _sync(path: Path) -> None:
    """See a file, or a folder's entries, onto the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
