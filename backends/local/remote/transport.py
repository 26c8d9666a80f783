"""HTTP below the `openai` package: one host, no proxies, no redirects, and replies that end in size and in time."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx

CONNECT_S = 5.0
"""Longest wait for a connection."""

MAX_REPLY_BYTES = 32_000_000
"""A longer reply is cut off: 128 embeddings of 3,072 numbers as text take some 8 MB, an answer far less."""


class ReplyTooLong(httpx.TransportError):
    """The reply has more than MAX_REPLY_BYTES."""


class BoundedTransport(httpx.BaseTransport):
    """Sends requests whose replies, bodies included, must end within the request's read time-out."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. httpx by itself takes the time-out for each piece of a reply anew."""
        seconds = request.extensions["timeout"]["read"]
        ends = time.monotonic() + seconds
        response = self._inner.handle_request(request)
        assert isinstance(response.stream, httpx.SyncByteStream)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=BoundedStream(response.stream, ends, response.extensions.get("network_stream"), request),
            extensions=response.extensions,
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._inner.close()


class BoundedStream(httpx.SyncByteStream):
    """A reply's body. When its time is up, the socket is shut, which wakes whoever waits for the next piece."""

    def __init__(self, inner: httpx.SyncByteStream, ends: float, network: Any, request: httpx.Request) -> None:
        """ends: of `time.monotonic`. network: httpcore's stream below the body, if there is one."""
        self._inner, self._ends, self._network, self._request = inner, ends, network, request
        self._timer = threading.Timer(max(0.0, ends - time.monotonic()), self._shut)
        self._timer.daemon = True
        self._timer.start()

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        try:
            for piece in self._inner:
                size += len(piece)
                if size > MAX_REPLY_BYTES:
                    raise ReplyTooLong(f"more than {MAX_REPLY_BYTES} bytes", request=self._request)
                yield piece
        except ReplyTooLong:
            raise
        except httpx.TransportError as error:
            if time.monotonic() >= self._ends:
                raise httpx.ReadTimeout("the reply did not end in time", request=self._request) from error
            raise

    def close(self) -> None:
        self._timer.cancel()
        self._inner.close()

    def _shut(self) -> None:
        found = self._network.get_extra_info("socket") if self._network is not None else None
        if isinstance(found, socket.socket):
            try:
                found.shutdown(socket.SHUT_RDWR)
            except OSError:
                return


def open_http() -> httpx.Client:
    """A client that heeds no proxy or `.netrc` of the environment and follows no redirect."""
    return httpx.Client(
        transport=BoundedTransport(httpx.HTTPTransport(trust_env=False)), trust_env=False, follow_redirects=False
    )
