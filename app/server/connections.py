"""`Connection`: uvicorn's, with an end to patience, and a cap on how many there are.

A request that does not come, or a reply that is not fetched, costs whoever is slow a connection and nobody else anything: where the cap
is met, the connection that has been unfinished longest gives way to the new one.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import h11
import uvicorn.config
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.server.headers import FIXED

log = logging.getLogger(__name__)

HANG_UP_S = 5.0
"""Seconds that connections have to end by themselves once the server is told to end."""

HEADERS_S = 10.0
"""Seconds from a connection's opening, or from its last reply, until all headers of the next request have come."""

LINGER_S = 1.0
"""Seconds that whoever was answered before the end of a body has to read the answer. No more of the body is read."""

STALL_S = 30.0
"""How often it is looked whether a reply is being fetched."""

SLOWEST_BYTES = 30_000
"""Of a reply that is being fetched, at least so much goes in STALL_S, or it is given up."""

SOCKETS_SHARE = 0.8
"""The share of connections that may be open pages (WebSockets); the rest are left to requests, health checks and senders of traces."""

PAGE_FILES = 3
"""Files that Streamlit has open for a page beside its connection: those of an event loop of its own."""

GONE_PAGES = 128
"""Pages that are closed and may come back, of which Streamlit keeps so many."""

FILES_LEFT = 256
"""Files that may be open beside connections and pages: databases, indexes, models."""


@dataclass
class Crowd:
    """All connections of a server."""

    most: int
    """How many there may be."""
    headers_s: float = HEADERS_S
    """As HEADERS_S."""
    stall_s: float = STALL_S
    """As STALL_S."""
    unfinished: "dict[Connection, None]" = field(default_factory=dict)
    """Those whose request has not come whole, or whose reply is not being fetched; the oldest first."""
    open: Collection[Any] = ()
    """The protocols of all that are open, pages' too, as uvicorn has them."""

    def hang_up(self) -> None:
        """Break off all that are open: at the end, where a browser that neither reads nor closes would hold it up. In the server's loop."""
        for each in list(self.open):
            if each.transport is not None:
                each.transport.abort()


class Connection(H11Protocol):
    """One connection, until it becomes a WebSocket."""

    def __init__(self, *args: Any, crowd: Crowd, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._crowd = crowd
        self._headers_due: asyncio.TimerHandle | None = None
        self._looked_at: asyncio.TimerHandle | None = None
        self._unsent_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place, another's if none is free."""
        super().connection_made(transport)
        self._crowd.open = self.connections
        if len(self.connections) > self._crowd.most:
            slowest = next(iter(self._crowd.unfinished), None)
            if slowest is None:
                log.warning(
                    "all %d connections are in use; another was refused (RAGLASS_MAX_CONNECTIONS)", self._crowd.most
                )
                self._answer_plainly(503, "All connections of this dashboard are in use. Try again in a moment.")
            else:
                slowest.abort()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._forget()
        super().connection_lost(exc)

    def abort(self) -> None:
        """End it at once, and let its place be another's."""
        self._forget()
        self.connections.discard(self)
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request; not for the rest of a body that the answer did without."""
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY and not self.transport.is_closing():
            self.flow.pause_reading()
        self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Become a WebSocket, if there are not too many."""
        sockets = sum(not isinstance(each, Connection) for each in self.connections)
        if sockets >= self._crowd.most * SOCKETS_SHARE:
            log.warning("%d pages are open; another was refused (RAGLASS_MAX_CONNECTIONS)", sockets)
            self._answer_plainly(503, "Too many pages of this dashboard are open. Close one, or try again in a moment.")
            return
        self._forget()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is answered with our headers too."""
        self._answer_plainly(400, msg)

    def pause_writing(self) -> None:
        """A reply waits to be fetched."""
        super().pause_writing()
        self._watch_sending()

    def resume_writing(self) -> None:
        """It was fetched."""
        super().resume_writing()
        self._look()

    def _look(self) -> None:
        """Note whether a request is still to come, and for how long it may be waited for."""
        if self.transport.get_protocol() is not self:
            return
        if self.transport.is_closing():
            self._watch_sending()
            return
        answering = self.cycle is not None and not self.cycle.response_complete
        if not answering and self._headers_due is None:
            rest = self.cycle is not None and self.conn.their_state is h11.SEND_BODY
            wait_s = min(LINGER_S, self._crowd.headers_s) if rest else self._crowd.headers_s
            self._headers_due = self.loop.call_later(wait_s, self._too_late)
        elif answering and self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None
        if not answering or self.conn.their_state is h11.SEND_BODY or self.flow.write_paused:
            self._crowd.unfinished.setdefault(self)
        else:
            self._crowd.unfinished.pop(self, None)

    def _too_late(self) -> None:
        """Nothing more is waited for. What was answered is still sent."""
        self._headers_due = None
        self.transport.close()
        self._watch_sending()

    def _watch_sending(self) -> None:
        """Look again later whether what waits to be fetched has become less."""
        self._crowd.unfinished.setdefault(self)
        if self._looked_at is None:
            self._unsent_bytes = self.transport.get_write_buffer_size()
            self._looked_at = self.loop.call_later(self._crowd.stall_s, self._look_at_sending)

    def _look_at_sending(self) -> None:
        self._looked_at = None
        left = self.transport.get_write_buffer_size()
        if left and left > self._unsent_bytes - SLOWEST_BYTES:
            self.abort()
        elif self.flow.write_paused or self.transport.is_closing():
            self._watch_sending()

    def _forget(self) -> None:
        self._crowd.unfinished.pop(self, None)
        for timer in (self._headers_due, self._looked_at):
            if timer is not None:
                timer.cancel()
        self._headers_due = self._looked_at = None

    def _answer_plainly(self, status: int, message: str) -> None:
        """A reply that no application made, and the end of the connection."""
        body = f"{message}\n".encode()
        reason = {400: "Bad Request", 503: "Service Unavailable"}[status]
        own = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"), *FIXED]
        lines = [f"HTTP/1.1 {status} {reason}".encode(), *(b"%s: %s" % each for each in own)]
        policy = b"content-security-policy: default-src 'none'; frame-ancestors 'none'"
        self.transport.write(b"\r\n".join([*lines, policy, b"content-length: %d" % len(body), b"", body]))
        self.transport.close()


def be_patient(most: int) -> Crowd:
    """Let uvicorn make connections of this kind from now on, so many at most. Returns what they have in common."""
    crowd = Crowd(_room_for(most))
    # Where uvicorn looks up what its "auto" means: Streamlit, which starts it, hands nothing else on.
    protocols: dict[str, Callable[..., asyncio.Protocol]] = uvicorn.config.HTTP_PROTOCOLS  # type: ignore[assignment]
    protocols["auto"] = partial(Connection, crowd=crowd)
    return crowd


def _room_for(most: int) -> int:
    """How many connections this process may have open, having been allowed as many files as it may be."""
    try:
        import resource
    except ImportError:  # not on Windows
        return most
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fixed = PAGE_FILES * GONE_PAGES + FILES_LEFT
    wanted = most + PAGE_FILES * math.ceil(most * SOCKETS_SHARE) + fixed
    if soft != resource.RLIM_INFINITY and soft < wanted:
        raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < wanted:
            return max(1, int((soft - fixed) / (1 + PAGE_FILES * SOCKETS_SHARE)))
    return most
