"""`VectorDatabase`: connections to the PostgreSQL that holds vectors, kept for the next question, opened anew where the server has gone."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from queue import Empty, Full, LifoQueue
from typing import Any, NoReturn, TypeVar

import psycopg
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from backends.local.pgvector.faults import explained, is_lost, too_late
from pipeline.errors import ConfigError
from pipeline.patience import ending

Connection = psycopg.Connection[Any]
Asked = TypeVar("Asked")
Result = TypeVar("Result")

MOST_IDLE = 8
"""Connections that are kept."""

CONNECT_S, SHORTEST_CONNECT_S = 5, 2
"""How long the server may take to accept a connection, in seconds: at most, and at least, since libpq takes no less."""

UNANSWERED_MS = 20_000
"""How long the network may carry nothing before a connection counts as broken, in ms."""


class _Patient(psycopg.Connection[Any]):
    """A connection that is given up once a question's time is over: the server's own time-out ends nothing where it has fallen silent."""

    ends_s: float | None = None
    """By the monotonic clock; None where nobody is in a hurry."""

    def wait(self, gen: Generator[Any, Any, Asked], *given: Any, **named: Any) -> Asked:
        """Wait for what the server is asked. Raises psycopg.OperationalError once the time is up; the connection is closed then."""
        return super().wait(gen if self.ends_s is None else ending(gen, self.ends_s, self._give_up), *given, **named)

    def _give_up(self) -> NoReturn:
        self.pgconn.finish()
        raise psycopg.OperationalError("the server does not answer")


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
            "tcp_user_timeout": UNANSWERED_MS,
            "application_name": "raglass",
        }
        self._idle: LifoQueue[_Patient] = LifoQueue(MOST_IDLE)

    def __repr__(self) -> str:
        return f"VectorDatabase({self.location!r})"

    def ask(self, work: Callable[[Connection], Result], within_s: float | None = None) -> Result:
        """What `work` finds, in the retrieve stage. It is done once more where a connection that was kept turns out to be broken.

        within_s: how long it may take, whatever the server or the network does. Raises BackendError.
        """
        ends_s = None if within_s is None else time.monotonic() + within_s
        with explained(self.location, "retrieve"):
            kept = self._kept()
            if kept is not None:
                try:
                    return self._used(kept, work, ends_s)
                except psycopg.Error as error:
                    if not is_lost(error):
                        raise
                    # The server was restarted since: the others are broken, too.
                    self.close()
                    self._check(ends_s)
            try:
                return self._used(self._open(ends_s), work, ends_s)
            except psycopg.Error as error:
                if is_lost(error):
                    self._check(ends_s)
                raise

    def _check(self, ends_s: float | None) -> None:
        """Raise Timeout once the time is over."""
        if ends_s is not None and time.monotonic() >= ends_s:
            raise too_late(self.location, "retrieve")

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

    def _open(self, ends_s: float | None = None) -> _Patient:
        left_s = CONNECT_S if ends_s is None else max(SHORTEST_CONNECT_S, round(ends_s - time.monotonic()))
        return _Patient.connect(**{**self._arguments, "connect_timeout": min(CONNECT_S, left_s)}, autocommit=True)

    def _kept(self) -> _Patient | None:
        try:
            return self._idle.get_nowait()
        except Empty:
            return None

    def _used(self, connection: _Patient, work: Callable[[Connection], Result], ends_s: float | None) -> Result:
        connection.ends_s = ends_s
        try:
            found = work(connection)
            connection.ends_s = None
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
