"""`VectorDatabase`: connections to the PostgreSQL that holds vectors, kept for the next question, opened anew where the server has gone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, Full, LifoQueue
from typing import Any, TypeVar

import psycopg
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from backends.local.pgvector.faults import explained, is_lost
from pipeline.errors import ConfigError

Connection = psycopg.Connection[Any]
Result = TypeVar("Result")

MOST_IDLE = 8
"""Connections that are kept."""

CONNECT_S = 5
"""How long the server may take to accept a connection, in seconds."""

UNANSWERED_MS = 20_000
"""How long the network may carry nothing before a connection counts as broken, in ms."""


class VectorDatabase:
    """One database. Threads may share it; every error is one that says what to do."""

    def __init__(self, url: str) -> None:
        """url: as RAGLASS_INDEX_URL. Nothing is opened yet. Raises ConfigError for a URL of something else."""
        parsed = parse_url(url)
        port = f":{parsed.port}" if parsed.port else ""
        self.location = f"postgresql://{parsed.host or 'localhost'}{port}/{parsed.database or ''}"
        """Where it is, without user and password."""
        self._arguments: dict[str, Any] = {
            **parsed.translate_connect_args(username="user", database="dbname"),
            **parsed.query,
            "connect_timeout": CONNECT_S,
            "tcp_user_timeout": UNANSWERED_MS,
            "application_name": "raglass",
        }
        self._idle: LifoQueue[Connection] = LifoQueue(MOST_IDLE)

    def __repr__(self) -> str:
        return f"VectorDatabase({self.location!r})"

    def ask(self, work: Callable[[Connection], Result]) -> Result:
        """What `work` finds, in the retrieve stage. It is done once more where a connection that was kept turns out to be broken.

        Raises BackendError.
        """
        with explained(self.location, "retrieve"):
            kept = self._kept()
            if kept is not None:
                try:
                    return self._used(kept, work)
                except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                    if not is_lost(error):
                        raise
                    # The server was restarted since: the others are broken, too.
                    self.close()
            return self._used(self._open(), work)

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """A connection of one's own, for a build. Raises BackendError."""
        with explained(self.location):
            connection = self._open()
            try:
                yield connection
            finally:
                connection.close()

    def close(self) -> None:
        """Close what is kept; the next question opens a connection again."""
        while (kept := self._kept()) is not None:
            kept.close()

    def __del__(self) -> None:
        """An open connection says so aloud when it is collected."""
        if hasattr(self, "_idle"):
            self.close()

    def _open(self) -> Connection:
        return psycopg.connect(**self._arguments, autocommit=True)

    def _kept(self) -> Connection | None:
        try:
            return self._idle.get_nowait()
        except Empty:
            return None

    def _used(self, connection: Connection, work: Callable[[Connection], Result]) -> Result:
        try:
            found = work(connection)
        except BaseException:
            connection.close()
            raise
        try:
            self._idle.put_nowait(connection)
        except Full:
            connection.close()
        return found


def parse_url(url: str) -> URL:
    """A database URL. Raises ConfigError, without quoting it, for one that is no PostgreSQL's."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.get_backend_name() != "postgresql":
        raise ConfigError(
            "RAGLASS_INDEX=pgvector needs a PostgreSQL, and neither RAGLASS_INDEX_URL nor RAGLASS_DATABASE_URL names one. Write "
            "postgresql+psycopg://user@host/name; escape special characters in the password (`@` as %40)."
        )
    return parsed
