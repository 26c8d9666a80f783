"""Replies over HTTP that end in time and in size, whichever client of `http.client` reads them. Standard library only.

Such a client has a time-out for each read: a server that sends a byte now and then, of its head or its body, would hold a question
for ever.
"""

import io
import socket
import time
from collections.abc import Mapping
from http.client import HTTPResponse
from typing import Any, cast


class ReplyTooLong(OSError):
    """A reply of more bytes than may come. Clients wrap it: see `is_too_long`."""


def keep_bounds(pools: Any, max_bytes: int) -> None:
    """Let every reply of a urllib3 `PoolManager` end within its request's read time-out and `max_bytes`, head and body together.

    What is late raises as that time-out does; what is too long as a broken connection, of which `is_too_long` tells.
    """
    known: Mapping[str, Any] = pools.pool_classes_by_scheme
    pools.pool_classes_by_scheme = {scheme: _bounded(pool, max_bytes) for scheme, pool in known.items()}


def is_too_long(error: BaseException | None) -> bool:
    """Whether an error, or one that led to it, is that of a reply that was too long."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ReplyTooLong) or any(isinstance(each, ReplyTooLong) for each in error.args):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def _bounded(pool: Any, max_bytes: int) -> Any:
    connection = pool.ConnectionCls
    bounded = type(connection.__name__, (_BoundedConnection, connection), {"max_bytes": max_bytes})
    return type(pool.__name__, (pool,), {"ConnectionCls": bounded})


class _BoundedConnection:
    """What is laid over a connection of urllib3, which by the time of `getresponse` has the read time-out in `timeout`."""

    max_bytes: int
    timeout: float | None
    response_class: Any

    def getresponse(self) -> Any:
        ends_s = None if self.timeout is None else time.monotonic() + self.timeout
        max_bytes = self.max_bytes

        def reply(sock: socket.socket, *given: Any, **named: Any) -> HTTPResponse:
            made = HTTPResponse(sock, *given, **named)
            made.fp = io.BufferedReader(_BoundedStream(made.fp, sock, ends_s, max_bytes))
            return made

        self.response_class = reply
        return super().getresponse()  # type: ignore[misc]


class _BoundedStream(io.RawIOBase):
    """The bytes of one reply."""

    def __init__(self, inner: io.BufferedIOBase, sock: socket.socket, ends_s: float | None, most_bytes: int) -> None:
        self._inner, self._socket, self._ends_s, self._left_bytes = inner, sock, ends_s, most_bytes
        self._raw = cast(io.RawIOBase, cast(io.BufferedReader, inner).raw)

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._inner.fileno()

    def readinto(self, buffer: Any) -> int | None:
        if self._ends_s is not None:
            left_s = self._ends_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("timed out")
            self._socket.settimeout(left_s)
        size = self._raw.readinto(buffer)
        self._left_bytes -= size or 0
        if self._left_bytes < 0:
            raise ReplyTooLong("the reply is too long")
        return size

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()
