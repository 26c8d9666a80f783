"""The seam between the store and the two databases it runs on.

It owns what the store asks of a database, which one a URL means, and nothing of what a trace is.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import (
    Connection,
    Engine,
    Table,
    make_url,
)
from sqlalchemy.exc import ArgumentError

from metrics.postgres_database import PostgresDatabase
from metrics.sqlite_database import SqliteDatabase
from pipeline.errors import ConfigError


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

    def check_revision(self) -> None:
        """Raise Outgrown where another version of Raglass has migrated the store. `writing` and soon reading look by themselves."""

    def stored_bytes(self) -> int:
        """What the store takes on disk."""

    def checkpoint(self) -> None:
        """Move what was written to where it is kept, while others write on."""

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
