"""`PatientConnection`: psycopg's, with an end to waiting for a server that has stopped answering.

The server's own time-outs end a statement that takes long; they end nothing where the server, or the way to it, has fallen silent.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn, TypeVar

import psycopg

from pipeline.patience import ending

Result = TypeVar("Result")

SILENCE_S = 300.0
"""Longest wait for a statement, where nobody is in a hurry: a migration of a large store takes minutes."""

CONNECT_TIMEOUT_S = 5
"""How long a PostgreSQL server may take to accept a connection; of this at most what is left to whoever is in a hurry."""

SHORTEST_CONNECT_S = 2
"""libpq takes no shorter one."""

SILENT = "the server does not answer"

_ends_s: ContextVar[float | None] = ContextVar("ends_s", default=None)


@contextmanager
def hurrying(seconds: float) -> Iterator[None]:
    """Wait no longer than this, all in all, for what the server is asked while the block runs."""
    token = _ends_s.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_s.reset(token)


def connect_timeout_s() -> int:
    """How long a connection may take to be made from here. Raises psycopg.OperationalError where no time is left."""
    ends_s = _ends_s.get()
    if ends_s is None:
        return CONNECT_TIMEOUT_S
    if time.monotonic() > ends_s:
        raise psycopg.OperationalError(SILENT)
    return min(CONNECT_TIMEOUT_S, max(SHORTEST_CONNECT_S, round(ends_s - time.monotonic())))


class PatientConnection(psycopg.Connection[Any]):
    """A connection that is given up once the server has been silent for too long."""

    def wait(self, gen: Generator[Any, Any, Result], *given: Any, **named: Any) -> Result:
        """Wait for what the server is asked. Raises psycopg.OperationalError once the time is up; the connection is closed then."""
        ends_s = _ends_s.get()
        ends_s = time.monotonic() + SILENCE_S if ends_s is None else ends_s
        return super().wait(ending(gen, ends_s, self._give_up), *given, **named)

    def _give_up(self) -> NoReturn:
        self.pgconn.finish()
        raise psycopg.OperationalError(SILENT)
