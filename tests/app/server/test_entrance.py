"""What a request passes on its way in, and a response on its way out."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.config import Settings
from app.ingesting import precedence
from app.server import bodies
from app.server.bodies import Bodies
from app.server.entrance import Entrance
from app.server.headers import check_ancestors
from pipeline.errors import ConfigError

SETTINGS = replace(Settings(), max_file_mb=1, max_uploads_mb=12)
UPLOAD = "/_stcore/upload_file/a-session/a-file"


async def fail(_: Request) -> Response:
    raise ValueError


async def take(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def say(_: Request) -> Response:
    return PlainTextResponse("read", headers={"X-Frame-Options": "ALLOWALL"})


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("opened")
    await socket.close()


def entrance(
    tmp_path: Path, settings: Settings = SETTINGS, held: Mapping[str, int] | None = None, **more: Any
) -> Entrance:
    page = tmp_path / "index.html"
    page.write_text("<script>one()</script>", "utf-8")
    routes = [
        Route("/fails", fail),
        Route("/media/x", say),
        Route(UPLOAD, take, methods=["PUT"]),
        Route("/", say),
        WebSocketRoute("/_stcore/stream", talk),
    ]
    return Entrance(Starlette(routes=routes), lambda: settings, Bodies(lambda: held or {}, **more), page)


def client(made: Entrance) -> TestClient:
    return TestClient(made, base_url="http://localhost:8501", raise_server_exceptions=False)


@pytest.mark.parametrize("path", ["/", "/media/x", "/fails", "/nowhere", "/readyz"])
@pytest.mark.parametrize("host", ["localhost:8501", "evil.example"])
def test_every_response_has_the_headers_whatever_it_is(tmp_path: Path, path: str, host: str) -> None:
    headers = client(entrance(tmp_path)).get(path, headers={"Host": host}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers.get_list("x-frame-options") == ["DENY"]
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy


def test_page_runs_the_scripts_of_this_server_and_the_one_within_it_by_its_hash(tmp_path: Path) -> None:
    policy = client(entrance(tmp_path)).get("/").headers["content-security-policy"]
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    # printf 'one()' | openssl dgst -sha256 -binary | base64
    assert scripts == "script-src 'self' 'sha256-HR7iaask9daLMRRskMI++QeJtjWDOjyPA6lGzYGzKW4='"


def test_what_is_served_as_data_runs_nothing_even_if_it_is_opened(tmp_path: Path) -> None:
    policy = client(entrance(tmp_path)).get("/media/x").headers["content-security-policy"]
    assert "; sandbox;" in policy
    assert "script-src" not in policy


def test_frames_can_be_allowed_and_only_pages_can_be_named(tmp_path: Path) -> None:
    settings = replace(SETTINGS, frame_ancestors="'self' https://portal.example.com")
    headers = client(entrance(tmp_path, settings)).get("/").headers
    assert "frame-ancestors 'self' https://portal.example.com" in headers["content-security-policy"]
    for wrong in ("", "none", "'none' 'self'", "https://a.example; script-src *", "*", "https://a.example/x"):
        with pytest.raises(ConfigError, match="RAGLASS_FRAME_ANCESTORS"):
            check_ancestors(wrong)


def test_rebound_name_reads_nothing_and_is_told_what_to_do(tmp_path: Path) -> None:
    reply = client(entrance(tmp_path)).get("/", headers={"Host": "evil.example:8501"})
    assert reply.status_code == 421
    assert "RAGLASS_ALLOWED_HOSTS" in reply.text
    assert "read" not in reply.text.split()


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "http://localhost:3000"}, {"Origin": "https://evil.example"}]
)
def test_page_of_elsewhere_opens_no_socket(tmp_path: Path, headers: dict[str, str]) -> None:
    made, own = client(entrance(tmp_path)), {"Host": "localhost:8501", "Origin": "http://localhost:8501"}
    with pytest.raises(WebSocketDisconnect), made.websocket_connect("/_stcore/stream", headers=own | headers):
        pass
    with made.websocket_connect("/_stcore/stream", headers=own) as socket:
        assert socket.receive_text() == "opened"


def test_message_of_a_tab_holds_up_what_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "_around_until_s", 0.0)
    monkeypatch.setattr(precedence, "AROUND_S", 30.0)
    made = client(entrance(tmp_path))
    made.get("/")
    assert not precedence.is_making_page()
    with made.websocket_connect(
        "/_stcore/stream", headers={"Host": "localhost:8501", "Origin": "http://localhost:8501"}
    ):
        assert precedence.is_making_page()


def put(made: Entrance, chunks: list[bytes], length: str | None = None) -> tuple[int, int, str]:
    """An upload in pieces: status, how many were taken, what was said."""
    taken = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        if taken == len(chunks):
            return {"type": "http.request", "body": b"", "more_body": False}
        taken += 1
        return {"type": "http.request", "body": chunks[taken - 1], "more_body": True}

    return _asked(made, receive, length, lambda: taken)


def _asked(
    made: Entrance, receive: Callable[[], Awaitable[dict[str, Any]]], length: str | None, taken: Callable[[], int]
) -> tuple[int, int, str]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost:8501"), *([(b"content-length", length.encode())] if length else [])]
    scope = {"type": "http", "method": "PUT", "path": UPLOAD, "query_string": b"", "headers": headers}
    # In a thread of its own: where a browser has been driven in this process, its loop goes on running in this one.
    with ThreadPoolExecutor(1) as executor:
        executor.submit(asyncio.run, made({**scope, "root_path": ""}, receive, send)).result()  # type: ignore[arg-type]
    return sent[0]["status"], taken(), b"".join(each.get("body", b"") for each in sent).decode()


def test_upload_that_is_too_large_is_left_while_it_comes(tmp_path: Path) -> None:
    status, taken, said = put(entrance(tmp_path), [bytes(100_000)] * 3000)
    assert status == 413
    assert taken == 21  # 1 MB of file, and 1 MB for what is around it
    assert "RAGLASS_MAX_FILE_MB" in said


def test_upload_that_says_that_it_is_too_large_is_not_begun(tmp_path: Path) -> None:
    assert put(entrance(tmp_path), [bytes(100)], "300000000")[:2] == (413, 0)


def test_upload_that_fits_is_taken_whole(tmp_path: Path) -> None:
    assert put(entrance(tmp_path), [bytes(100_000)] * 9) == (200, 9, "900000")


@pytest.mark.parametrize(
    ("held", "status"),
    [({"a-session": 2_900_000}, 413), ({"b": 2_900_000}, 200), ({str(n): 2_950_000 for n in range(4)}, 503)],
)
def test_what_is_held_of_a_tab_and_in_all_counts(tmp_path: Path, held: dict[str, int], status: int) -> None:
    assert put(entrance(tmp_path, held=held), [bytes(100_000)] * 9)[0] == status


def test_what_came_of_a_refused_upload_does_not_count_for_the_next(tmp_path: Path) -> None:
    made = entrance(tmp_path)
    for _ in range(4):
        assert put(made, [bytes(100_000)] * 30)[0] == 413
    assert put(made, [bytes(100_000)] * 9)[0] == 200


@pytest.mark.parametrize(("length", "session"), [("90", "a-session"), (None, "a-session"), (None, "another")])
def test_of_a_visitor_who_was_not_let_in_nothing_is_taken(tmp_path: Path, length: str | None, session: str) -> None:
    made = entrance(tmp_path, let_in=lambda asked: asked != session)
    status, taken, said = put(made, [b"x" * 90], length)
    assert (status, taken) == ((403, 0) if session == "a-session" else (200, 1))
    assert ("let in" in said) is (session == "a-session")


def test_body_that_does_not_come_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "GRACE_S", 0.0)

    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    status, _, said = _asked(entrance(tmp_path), never, None, lambda: 0)
    assert status == 408
    assert "Send it again" in said


def test_long_body_has_longer_and_a_trickle_does_not(tmp_path: Path) -> None:
    now_s = iter(range(0, 10_000, 20))  # each look at the clock, 20 s later
    assert put(entrance(tmp_path, clock=lambda: next(now_s)), [b"x"] * 20)[0] == 408
    again_s = iter(range(0, 10_000, 20))
    settings = replace(SETTINGS, max_file_mb=20, max_uploads_mb=100)
    assert put(entrance(tmp_path, settings, clock=lambda: next(again_s)), [bytes(900_000)] * 20)[0] == 200
