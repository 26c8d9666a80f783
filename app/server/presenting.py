"""Keeps the presenter's view beyond one address: a page asked for with `?present=1` is answered with a cookie that says so."""

from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.kit.presenting import COOKIE, OFF, ON, PARAMETER

ATTRIBUTES = "Path=/; HttpOnly; SameSite=Lax"
"""Of the cookie, which ends with the browser: no script reads it, and it says nothing of anybody."""


class Presenting:
    """Wraps an ASGI application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through; add the cookie to the answer where the address asks for it."""
        cookie = _cookie(scope) if scope["type"] == "http" and scope["method"] == "GET" else b""
        if not cookie:
            await self._app(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"set-cookie", cookie)]}
            await send(message)

        await self._app(scope, receive, send_with_cookie)


def _cookie(scope: Scope) -> bytes:
    """The cookie that an address asks for; empty for none."""
    said = parse_qs(scope["query_string"].decode("latin-1")).get(PARAMETER, [""])[-1]
    if said == ON:
        return f"{COOKIE}={ON}; {ATTRIBUTES}".encode()
    return f"{COOKIE}=; Max-Age=0; {ATTRIBUTES}".encode() if said == OFF else b""
