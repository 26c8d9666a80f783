"""Connections that are slow, over real sockets, with patience in tenths of a second."""

import asyncio
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from app.server import connections
from app.server.connections import Connection, Crowd, be_patient

PATIENCE_S = 20.0
"""For what has to happen; far more than it takes."""

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx"
UPGRADE = (
    b"GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


async def answer(request: Request) -> Response:
    await request.body()
    return PlainTextResponse("answered")


async def answer_at_length(_: Request) -> Response:
    return PlainTextResponse("x" * 30_000_000)


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.receive()


Open = Callable[[], socket.socket]


@contextmanager
def serving(crowd: Crowd) -> Iterator[Open]:
    """A server with these connections; yields what opens one to it."""
    routes = [
        Route("/", answer, methods=["GET", "POST"]),
        Route("/long", answer_at_length),
        WebSocketRoute("/socket", talk),
    ]
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    made: Any = partial(Connection, crowd=crowd)
    config = uvicorn.Config(Starlette(routes=routes), http=made, ws="websockets-sansio", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    with ExitStack() as opened:

        def open_one() -> socket.socket:
            return opened.enter_context(socket.create_connection(listener.getsockname(), PATIENCE_S))

        try:
            yield open_one
        finally:
            server.force_exit = server.should_exit = True
            thread.join(PATIENCE_S)
            listener.close()


def reply(one: socket.socket, sent: bytes = GET) -> bytes:
    """The first line of what is answered; empty where the connection was ended."""
    try:
        one.sendall(sent)
        return one.recv(100).partition(b"\r\n")[0]
    except (ConnectionResetError, BrokenPipeError):
        return b""


def ended(one: socket.socket) -> bool:
    """Whether the other side ends a connection, whatever it says before."""
    try:
        while one.recv(65_536):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("begun", [b"", b"GET / HT", GET[:-2], GET + GET[:-2]])
@pytest.mark.slow
def test_headers_that_do_not_come_end_the_connection(begun: bytes) -> None:
    with serving(Crowd(100, headers_s=0.2)) as open_one:
        one = open_one()
        one.sendall(begun)
        assert ended(one)


@pytest.mark.slow
def test_trickle_of_headers_gains_no_time() -> None:
    with serving(Crowd(100, headers_s=0.3)) as open_one:
        one, until = open_one(), time.monotonic() + PATIENCE_S
        one.sendall(GET[:-2])
        try:
            while time.monotonic() < until:
                one.sendall(b"X-More: 1\r\n")
                time.sleep(0.05)
        except OSError:
            return
        pytest.fail("a trickle kept its connection")


@pytest.mark.slow
def test_body_that_nobody_waits_for_keeps_no_connection() -> None:
    with serving(Crowd(100, headers_s=0.2)) as open_one:
        one = open_one()
        one.sendall(POST.replace(b"POST / ", b"POST /nowhere "))
        assert ended(one)


@pytest.mark.slow
def test_whoever_neither_reads_nor_closes_is_broken_off_at_the_end() -> None:
    crowd = Crowd(100)
    with serving(crowd) as open_one:
        page, download = open_one(), open_one()
        assert reply(page, UPGRADE).startswith(b"HTTP/1.1 101")
        download.sendall(GET.replace(b"GET / ", b"GET /long "))
        assert download.recv(1)
        next(iter(crowd.open)).loop.call_soon_threadsafe(crowd.hang_up)
        assert ended(page)
        assert ended(download)


@pytest.mark.slow
def test_reply_that_is_not_fetched_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    given_up, lose = threading.Event(), Connection.connection_lost

    def lost(connection: Connection, error: Exception | None) -> None:
        lose(connection, error)
        given_up.set()

    monkeypatch.setattr(Connection, "connection_lost", lost)
    with serving(Crowd(100, headers_s=0.1, stall_s=0.1)) as open_one:
        one, size = open_one(), 0
        one.sendall(GET.replace(b"/ ", b"/long ", 1))
        assert given_up.wait(PATIENCE_S)
        try:
            while part := one.recv(1_000_000):
                size += len(part)
        except ConnectionResetError:
            pass
        assert size < 30_000_000


@pytest.mark.slow
def test_long_reply_that_is_fetched_slowly_comes_whole() -> None:
    with serving(Crowd(100, headers_s=0.1, stall_s=0.3)) as open_one:
        one, size = open_one(), 0
        one.sendall(GET.replace(b"/ ", b"/long ", 1))
        for _ in range(12):
            size += len(one.recv(1_000_000))
            time.sleep(0.05)
        while part := one.recv(1_000_000):
            size += len(part)
        assert size > 30_000_000


@pytest.mark.parametrize("half", [b"", GET[:-2], POST])
@pytest.mark.slow
def test_half_open_connections_keep_nobody_out(half: bytes) -> None:
    with serving(Crowd(30)) as open_one:
        for _ in range(100):
            open_one().sendall(half)
        for _ in range(5):
            assert reply(open_one()) == b"HTTP/1.1 200 OK"


@pytest.mark.slow
def test_connections_that_are_in_use_are_not_taken_away_and_one_too_many_is_told() -> None:
    crowd = Crowd(5)
    with serving(crowd) as open_one:
        sockets = [open_one() for _ in range(4)]
        assert [reply(one, UPGRADE) for one in sockets] == [b"HTTP/1.1 101 Switching Protocols"] * 4
        assert reply(open_one(), UPGRADE) == b"HTTP/1.1 503 Service Unavailable"
        assert reply(open_one()) == b"HTTP/1.1 200 OK"
        assert not crowd.unfinished or len(crowd.unfinished) == 1


@pytest.mark.slow
def test_what_is_no_http_is_answered_with_our_headers() -> None:
    with serving(Crowd(5)) as open_one:
        one = open_one()
        one.sendall(b"GARBAGE\r\n\r\n")
        said = one.recv(4000)
        assert said.startswith(b"HTTP/1.1 400 ")
        assert b"x-content-type-options: nosniff" in said


def test_patience_is_what_uvicorn_makes_connections_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn.config, "HTTP_PROTOCOLS", dict(uvicorn.config.HTTP_PROTOCOLS))
    monkeypatch.setattr(connections, "_room_for", lambda most: most)
    assert be_patient(50).most == 50
    config = uvicorn.Config(Starlette(), log_config=None)
    config.load()
    assert config.http_protocol_class.func is Connection  # type: ignore[attr-defined]


# Beside 256 others: 1000 connections with 3 files for each of 800 pages and of 128 closed ones; 112 with 3 for each of 90 and of 128.
@pytest.mark.parametrize(
    ("soft", "hard", "raised", "room"),
    [(1_024, 1_048_576, 4_040, 1_000), (1_024, 1_024, None, 112), (65_536, 65_536, None, 1_000)],
)
def test_files_of_the_pages_count_with_their_connections(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, raised: int | None, room: int
) -> None:
    limits = [(soft, hard)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, given: limits.append(given))
    assert connections._room_for(1_000) == room
    assert limits[-1] == (raised or soft, hard)


def test_a_page_has_no_more_files_open_than_are_counted_for_it() -> None:
    before = len(os.listdir("/dev/fd"))
    loop = asyncio.new_event_loop()  # as each of Streamlit's sessions makes one
    try:
        assert 0 < len(os.listdir("/dev/fd")) - before <= connections.PAGE_FILES
    finally:
        loop.close()
