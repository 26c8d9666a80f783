"""HTTP below the `openai` package: one host, no proxies, no redirects, and replies that end in size and in time.

httpx by itself has a time-out for each read and each write: a server that sends a byte now and then, of its head or its body, would hold
a question for ever.
"""

import ssl
import time
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

CONNECT_S = 5.0
"""Longest wait for a connection."""

MAX_REPLY_BYTES = 32_000_000
"""A longer reply is cut off: 128 embeddings of 3,072 numbers as text take some 8 MB, an answer far less."""

WRITTEN_BYTES = 16_384
"""Sent at a time: of more, each part that a slow server takes would have its own time-out."""

KEPT = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=5.0)
"""Connections, and how many seconds they are kept open for the next request: what httpx does unless told otherwise."""

_ends_s: ContextVar[float] = ContextVar("ends_s")
"""When the request that is being sent must be answered, of `time.monotonic`."""


class ReplyTooLong(httpx.TransportError):
    """The reply has more than MAX_REPLY_BYTES."""


class BoundedTransport(httpx.HTTPTransport):
    """Connects, sends, and reads whole replies within the request's read time-out."""

    def __init__(self) -> None:
        """Heeds no proxy or certificate of the environment."""
        super().__init__(trust_env=False)
        # httpx has no other way to the sockets.
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=KEPT.max_connections,
            max_keepalive_connections=KEPT.max_keepalive_connections,
            keepalive_expiry=KEPT.keepalive_expiry,
            network_backend=BoundedNetwork(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and wait for its reply's head. Raises httpx.DecodingError for one that is compressed, who knows to how much."""
        request.headers["Accept-Encoding"] = "identity"
        token = _ends_s.set(time.monotonic() + request.extensions["timeout"]["read"])
        try:
            response = super().handle_request(request)
        finally:
            _ends_s.reset(token)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            response.close()
            raise httpx.DecodingError("compressed, which was not asked for", request=request)
        return response


class BoundedNetwork(httpcore.NetworkBackend):
    """Opens connections that are bounded."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> "BoundedStream":
        """A connection. Raises httpcore.ConnectTimeout once the time is up."""
        left_s = _left_s(_ends_s.get(), httpcore.ConnectTimeout)
        seconds = left_s if timeout is None else min(timeout, left_s)
        inner = httpcore.SyncBackend()
        return BoundedStream(inner.connect_tcp(host, port, seconds, local_address, socket_options))


class BoundedStream(httpcore.NetworkStream):
    """A connection. What it carries from the beginning of a request on must end with that request's time, and within MAX_REPLY_BYTES."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        self._ends_s, self._size = _ends_s.get(), 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What comes next. Raises httpcore.ReadTimeout once the time is up, ReplyTooLong for a reply that is."""
        part = self._inner.read(max_bytes, _left_s(self._ends_s, httpcore.ReadTimeout))
        self._size += len(part)
        if self._size > MAX_REPLY_BYTES:
            raise ReplyTooLong(f"more than {MAX_REPLY_BYTES} bytes")
        return part

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send a piece of a request. Raises httpcore.WriteTimeout once the time is up."""
        self._ends_s, self._size = _ends_s.get(), 0
        view = memoryview(buffer)
        for start in range(0, len(view), WRITTEN_BYTES):
            part = bytes(view[start : start + WRITTEN_BYTES])
            self._inner.write(part, _left_s(self._ends_s, httpcore.WriteTimeout))

    def close(self) -> None:
        """Hang up."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "BoundedStream":
        """The same connection, encrypted."""
        left_s = _left_s(self._ends_s, httpcore.ConnectTimeout)
        return BoundedStream(self._inner.start_tls(ssl_context, server_hostname, left_s))

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks of a connection."""
        return self._inner.get_extra_info(info)


def _left_s(ends_s: float, late: type[Exception]) -> float:
    """Seconds until then. Raises `late` once there are none."""
    left_s = ends_s - time.monotonic()
    if left_s <= 0:
        raise late("the time is up")
    return left_s


def open_http() -> httpx.Client:
    """A client that heeds no proxy or `.netrc` of the environment and follows no redirect."""
    return httpx.Client(transport=BoundedTransport(), trust_env=False, follow_redirects=False)
