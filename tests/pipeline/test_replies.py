"""Replies that end in time and in size, over a real connection."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError

from pipeline.replies import is_too_long, keep_bounds

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


@contextmanager
def answering(say: Callable[[socket.socket], object]) -> Iterator[str]:
    """The address of a server that says this to whoever comes first."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(65_536)
                try:
                    say(client)
                except OSError:
                    return  # hung up on, which is what is tried

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join()


def drip(client: socket.socket, text: bytes) -> None:
    for at in range(len(text)):
        client.sendall(text[at : at + 1])
        time.sleep(0.02)


def get(url: str, seconds: float, max_bytes: int = 1_000) -> bytes:
    with urllib3.PoolManager(retries=False) as pools:
        keep_bounds(pools, max_bytes)
        return pools.request("GET", url, timeout=seconds).data


@pytest.mark.parametrize("text", [HEAD + b"hello", HEAD + b"hel"])
@pytest.mark.slow
def test_reply_that_comes_byte_by_byte_ends_with_its_time(text: bytes) -> None:
    with answering(lambda client: drip(client, text)) as url, pytest.raises(ReadTimeoutError):
        get(url, 0.2)


@pytest.mark.slow
def test_body_that_comes_byte_by_byte_ends_with_its_time() -> None:
    def say(client: socket.socket) -> None:
        client.sendall(HEAD.replace(b"5", b"500"))
        drip(client, b"x" * 500)

    with answering(say) as url, pytest.raises(ReadTimeoutError):
        get(url, 0.2)


def test_reply_without_end_is_too_long() -> None:
    def say(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            client.sendall(b"x" * 10_000)

    with answering(say) as url, pytest.raises(HTTPError) as caught:
        get(url, 10.0)
    assert is_too_long(caught.value)


def test_reply_that_is_well_comes_whole() -> None:
    with answering(lambda client: client.sendall(HEAD + b"hello")) as url:
        assert get(url, 10.0) == b"hello"


def test_other_errors_are_not_too_long() -> None:
    assert not is_too_long(None)
    assert not is_too_long(ValueError("the reply is too long"))
