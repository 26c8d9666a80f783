"""`DocumentLibrary`: the users' documents, in one SQLite file. It knows nothing of chunks and indexes.

Every call opens its own connection, so threads and processes may share a library freely. A write has reached the disk
when the call returns (WAL with `synchronous=FULL`).
"""

import hashlib
import logging
import sqlite3
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from backends.local.disk import switch_to_wal
from backends.local.documents.types import Document
from pipeline.errors import StoreError

log = logging.getLogger(__name__)

LOCK_WAIT_S = 10.0
"""How long a writer waits for another one; a write takes milliseconds."""

SCHEMA_VERSION = 1
"""In the file's `user_version`."""

SCHEMA = """
    CREATE TABLE documents (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        document_id TEXT NOT NULL UNIQUE,
        source TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL,
        folded TEXT NOT NULL,
        chars INTEGER NOT NULL,
        added_at REAL NOT NULL,
        digest TEXT NOT NULL,
        text TEXT NOT NULL
    );
    CREATE INDEX documents_by_digest ON documents (digest);
"""
"""The text is last: SQLite then reads the other columns without it. `folded` is what a search looks in."""

Added = Literal["added", "unchanged", "replaced"]
"""What adding a document did."""


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """A document without its text, for lists."""

    document_id: str
    """The document's id."""
    title: str
    """Its title."""
    source: str
    """The file that it came from."""
    chars: int
    """Length of its text."""
    added_at: float
    """Seconds since the Unix epoch, UTC."""


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """Some of the documents that were searched for."""

    documents: tuple[DocumentSummary, ...]
    """The last added first."""
    total: int
    """How many documents match in all."""


class DocumentLibrary:
    """The users' documents. Every method raises StoreError, with advice, if the file cannot be read or written."""

    def __init__(self, path: Path) -> None:
        """Open the library at `path`; the file, and the folder it is in, are made when they are missing."""
        self.path = path
        with self._use() as connection:
            self._prepare(connection)
            # While one connection has read, closing another does not fold the write-ahead log back: adds are 4 x faster.
            keeper = self._connect()
            keeper.execute("SELECT count(*) FROM documents").fetchone()
        self._let_go = weakref.finalize(self, keeper.close)

    def close(self) -> None:
        """Let go of the file. The library can be used after that, but adds more slowly."""
        self._let_go()

    def add(self, document: Document) -> Added:
        """Keep a document; when this returns, a crash cannot lose it. A document of the same source is replaced."""
        digest = _digest(document)
        with self._write() as connection:
            same = connection.execute(
                "SELECT 1 FROM documents WHERE document_id = ? AND source = ? AND digest = ?",
                (document.document_id, document.source, digest),
            ).fetchone()
            if same:
                return "unchanged"
            removed = connection.execute(
                "DELETE FROM documents WHERE source = ? OR document_id = ?", (document.source, document.document_id)
            ).rowcount
            connection.execute(
                "INSERT INTO documents (document_id, source, title, folded, chars, added_at, digest, text) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    document.document_id,
                    document.source,
                    document.title,
                    f"{document.title}\n{document.source}".casefold(),
                    len(document.text),
                    time.time(),
                    digest,
                    document.text,
                ),
            )
        return "replaced" if removed else "added"

    def remove(self, document_id: str) -> bool:
        """Forget a document; False if there was none of that id."""
        with self._write() as connection:
            return connection.execute("DELETE FROM documents WHERE document_id = ?", (document_id,)).rowcount > 0

    def get(self, document_id: str) -> Document | None:
        """The document of that id, if there is one."""
        with self._use() as connection:
            row = connection.execute(
                "SELECT document_id, title, text, source FROM documents WHERE document_id = ?", (document_id,)
            ).fetchone()
        return Document(*row) if row else None

    def page(self, search: str | None = None, *, offset: int = 0, limit: int = 50) -> DocumentPage:
        """`limit` documents from `offset` on, the last added first.

        search: literal text, of any case, that the title or the source holds; blank or None for all.
        """
        folded = (search or "").encode("utf-8", "replace").decode().strip().casefold()
        with self._use() as connection, self._snapshot(connection):
            total = connection.execute(
                "SELECT count(*) FROM documents WHERE instr(folded, :folded) > 0 OR :folded = ''", {"folded": folded}
            ).fetchone()[0]
            rows = connection.execute(
                "SELECT document_id, title, source, chars, added_at FROM documents "
                "WHERE instr(folded, :folded) > 0 OR :folded = '' ORDER BY sequence DESC LIMIT :limit OFFSET :offset",
                {"folded": folded, "limit": limit, "offset": offset},
            ).fetchall()
        return DocumentPage(tuple(DocumentSummary(*row) for row in rows), total)

    def documents(self) -> Iterator[Document]:
        """All documents in the order in which they were added, as they stood when the first was asked for."""
        with self._use() as connection:
            for row in connection.execute("SELECT document_id, title, text, source FROM documents ORDER BY sequence"):
                yield Document(*row)

    def count(self) -> int:
        """How many documents there are."""
        with self._use() as connection:
            return int(connection.execute("SELECT count(*) FROM documents").fetchone()[0])

    def fingerprint(self) -> str:
        """A hash of the set of documents (ids, titles, texts), whatever the order in which they were added."""
        hasher = hashlib.sha256()
        with self._use() as connection:
            for (digest,) in connection.execute("SELECT digest FROM documents ORDER BY digest"):
                hasher.update(digest.encode())
        return hasher.hexdigest()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make the table in a new file. Refuses a file that holds something else, without changing it."""
        with self._snapshot(connection):  # or another process might make the table between the two
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version == SCHEMA_VERSION:
            return
        if version or tables:
            known = "made by a newer Raglass" if version > SCHEMA_VERSION else "not a library of documents"
            raise StoreError(
                f"{self.path} is {known} and was left as it is. "
                "Update Raglass, or choose another data directory (RAGLASS_DATA_DIR)."
            )
        switch_to_wal(connection, LOCK_WAIT_S)
        with self._snapshot(connection, "BEGIN IMMEDIATE"):
            if connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION:
                return
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._use() as connection, self._snapshot(connection, "BEGIN IMMEDIATE"):
            yield connection

    @contextmanager
    def _snapshot(self, connection: sqlite3.Connection, begin: str = "BEGIN") -> Iterator[None]:
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
    def _use(self) -> Iterator[sqlite3.Connection]:
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


def _digest(document: Document) -> str:
    return hashlib.sha256("\0".join((document.document_id, document.title, document.text)).encode()).hexdigest()


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
