"""The way in over HTTP: OTLP/HTTP 1.9 (opentelemetry-proto, docs/specification.md) on the dashboard's own port.

Owns status codes, headers and how long a body may take. Refuses to know spans (`receiving`) and keys (`guarding`).
"""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.ingesting.guarding import Forbidden, Guard, KeyNeeded
from app.ingesting.receiving import BUSY_S, STORE_S, Delayed, Parcel, Receiving, TooFast
from app.ingesting.words import TRACES_PATH
from metrics.otlp import decoding, replies
from metrics.otlp.decoding import JSON, TooLarge, Undecodable, Unsupported
from pipeline.errors import InputError, RaglassError, StoreError

log = logging.getLogger(__name__)

DROPPED_PATHS = ("/v1/metrics", "/v1/logs")
"""Signals that are taken and dropped, so that an exporter of everything has nothing to complain of."""

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
"""All are answered here: what is not would get the page of Streamlit, with status 200."""

BODY_S = 60.0
"""Seconds that a body may take to come."""

MAX_READING = 64
"""Bodies that may come at once; for one more, that which has been coming longest is given up."""

HELD = 8
"""How many times the largest body all bodies that are coming may take of memory."""


class TooSlow(InputError):
    """A body that took longer than BODY_S."""


LOG_S = 60.0
"""Between two lines of the log on requests that were refused alike."""

STATUSES: tuple[tuple[type[RaglassError], int], ...] = (
    (TooSlow, 408),
    (KeyNeeded, 401),
    (Forbidden, 403),
    (TooLarge, 413),
    (Unsupported, 415),
    (Undecodable, 400),
    (InputError, 400),
    (TooFast, 429),
    (Delayed, 503),
    (StoreError, 503),
    (RaglassError, 503),
)
"""HTTP's status for each error; the first that fits."""


class Door:
    """Answers senders. One event loop uses it."""

    def __init__(self, receiving: Receiving, guard: Guard) -> None:
        self._receiving, self._guard = receiving, guard
        self._told_at: dict[int, float] = {}
        self._held_bytes = 0
        self._coming: dict[asyncio.Timeout, None] = {}

    async def answer(self, request: Request) -> Response:
        """What a sender is answered; never raises."""
        sent = request.headers.get("content-type", "")
        encoding = replies.encoding_of(sent.lower()) if sent else JSON
        try:
            if request.method != "POST":
                message = "Send with POST what an OTLP exporter sends; traces that were stored are on the Traces page."
                return _reply(replies.failure(encoding, 405, message), encoding, 405, {"Allow": "POST"})
            decoding.media_type(sent)
            if request.url.path == TRACES_PATH:
                return _reply(await self._receive(request, encoding), encoding)
            await self._drop(request)
            return _reply(replies.success(encoding), encoding)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except RaglassError as error:
            return self._refuse(encoding, error)
        except Exception:  # a sender is owed an answer in its own encoding; the server's would be a page
            log.exception("a request of a sender of traces failed")
            return self._refuse(encoding, None)

    async def _receive(self, request: Request, encoding: str) -> bytes:
        """Store the spans of a request; the reply, once they are."""
        address = request.client.host if request.client else ""
        who = await self._check(request) or address
        self._receiving.allow(who)
        async with self._body(request) as body:
            parcel = Parcel(
                body=body,
                content_type=request.headers.get("content-type", ""),
                encoding=request.headers.get("content-encoding", ""),
                who=who,
                address=address,
            )
            decoded = await asyncio.wrap_future(self._receiving.submit(parcel))
        return replies.success(encoding, decoded.rejected, decoded.reasons)

    async def _drop(self, request: Request) -> None:
        """Take a body and forget it."""
        await self._check(request)
        size = 0

        def forget(chunk: bytes) -> None:
            nonlocal size
            size += len(chunk)
            if size > self._receiving.max_bytes:
                raise self._too_large()

        await self._read(request, forget)

    async def _check(self, request: Request) -> str:
        """The id of the key that the request shows. Looking it up may wait for a database, so it is done elsewhere than in the loop."""
        address = reached(request)
        headers = request.headers
        if not self._guard.needs_key(address):
            return self._guard.check("ingest", headers, address)
        return await asyncio.to_thread(self._guard.check, "ingest", headers, address)

    @asynccontextmanager
    async def _body(self, request: Request) -> AsyncIterator[bytes]:
        """The body of a request, which counts as memory held until the block is left."""
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length[:20]) > self._receiving.max_bytes:
            raise self._too_large()
        body = bytearray()
        try:
            await self._read(request, lambda chunk: self._hold(body, chunk))
            yield bytes(body)
        finally:
            self._held_bytes -= len(body)

    async def _read(self, request: Request, take: Callable[[bytes], None]) -> None:
        """Hand on a request's body as it comes. Raises TooSlow, Delayed where others need its place, and whatever `take` does."""
        if len(self._coming) >= MAX_READING:
            slowest = next(iter(self._coming))
            del self._coming[slowest]
            slowest.reschedule(asyncio.get_running_loop().time())
        limit = asyncio.timeout(BODY_S)
        try:
            async with limit:
                self._coming[limit] = None
                async for chunk in request.stream():
                    take(chunk)
        except TimeoutError:
            if limit not in self._coming:
                raise Delayed("Too many requests come in at once. Send this one again in a moment.", BUSY_S) from None
            raise TooSlow(f"The body did not come within {BODY_S:g} s. Nothing was stored; send it again.") from None
        finally:
            self._coming.pop(limit, None)

    def _hold(self, body: bytearray, chunk: bytes) -> None:
        if len(body) + len(chunk) > self._receiving.max_bytes:
            raise self._too_large()
        if self._held_bytes + len(chunk) > HELD * self._receiving.max_bytes:
            raise Delayed("Too much comes in at once. Send this again in a moment.", BUSY_S)
        body += chunk
        self._held_bytes += len(chunk)

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"The body has more than {self._receiving.max_bytes / 1e6:g} MB. Send fewer spans at a time, or raise RAGLASS_OTLP_MAX_MB."
        )

    def _tell(self, status: int, message: str) -> None:
        """Say in the log why senders are refused, each status once in LOG_S: their exporters seldom show what they were told."""
        now = time.monotonic()
        if now - self._told_at.get(status, -math.inf) >= LOG_S:
            self._told_at[status] = now
            log.warning("senders of traces are refused (HTTP %d): %s", status, message)

    def _refuse(self, encoding: str, error: RaglassError | None) -> Response:
        """The reply to a request of which nothing was stored. error: None for one that nobody foresaw."""
        self._receiving.count_refused()
        status, message, headers = (
            500,
            "This request could not be handled. The details are in the log of the server.",
            {},
        )
        if error is not None:
            status = next(code for kind, code in STATUSES if isinstance(error, kind))
            message = str(error)
        self._tell(status, message)
        if status in (429, 503):
            wait_s = error.wait_s if isinstance(error, Delayed) else STORE_S
            headers = {"Retry-After": str(math.ceil(wait_s))}
        elif status == 401:
            headers = {"WWW-Authenticate": "Bearer"}
        elif isinstance(error, Unsupported):
            headers = {"Accept-Encoding": ", ".join(decoding.ENCODINGS)}
        return _reply(replies.failure(encoding, status, message), encoding, status, headers)


def reached(request: Request) -> str | None:
    """The address of this machine that a request came to; None if the server does not tell."""
    server = request.scope.get("server")
    return None if server is None or server[1] is None else str(server[0])


def _reply(body: bytes, encoding: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, headers, media_type=encoding)
