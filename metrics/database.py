"""The seam between the store and the two databases it runs on.

It owns connections, locks and what the two spell differently. It refuses to know what a trace is.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    func,
    insert,
    literal_column,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import ArgumentError, OperationalError

from metrics import faults
from metrics.migration import HEAD, current_revision, migrate
from metrics.tables import metadata, outbox, pieces, traces
from pipeline.errors import ConfigError, StoreError
from pipeline.locks import held_alone

OLDEST_SQLITE = (3, 35)
"""The first with RETURNING; trigrams came one version earlier."""

MIGRATION_TIMEOUT_S = 60.0
"""How long an open waits for another process that is migrating."""

CONNECT_TIMEOUT_S = 5
"""How long a PostgreSQL server may take to accept a connection."""

RELEASED = 500
"""Pages of SQLite given back at a time: some 10 ms."""

LOG_BYTES = 64_000_000
"""Size that SQLite's write-ahead log is cut back to after it grew."""

ADVISORY_LOCK = 0x7261676C
"""PostgreSQL's lock number for folding and migrating: `ragl` in ASCII."""

TURN_LOCK = ADVISORY_LOCK + 1
"""Its lock number for deleting what is old."""


class Database(Protocol):
    """What the store needs of a database."""

    engine: Engine
    """Connections for reading."""
    location: str
    """Where it is, safe to show: never with a password."""
    busy_timeout_s: float
    """How long to wait for a lock."""

    def append(self, rows: Sequence[tuple[str, bytes]]) -> None:
        """Add traces (id, payload) to the outbox in a transaction of their own, but for those that are stored already."""

    def append_pieces(self, rows: Sequence[tuple[str, float, bytes]]) -> None:
        """Add spans (trace id, seconds since the epoch, payload) to the pieces in a transaction of their own."""

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction for everything but appending; one at a time, over all processes."""

    def stored_bytes(self) -> int:
        """What the store takes on disk."""

    def tidy(self) -> None:
        """Housekeeping that can wait until nothing else is to be done."""

    def release(self) -> int:
        """Give some of the space that deleting freed back to the disk; what is left, in pages. For a while as long as a `put` may wait."""

    def taking_turn(self) -> AbstractContextManager[bool]:
        """Whether this process alone may delete what is old while the block runs."""

    def close(self) -> None:
        """Close every connection."""


def open_database(url: str, busy_timeout_s: float) -> Database:
    """Open (making it if need be) and migrate the database behind `url`. Raises ConfigError or StoreError."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The parser's own error quotes the URL, password and all.
        raise ConfigError(
            "RAGLASS_DATABASE_URL is no database URL. Write sqlite:///path/to/file or postgresql+psycopg://user@host/name; "
            "escape special characters in the password (`@` as %40)."
        ) from None
    match parsed.get_backend_name():
        case "sqlite":
            return SqliteDatabase(parsed, busy_timeout_s)
        case "postgresql":
            return PostgresDatabase(parsed.set(drivername="postgresql+psycopg"), busy_timeout_s)
        case name:
            raise ConfigError(
                f"Traces cannot be kept in {name}. Set RAGLASS_DATABASE_URL to a sqlite or postgresql+psycopg URL."
            )


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]], columns: Sequence[str] = ()
) -> None:
    """Insert rows in bulk, at a fraction of what SQLAlchemy takes for each. columns: those given, in order; all by default."""
    if rows:
        names = columns or table.c.keys()
        marks = ", ".join(["?" if connection.dialect.name == "sqlite" else "%s"] * len(names))
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})", list(rows))


def _compile_append() -> str:
    """The one statement of `put` as SQLite takes it: (trace_id, payload, trace_id)."""
    # What another application sent of a trace of ours must not keep ours out.
    sent: ColumnElement[str] = literal_column("'application'")
    stored = select(traces.c.seq).where(traces.c.trace_id == text("?"), traces.c.origin != sent).exists()
    values = select(text("?"), text("?")).where(~stored)
    statement = insert(outbox).prefix_with("OR IGNORE").from_select(["trace_id", "payload"], values)
    return str(statement.compile(dialect=sqlite.dialect()))


class SqliteDatabase:
    """A file in WAL mode. All writing of this process goes through one connection and one lock.

    `synchronous=NORMAL`: what is committed survives the process, however it ends; a power cut may cost the last moments.
    """

    APPEND = _compile_append()
    APPEND_PIECE = "INSERT INTO pieces (trace_id, arrived_at, payload) VALUES (?, ?, ?)"

    def __init__(self, url: URL, busy_timeout_s: float) -> None:
        if not url.database or url.database == ":memory:":
            raise ConfigError("A trace store needs a file: it is shared between threads. Write sqlite:///path/to/file.")
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise StoreError(
                f"Traces need SQLite {'.'.join(map(str, OLDEST_SQLITE))} or newer; this Python has {sqlite3.sqlite_version}. "
                "Use another build of Python, or PostgreSQL (RAGLASS_DATABASE_URL)."
            )
        self.location = url.database
        self.busy_timeout_s = busy_timeout_s
        self._lock = Lock()
        self._closed = False
        self._make_folder()
        self.engine = create_engine(url, hide_parameters=True, connect_args={"timeout": busy_timeout_s})
        event.listen(self.engine, "connect", _prepare_sqlite)
        event.listen(self.engine, "begin", _begin_sqlite)
        with ExitStack() as undo:
            undo.callback(self.engine.dispose)
            with faults.explained(self.location, busy_timeout_s):
                self._writer = self.engine.connect().execution_options(immediate=True)
                undo.callback(self._writer.close)  # disposing closes only what is not in use
                self._driver: Any = self._writer.connection.dbapi_connection
                self._migrate()
            undo.pop_all()

    def _make_folder(self) -> None:
        folder = self._file().parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The trace store's folder {folder} cannot be made ({error.strerror}). Choose a folder that can be written "
                "(RAGLASS_DATA_DIR), or another database (RAGLASS_DATABASE_URL)."
            ) from error

    def _file(self) -> Path:
        return Path(self.location.removeprefix("file:").partition("?")[0])

    def _migrate(self) -> None:
        if self._read_revision() == HEAD:
            return
        self._execute_driver(f"PRAGMA busy_timeout = {int(MIGRATION_TIMEOUT_S * 1000)}")
        self._execute_driver("PRAGMA auto_vacuum = INCREMENTAL")
        self._switch_to_wal()
        with self.writing() as connection:
            migrate(connection, location=self.location)
        self._execute_driver(f"PRAGMA busy_timeout = {int(self.busy_timeout_s * 1000)}")

    def _read_revision(self) -> str | None:
        with self.engine.connect() as connection:
            return current_revision(connection)

    def _switch_to_wal(self) -> None:
        """SQLite gives up at once, whatever the busy timeout, when two processes switch at the same time."""
        end = time.monotonic() + MIGRATION_TIMEOUT_S
        while True:
            try:
                self._execute_driver("PRAGMA journal_mode = WAL")
                return
            except OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def _execute_driver(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[Any]:
        """Run SQL on the writing connection outside any transaction; the caller holds the lock, or is alone."""
        rows: list[Any] = self._driver.execute(sql, parameters).fetchall()
        return rows

    def append(self, rows: Sequence[tuple[str, bytes]]) -> None:
        """Add traces (id, payload) to the outbox in a transaction of their own, but for those that are stored already."""
        with self._lock:
            self._check_open()
            self._add(self.APPEND, [(trace_id, payload, trace_id) for trace_id, payload in rows])

    def append_pieces(self, rows: Sequence[tuple[str, float, bytes]]) -> None:
        """Add spans (trace id, seconds since the epoch, payload) to the pieces in a transaction of their own."""
        with self._lock:
            self._check_open()
            self._add(self.APPEND_PIECE, rows)

    def _add(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if len(rows) == 1:  # one statement is a transaction; saying so would take as long again
            self._execute_driver(statement, rows[0])
            return
        self._execute_driver("BEGIN IMMEDIATE")
        try:
            self._driver.executemany(statement, rows)
            self._execute_driver("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        """Undo, unless SQLite did so itself, as it does when the disk is full."""
        if self._driver.in_transaction:
            self._execute_driver("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds SQLite's one write lock."""
        with self._lock:
            self._check_open()
            with self._writer.begin():
                yield self._writer

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"The trace store {self.location} was closed. Open it again.")

    def stored_bytes(self) -> int:
        """Size of the file and of its write-ahead log."""
        files = [Path(self.location), Path(f"{self.location}-wal")]
        return sum(file.stat().st_size for file in files if file.exists())

    def tidy(self) -> None:
        """Move the log into the file, give freed pages back, and refresh what the query planner knows."""
        with self._lock:
            if not self._closed:
                self._release(4 * RELEASED)
                self._execute_driver("PRAGMA analysis_limit = 1000")
                self._execute_driver("PRAGMA optimize")
        with self.engine.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def release(self) -> int:
        """Give some free pages back to the disk; how many are left."""
        with self._lock:
            self._check_open()
            self._release(RELEASED)
            return int(self._execute_driver("PRAGMA freelist_count")[0][0])

    def _release(
        self, pages: int
    ) -> None:  # as a script: of a statement the driver takes one step, which gives back one page
        self._driver.executescript(f"PRAGMA incremental_vacuum({pages})")

    @contextmanager
    def taking_turn(self) -> Iterator[bool]:
        """Whether this process alone may delete what is old while the block runs."""
        with ExitStack() as held:
            try:
                held.enter_context(held_alone(Path(f"{self._file()}.forgetting"), BlockingIOError()))
                mine = True
            except BlockingIOError:
                mine = False
            yield mine

    def close(self) -> None:
        """Close every connection. SQLite merges its log into the file when the last process closes."""
        with self._lock:
            self._closed = True
            self._writer.close()
            self.engine.dispose()


def _prepare_sqlite(driver: Any, _record: object) -> None:
    # None: the driver begins no transaction of its own, so that `append` is one statement and DDL rolls back.
    driver.isolation_level = None
    try:
        driver.execute("PRAGMA synchronous = NORMAL")
        driver.execute("PRAGMA cache_size = -16000")
        driver.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
    except sqlite3.Error:
        driver.close()  # the pool does not, of what never came into it
        raise


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


_POSTGRES_APPEND = text(
    "INSERT INTO outbox (trace_id, payload) SELECT :trace_id, :payload "
    "WHERE NOT EXISTS (SELECT 1 FROM traces WHERE trace_id = :trace_id AND origin <> 'application') "
    "ON CONFLICT (trace_id) DO NOTHING"
)


class PostgresDatabase:
    """A server that several dashboards share. Appending takes no lock; folding takes one advisory lock."""

    def __init__(self, url: URL, busy_timeout_s: float) -> None:
        port = f":{url.port}" if url.port else ""
        self.location = f"postgresql://{url.host or 'localhost'}{port}/{url.database or ''}"
        self.busy_timeout_s = busy_timeout_s
        self._base = create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_S,
                "options": f"-c lock_timeout={int(busy_timeout_s * 1000)}",
            },
        )
        # A list and its counts, or all of an export, must be of one moment.
        self.engine: Engine = self._base.execution_options(isolation_level="REPEATABLE READ")
        self._appending = self._base.execution_options(isolation_level="AUTOCOMMIT")
        try:
            with faults.explained(self.location, busy_timeout_s):
                self._migrate()
        except BaseException:
            self.engine.dispose()
            raise

    def _migrate(self) -> None:
        with self.engine.connect() as connection:
            if current_revision(connection) == HEAD:
                return
        with self.writing(timeout_s=MIGRATION_TIMEOUT_S) as connection:
            migrate(connection, location=self.location)

    def append(self, rows: Sequence[tuple[str, bytes]]) -> None:
        """Add traces (id, payload) to the outbox in a transaction of their own, but for those that are stored already."""
        given = [{"trace_id": trace_id, "payload": payload} for trace_id, payload in rows]
        if not given:
            return
        with self._appending.connect() if len(given) == 1 else self._base.begin() as connection:
            connection.execute(_POSTGRES_APPEND, given)

    def append_pieces(self, rows: Sequence[tuple[str, float, bytes]]) -> None:
        """Add spans (trace id, seconds since the epoch, payload) to the pieces in a transaction of their own."""
        given = [{"trace_id": trace_id, "arrived_at": came, "payload": payload} for trace_id, came, payload in rows]
        with self._appending.connect() if len(given) == 1 else self._base.begin() as connection:
            connection.execute(insert(pieces), given)

    @contextmanager
    def writing(self, timeout_s: float | None = None) -> Iterator[Connection]:
        """A transaction that holds the store's advisory lock.

        READ COMMITTED, so that it sees what the holder before it committed meanwhile.
        """
        with self._base.begin() as connection:
            if timeout_s is not None:
                connection.execute(text(f"SET LOCAL lock_timeout = {int(timeout_s * 1000)}"))
            connection.execute(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))
            yield connection

    def stored_bytes(self) -> int:
        """Size of the store's tables with their indexes."""
        with self.engine.connect() as connection:
            sizes = [connection.scalar(select(func.pg_total_relation_size(name))) for name in metadata.tables]
        return sum(size or 0 for size in sizes)

    def tidy(self) -> None:
        """Nothing: the server has autovacuum."""

    def release(self) -> int:
        """Nothing: autovacuum makes the space of deleted rows free for others."""
        return 0

    @contextmanager
    def taking_turn(self) -> Iterator[bool]:
        """Whether this process alone may delete what is old while the block runs."""
        with self._appending.connect() as connection:
            mine = bool(connection.scalar(select(func.pg_try_advisory_lock(TURN_LOCK))))
            try:
                yield mine
            finally:
                if mine:
                    connection.execute(select(func.pg_advisory_unlock(TURN_LOCK)))

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
