"""Streamlit's page, with a line that says where the server is.

Without it the page looks below its own address first: for `/ask` it asks `/ask/_stcore/health`, which is not there, waits, and goes on to
the root. What is asked below a page cannot be answered by the root's: the page would take its own address for the root's.
"""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

SCRIPT = 'window.__streamlit = {BACKEND_BASE_URL: new URL("./", window.location.href).href}'
"""A page is one step below the root, whatever stands before the root behind a proxy (Streamlit 1.67 reads this of a host page)."""

HEAD = "<head>"


@cache
def page_text(page: Path) -> str:
    """The page with that line, before every other script, if it has a head; empty where it cannot be read."""
    try:
        before, head, after = page.read_text("utf-8").partition(HEAD)
    except OSError:
        return ""
    return f"{before}{head}<script>{SCRIPT}</script>{after}" if head else before


class OwnPage:
    """Wraps an ASGI application, which answers where there is no such page."""

    def __init__(self, app: ASGIApp, page: Path, names: Iterable[str]) -> None:
        """page: Streamlit's own. names: the paths of pages, without the slash."""
        self._app, self._page, self._paths = app, page, {"/", *(f"/{name}" for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a browser that opens a page."""
        asked = scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and scope["path"] in self._paths
        headers = Headers(scope=scope) if asked else Headers()
        text = page_text(self._page) if "text/html" in headers.get("accept", "") else ""
        if not text:
            await self._app(scope, receive, send)
            return
        mark = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
        known = headers.get("if-none-match", "") == mark
        told = {"cache-control": "no-cache", "etag": mark}
        answer = Response(status_code=304, headers=told) if known else Response(text, 200, told, "text/html")
        await answer(scope, receive, send)
