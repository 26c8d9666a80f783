"""Leads an address that is no page's to the Overview, which says so; Streamlit would answer with a dialog of its own."""

import re
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.kit.nowhere import MOST_CHARS, NOWHERE

NAME = re.compile(r"/([\w-]+)", re.ASCII)
"""A path that a page might have: files and what lies deeper is never one."""

STREAMLITS = frozenset({"oauth2callback", "healthz", "script-health-check", "_stcore", "static", "media", "component"})
"""First parts of Streamlit's own paths."""


class Nowhere:
    """Wraps an ASGI application."""

    def __init__(self, app: ASGIApp, known: Iterable[str], home: str) -> None:
        """known: the pages' paths and those of other routes, without the slash. home: a name of the Overview, which has the empty path."""
        self._app, self._known, self._home = app, STREAMLITS.union(known), home

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or lead a browser that opens no page to the Overview."""
        asked = self._unknown(scope) if scope["type"] == "http" and scope["method"] == "GET" else ""
        if not asked:
            await self._app(scope, receive, send)
            return
        location = b"./" if asked == self._home else f"./?{NOWHERE}={asked[:MOST_CHARS]}".encode()
        headers = [(b"location", location), (b"content-length", b"0"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _unknown(self, scope: Scope) -> str:
        """The name that a browser asks for as if it were a page's; empty where it is one, or nothing to be seen."""
        found = NAME.fullmatch(scope["path"])
        opens = "text/html" in Headers(scope=scope).get("accept", "")
        return found[1] if found is not None and opens and found[1] not in self._known else ""
