"""`LibraryFile`: the SQLite file of the users' documents: opening, schema, transactions, and what its errors mean.

Every call opens its own connection, so threads and processes may share a library freely. A write has reached the disk
when the call returns (WAL with `synchronous=FULL`).
"""

import logging
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backends.local.disk import switch_to_wal
from pipeline.errors import StoreError

log = logging.getLogger(__name__)

LOCK_WAIT_S = 10.0
"""How long a writer waits for another one; a write takes milliseconds."""

SCHEMA_VERSION = 2
"""In the file's `user_version`."""

DOCUMENTS = """
    CREATE TABLE documents (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        document_id TEXT NOT NULL UNIQUE,
        source TEXT NOT NULL UNIQUE,
        file TEXT NOT NULL,
        title TEXT NOT NULL,
        folded TEXT NOT NULL,
        chars INTEGER NOT NULL,
        added_at REAL NOT NULL,
        digest TEXT NOT NULL,
        doubts TEXT NOT NULL DEFAULT '',
        text TEXT NOT NULL,
        parts TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX documents_by_digest ON documents (digest);
    CREATE INDEX documents_by_file ON documents (file);
"""
"""The text and its parts are last: SQLite then reads the other columns without them. `folded` is what a search looks in."""

FILES = """
    CREATE TABLE sources (
        root TEXT PRIMARY KEY,
        included TEXT NOT NULL,
        excluded TEXT NOT NULL,
        device INTEGER,
        read_at REAL
    );
    CREATE TABLE files (
        path TEXT PRIMARY KEY,
        root TEXT,
        size INTEGER,
        modified_ns INTEGER,
        content TEXT,
        reader TEXT NOT NULL DEFAULT '',
        read_at REAL NOT NULL,
        problem TEXT,
        removed INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX files_by_root ON files (root);
    CREATE TABLE uploads (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        path TEXT NOT NULL,
        size INTEGER NOT NULL,
        digest TEXT NOT NULL,
        sent_at REAL NOT NULL,
        content BLOB NOT NULL
    );
    CREATE TABLE measures (name TEXT PRIMARY KEY, value REAL NOT NULL);
"""
"""`files.root` is NULL for what was uploaded; such a file's path is its name. `uploads` holds what was sent and is not read yet."""

FROM_1 = f"""
    DROP INDEX documents_by_digest;
    ALTER TABLE documents RENAME TO documents_1;
    {DOCUMENTS}
    INSERT INTO documents (sequence, document_id, source, file, title, folded, chars, added_at, digest, text)
        SELECT sequence, document_id, source, source, title, folded, chars, added_at, digest, text FROM documents_1;
    DROP TABLE documents_1;
    {FILES}
    INSERT INTO files (path, read_at) SELECT source, added_at FROM documents
"""
"""From version 1, which knew a document by its source alone. Its files are read again when their source is next followed."""


class LibraryFile:
    """One SQLite file. Every method raises StoreError, with advice, if the file cannot be read or written."""

    def __init__(self, path: Path) -> None:
        """Open the file at `path`; it, and the folder it is in, are made when they are missing, an older one is brought up to date."""
        self.path = path
        with self.reading() as connection:
            self._prepare(connection)
            # While one connection has read, closing another does not fold the write-ahead log back: adds are 4 x faster.
            keeper = self._connect()
            keeper.execute("SELECT count(*) FROM documents").fetchone()
        self._let_go = weakref.finalize(self, keeper.close)

    def close(self) -> None:
        """Let go of the file. The library can be used after that, but adds more slowly."""
        self._let_go()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction that is all or nothing."""
        with self.reading() as connection, self.snapshot(connection, "BEGIN IMMEDIATE"):
            yield connection

    @contextmanager
    def snapshot(self, connection: sqlite3.Connection, begin: str = "BEGIN") -> Iterator[None]:
        """One transaction: one view of the file for what is read, all or nothing for what is written."""
        connection.execute(begin)
        try:
            yield
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection of this call's own; what SQLite raises leaves as StoreError."""
        connection: sqlite3.Connection | None = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = self._connect()
            connection.execute("PRAGMA synchronous = FULL")
            yield connection
        except sqlite3.Error as error:
            log.info("the library of documents failed", exc_info=True)
            raise StoreError(_advice(self.path, error)) from error
        except OSError as error:
            raise StoreError(
                f"The folder {self.path.parent} cannot be made or read: {error.strerror}. "
                "Check its rights, or choose another data directory (RAGLASS_DATA_DIR)."
            ) from error
        finally:
            if connection is not None:
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make the tables in a new file, or bring an older one up to date. What holds something else is refused and not changed."""
        with self.snapshot(connection):  # or another process might make the tables between the two
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version == SCHEMA_VERSION:
            return
        if version != 1 and (version or tables):
            known = "made by a newer Raglass" if version > SCHEMA_VERSION else "not a library of documents"
            raise StoreError(
                f"{self.path} is {known} and was left as it is. "
                "Update Raglass, or choose another data directory (RAGLASS_DATA_DIR)."
            )
        switch_to_wal(connection, LOCK_WAIT_S)
        with self.snapshot(connection, "BEGIN IMMEDIATE"):
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == SCHEMA_VERSION:
                return
            for statement in (FROM_1 if version == 1 else DOCUMENTS + FILES).split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


ADVICE = {
    sqlite3.SQLITE_BUSY: "is in use by another program. Close other Raglass windows and try again",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full. Nothing was lost; free some space and add the document again",
    sqlite3.SQLITE_READONLY: "is read-only. Allow writing to it, or choose another data directory (RAGLASS_DATA_DIR)",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened. Check its rights, or choose another data directory (RAGLASS_DATA_DIR)",
    sqlite3.SQLITE_IOERR: "met a disk error. Check that the disk is there and has space, and try again",
    sqlite3.SQLITE_CORRUPT: "is damaged and was left as it is. Restore a backup, or move it away and add the files",
    sqlite3.SQLITE_NOTADB: "is no database and was left as it is. Restore a backup, or move it away and add the files",
}
"""What to do, by SQLite's primary result code (https://www.sqlite.org/rescode.html)."""


def _advice(path: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0)
    advice = ADVICE.get(code & 0xFF, "failed in an unforeseen way. The details are in the log; try again")
    return f"The library of documents, {path}, {advice} ({getattr(error, 'sqlite_errorname', type(error).__name__)})."
