"""`SqliteDatabase`: a store in one file, for one machine."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    create_engine,
    event,
    insert,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects import sqlite

from metrics import faults
from metrics.migration import (
    HEAD,
    IS_KNOWN,
    MIGRATION_TIMEOUT_S,
    READ_REVISION,
    check_revision,
    current_revision,
    migrate,
)
from metrics.tables import outbox, traces
from pipeline.errors import ConfigError, StoreError
from pipeline.locks import held_alone

OLDEST_SQLITE = (3, 35)
"""The first with RETURNING; trigrams came one version earlier."""

RELEASED = 500
"""Pages of SQLite given back at a time: some 10 ms."""

LOG_BYTES = 64_000_000
"""Size that SQLite's write-ahead log is cut back to after it grew."""

LOG_PAGES = 16_000
"""Pages (64 MB) of SQLite's log after which whoever writes moves them into the file and waits for the disk; `checkpoint` comes before."""


def _compile_append() -> str:
    """The one statement of `put` as SQLite takes it: (trace_id, payload, trace_id)."""
    # What another application sent of a trace of ours must not keep ours out.
    sent: ColumnElement[str] = literal_column("'application'")
    stored = select(traces.c.seq).where(traces.c.trace_id == text("?"), traces.c.origin != sent).exists()
    values = select(text("?"), text("?")).where(~stored, text(IS_KNOWN))
    statement = insert(outbox).prefix_with("OR IGNORE").from_select(["trace_id", "payload"], values)
    return str(statement.compile(dialect=sqlite.dialect()))


class SqliteDatabase:
    """A file in WAL mode. All writing of this process goes through one connection and one lock.

    `synchronous=NORMAL`: what is committed survives the process, however it ends; a power cut may cost the last moments.
    """

    APPEND = _compile_append()
    APPEND_PIECE = f"INSERT INTO pieces (trace_id, arrived_at, payload) SELECT ?, ?, ? WHERE {IS_KNOWN}"

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
        self._closed = self._migrated = False
        self._make_folder()
        self.engine = create_engine(url, hide_parameters=True, connect_args={"timeout": busy_timeout_s})
        event.listen(self.engine, "connect", _prepare_sqlite)
        event.listen(self.engine, "begin", self._begin)
        with ExitStack() as undo:
            undo.callback(self.engine.dispose)
            with faults.explained(self.location, busy_timeout_s):
                self._writer = self.engine.connect().execution_options(immediate=True)
                undo.callback(self._writer.close)  # disposing closes only what is not in use
                self._driver: Any = self._writer.connection.dbapi_connection
                self._migrate()
            self._migrated = True
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
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
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
            if not self._driver.execute(statement, rows[0]).rowcount:
                self._check_revision(self._driver)  # else it was stored already
            return
        self._execute_driver("BEGIN IMMEDIATE")
        try:
            self._check_revision(self._driver)
            self._driver.executemany(statement, rows)
            self._execute_driver("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _begin(self, connection: Connection) -> None:
        """Begin a transaction, which sees the schema that it can read, or nothing."""
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
        if self._migrated:
            driver: Any = connection.connection.dbapi_connection
            try:
                self._check_revision(driver)
            except BaseException:
                driver.rollback()
                raise

    def check_revision(self) -> None:
        """Raise Outgrown where another version of Raglass has migrated the store."""
        with self.engine.begin():
            return  # beginning looks

    def _check_revision(self, driver: Any) -> None:
        found = driver.execute(READ_REVISION).fetchone()
        check_revision(found and found[0], self.location)

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

    def checkpoint(self) -> None:
        """Move the log into the file: most of it while others write, then the rest, so that the log begins anew."""
        with self.engine.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        with self._lock:
            if not self._closed:
                self._execute_driver("PRAGMA wal_checkpoint(PASSIVE)")

    def tidy(self) -> None:
        """Give freed pages back, and refresh what the query planner knows."""
        with self._lock:
            if not self._closed:
                self._release(4 * RELEASED)
                self._execute_driver("PRAGMA analysis_limit = 1000")
                self._execute_driver("PRAGMA optimize")

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
        driver.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
    except sqlite3.Error:
        driver.close()  # the pool does not, of what never came into it
        raise
