"""`Entrance`: what every request passes before Streamlit or a route of ours sees it, and every response on its way out."""

import logging
from collections.abc import Callable
from pathlib import Path

from starlette.datastructures import Headers as ReadHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.config import Settings
from app.ingesting.precedence import expect_page
from app.server.bodies import Bodies, Refused, UploadLimits
from app.server.headers import Headers, check_ancestors, headers_of, inline_scripts, with_headers
from app.server.hosts import Refusal, known_hosts

log = logging.getLogger(__name__)

SESSION_SHARE = 0.25
"""The share of all that is held which one tab may have."""


class Entrance:
    """Wraps an ASGI application."""

    def __init__(self, app: ASGIApp, settings: Callable[[], Settings], bodies: Bodies, page: Path) -> None:
        """page: Streamlit's own, in which a script stands."""
        self._app, self._settings, self._bodies, self._page = app, settings, bodies, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Turn a request away, or let it in under watch."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        settings = self._settings()
        refusal = known_hosts(settings.host, settings.allowed_hosts).refuse(scope["path"], scope["headers"])
        ours = self._headers(scope, settings, known=refusal is None)

        async def send_ours(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                message = {**message, "headers": with_headers(message.get("headers", ()), ours)}
            await send(message)

        if refusal is not None:
            log.info("refused %s %s: %s", scope["type"], scope["path"][:200], refusal.message)
            await _refuse(scope, send_ours, refusal)
        elif scope["type"] == "websocket":
            await self._app(scope, _expecting(receive), send_ours)
        else:
            await self._watched(scope, receive, send_ours, limits_of(settings))

    def _headers(self, scope: Scope, settings: Settings, *, known: bool) -> Headers:
        host = ReadHeaders(scope=scope).get("host", "").strip().lower() if known else ""
        # A program that sends traces may call by any name; what it is answered is no page.
        host = host if host.isascii() and not set(host) & set(" ;,'\"") else ""
        return headers_of(scope["path"], host, check_ancestors(settings.frame_ancestors), inline_scripts(self._page))

    async def _watched(self, scope: Scope, receive: Receive, send: Send, limits: UploadLimits) -> None:
        body = self._bodies.watch(scope, receive, limits)
        started = False

        async def send_unless_refused(message: Message) -> None:
            nonlocal started
            if body.refused is None:
                started = True
                await send(message)

        try:
            try:
                body.check_head(ReadHeaders(scope=scope).get("content-length", ""))
                await self._app(scope, body.receive, send_unless_refused)
            except Refused as error:
                body.refused = error
            except Exception:
                # Whatever ended the handling, it was for want of the rest of a body that was refused.
                if body.refused is None:
                    raise
            if body.refused is not None and not started:
                await _refuse(scope, send, Refusal(body.refused.status, body.refused.message))
        finally:
            body.end()


def _expecting(receive: Receive) -> Receive:
    """Receives a tab's messages. Each may ask for a page, which what is sent gives way to."""

    async def receive_message() -> Message:
        message = await receive()
        expect_page()
        return message

    return receive_message


def limits_of(settings: Settings) -> UploadLimits:
    """How much is held of uploads."""
    whole = settings.max_uploads_mb * 1_000_000
    return UploadLimits(settings.max_file_mb * 1_000_000, int(SESSION_SHARE * whole), whole)


async def _refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Answer with a sentence, and read no more. A WebSocket is not opened."""
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    body = f"{refusal.message}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": f"{kind}.start", "status": refusal.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
