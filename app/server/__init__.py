"""The dashboard as an ASGI application: Streamlit's own server plus `/readyz`, exports, and the way in for other applications' traces.

`/readyz` answers 200 once a question can be answered and stored, 503 with the reason until then. Streamlit's `/_stcore/health`
answers 200 whatever the application does, so it says that the process lives and nothing more.
"""

import asyncio
import logging
import sys
import threading
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.config import Settings
from app.ingesting.door import DROPPED_PATHS, METHODS, reached
from app.ingesting.guarding import Forbidden, KeyNeeded
from app.ingesting.words import TRACES_PATH
from app.permitting.roles import NotPermitted
from app.server.bodies import Bodies
from app.server.connections import HANG_UP_S, Crowd, be_patient
from app.server.entrance import Entrance
from app.server.headers import check_ancestors
from app.server.hosts import known_hosts
from app.server.login import SecureCookies, set_up_login
from app.server.memory import settle, share_heaps
from app.server.nowhere import Nowhere
from app.server.page import OwnPage
from app.server.presenting import Presenting
from app.server.tabs import freeing_tabs
from app.server.uploads import claims_of, held_uploads
from app.services import services
from app.shutdown import finishing_first
from app.traces.filters import TraceFilters
from metrics.export import to_csv, to_jsonl
from metrics.spreadsheet import MARK
from pipeline.errors import ConfigError, InputError, RaglassError

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent.parent

HOME = "overview"
"""The page that has the empty path."""

PAGE_NAMES = frozenset(path.stem for path in (ROOT / "pages").glob("*.py")) - {HOME}
"""Paths of the other pages, without the slash."""

EXPORTS = {"traces.csv": (to_csv, "text/csv"), "traces.jsonl": (to_jsonl, "application/x-ndjson")}
"""What can be exported: a writer and a media type by file name."""


def readyz(request: Request) -> JSONResponse:
    """Whether this process can answer a question and store its trace."""
    problems = services().check_ready()
    ready = not any(problems.values())
    parts = {part: problem or "ready" for part, problem in problems.items()}
    return JSONResponse({"ready": ready, "parts": parts}, status_code=200 if ready else 503)


def export_traces(request: Request) -> Response:
    """Every trace that the filters in the address match, streamed, so that its size does not matter.

    Whoever may not read is refused: beyond this machine it takes a key, or the pass in a link of a page that was opened.
    """
    if refusal := _refuse_reading(request):
        return refusal
    name = Path(request.url.path).name
    write, media_type = EXPORTS[name]
    address = {key: request.query_params.getlist(key) for key in request.query_params}
    try:
        query = TraceFilters.from_address(address).to_query()
        parts = write(services().store.export(query))
        # What keeps the store from being read is met here, while there still is a status to say it.
        first = next(parts, "")
    except RaglassError as error:
        return PlainTextResponse(str(error), status_code=400 if isinstance(error, InputError) else 503)
    return StreamingResponse(
        chain([MARK, first] if name.endswith(".csv") else [first], parts),
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _refuse_reading(request: Request) -> Response | None:
    """The reply to a request that may not read traces; None if it may."""
    guard = services().guard
    if guard.has_pass(request.url.path, request.scope["query_string"].decode("latin-1")):
        return None
    try:
        guard.check("read", request.headers, reached(request))
    except KeyNeeded as error:
        headers = {"WWW-Authenticate": "Bearer"}
        return PlainTextResponse(
            f"{error} A link of the Traces page is good for an hour: reload the page.", 401, headers
        )
    except RaglassError as error:
        return PlainTextResponse(str(error), 403 if isinstance(error, Forbidden) else 503)
    return None


async def receive(request: Request) -> Response:
    """Spans of another application (OTLP/HTTP)."""
    return await services().door.answer(request)


def warm_up() -> None:
    """Open the store and the default backend before the first question, then score quality, watch for alerts, and delete what is old.

    Problems are shown where they matter.
    """
    with suppress(RaglassError):
        services().check_ready()
    services().watch()
    settle()


@asynccontextmanager
async def lifespan(application: st.App) -> AsyncIterator[None]:
    """Warm up without holding up the first page; at the end see questions in flight through, then close everything."""
    _leave_path_alone()
    # Whole before pages run side by side: Plotly takes what another thread has imported by half, and fails.
    import_module("pandas")
    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    with finishing_first(_finishing(asyncio.get_running_loop())):
        async with freeing_tabs():
            yield
    services().close()


def _finishing(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Sees questions in flight through, and has what is still connected some seconds later broken off, which would hold up the end."""

    def finish() -> None:
        services().finish()
        loop.call_soon_threadsafe(loop.call_later, HANG_UP_S, app.crowd.hang_up)

    return finish


def _leave_path_alone() -> None:
    """Take the shell's folder off the path, where Streamlit puts it when the dashboard is started by `python -m`.

    Some of its modules bear a top-level folder's name.
    """
    shell = str(ROOT / "app" / "shell")
    sys.path[:] = [folder for folder in sys.path if folder != shell]


def show_failure(error: Exception) -> bool:
    """Say that a page failed, in our own words; the details are in the log."""
    st.error(
        f"This page failed with {type(error).__name__}. The details are in the log of the server. Nothing stored is lost: "
        "reload the page, or choose another in the menu.",
        icon=":material/error:",
    )
    log.error("a page failed", exc_info=error)
    return True


def _is_let_in(session: str) -> bool:
    """Whether the visitor of a tab may see its pages."""
    try:
        services().admission.admit(claims_of(session))
    except (NotPermitted, ConfigError):
        return False
    return True


class Dashboard(st.App):
    """Streamlit's application behind our entrance, which stands before whatever Streamlit answers itself, its errors included."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.crowd = Crowd(0)
        """Its connections, once it serves."""
        page = Path(st.__file__).parent / "static" / "index.html"
        pages = Nowhere(OwnPage(super().__call__, page, PAGE_NAMES), {*PAGE_NAMES, "readyz"}, HOME)
        inner = SecureCookies(Presenting(pages), lambda: services().settings.public_url.startswith("https:"))
        self._entrance = Entrance(inner, lambda: services().settings, Bodies(held_uploads, _is_let_in), page)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        await self._entrance(scope, receive, send)


def serve(settings: Settings) -> None:
    """Answer until told to stop. Raises ConfigError for settings of the entrance, or of a login, that cannot be."""
    known_hosts(settings.host, settings.allowed_hosts)
    check_ancestors(settings.frame_ancestors)
    set_up_login(settings)
    app.crowd = be_patient(settings.max_connections)
    share_heaps()
    app.run(config=streamlit_options(settings))


app = Dashboard(
    ROOT / "app" / "main.py",
    lifespan=lifespan,
    on_script_error=show_failure,
    routes=[
        Route("/readyz", readyz),
        *(Route(f"/export/{name}", export_traces) for name in EXPORTS),
        *(Route(path, receive, methods=METHODS) for path in (TRACES_PATH, *DROPPED_PATHS)),
    ],
)


def streamlit_options(settings: Settings) -> dict[str, Any]:
    """Streamlit's options from `.streamlit/config.toml`, whatever the working directory, with the address from the settings."""
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    return {
        **dict(_flatten(config)),
        "server.address": settings.host,
        "server.port": settings.port,
        "server.maxUploadSize": settings.max_file_mb,
    }


def _flatten(table: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in table.items():
        pairs.extend(_flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)])
    return pairs
