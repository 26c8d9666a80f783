"""`Gate`: a port of loopback before a real server, whose bytes it lets through, holds back, breaks or makes up."""

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal, get_args

Fault = Literal["slow", "slow body", "hang", "refuse", "reset", "garbage", "wrong shape", "too large", "late"]
"""What a server does: its reply comes byte by byte, head and all, and takes longer than there is time; its head comes at once, and its body
so; it takes the request and says nothing; it takes no connection; it breaks the connection; it answers what is no text; JSON of another
kind; without end; or whole, but after the time is up."""

FAULTS: tuple[Fault, ...] = get_args(Fault)

DRIP_S = 0.05
"""Between the bytes of a slow reply; longer where all of them would come in time."""

HEARD_S = 0.05
"""After which both sides have heard that a connection was broken, so that nobody sends over it."""

FLOOD_BYTES = 400_000_000
"""Where a reply without end does end, if nobody hangs up."""

HEAD_END = b"\r\n\r\n"

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def http_reply(body: bytes) -> bytes:
    """A reply over HTTP."""
    return OK + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Gate:
    """A gate before the server at `upstream` (a port of loopback). Open until `fault` says otherwise."""

    def __init__(
        self, upstream: int, *, late_s: float, shape: bytes = b'{"unexpected": true}', raw: bool = False
    ) -> None:
        """late_s: how long a late reply takes. shape: JSON of another kind. raw: whether it is no HTTP, so that garbage has no head."""
        self._upstream, self._late_s, self._shape, self._raw = upstream, late_s, shape, raw
        self.fault: Fault | None = None
        """What goes wrong; set by `breaking`."""
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]
        """Where it listens."""
        self._closed = False
        self._accept()

    @property
    def url(self) -> str:
        """Its address over HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def breaking(self, fault: Fault) -> Iterator[None]:
        """Let this go wrong while the block runs."""
        self.fault = fault
        if fault == "refuse":
            self._stop_listening()
            self._reset_all()
        try:
            yield
        finally:
            self.fault = None
            self._reset_all()
            time.sleep(HEARD_S)
            if fault == "refuse":
                self._listener = self._listen(self.port)
                self._accept()

    def close(self) -> None:
        """Listen no more."""
        self._closed = True
        self._stop_listening()
        self._reset_all()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        return listener

    def _stop_listening(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        threading.Thread(target=self._take_all, args=(self._listener,), daemon=True).start()

    def _take_all(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._upstream)) as server:
            with self._lock:
                self._open.add(server)
            threading.Thread(target=self._answer, args=(server, client), daemon=True).start()
            while asked := client.recv(65_536):
                self._ask(asked, client, server)
        self._drop(client)

    def _ask(self, asked: bytes, client: socket.socket, server: socket.socket) -> None:
        """Hand on what a client says, or answer it in the server's stead."""
        match self.fault:
            case "hang":
                return
            case "reset":
                _reset(client)
            case "garbage":
                rubbish = b"\x00\xff" + os.urandom(600)
                client.sendall(rubbish if self._raw else http_reply(rubbish))
                client.shutdown(socket.SHUT_WR)
            case "wrong shape":
                client.sendall(http_reply(self._shape))
            case "too large":
                self._flood(client)
            case _:
                server.sendall(asked)

    def _flood(self, client: socket.socket) -> None:
        client.sendall(OK + b'Connection: close\r\n\r\n{"said": "')
        part = b"x" * 200_000
        for _ in range(FLOOD_BYTES // len(part)):
            client.sendall(part)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        """Hand on what the server says, in time or not."""
        with suppress(OSError):
            while told := server.recv(65_536):
                if self.fault == "late":
                    time.sleep(self._late_s)
                self._hand_on(told, client)
        self._drop(server)
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)

    def _hand_on(self, told: bytes, client: socket.socket) -> None:
        if self.fault not in ("slow", "slow body"):
            client.sendall(told)
            return
        has_head = self.fault == "slow body" and told.startswith(b"HTTP/")
        at_once = told.find(HEAD_END) + len(HEAD_END) if has_head else 0
        client.sendall(told[:at_once])
        pause_s = max(DRIP_S, 2 * self._late_s / max(1, len(told) - at_once))
        for at in range(at_once, len(told)):
            client.sendall(told[at : at + 1])
            time.sleep(pause_s if self.fault is not None else 0)

    def _drop(self, end: socket.socket) -> None:
        with self._lock:
            self._open.discard(end)
        end.close()

    def _reset_all(self) -> None:
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            _reset(end)


def _reset(end: socket.socket) -> None:
    """Break a connection, so that the other side hears of it at once."""
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RD)
    end.close()


@contextmanager
def gated(upstream: int, *, late_s: float, shape: bytes = b'{"unexpected": true}', raw: bool = False) -> Iterator[Gate]:
    """An open gate; see `Gate`."""
    gate = Gate(upstream, late_s=late_s, shape=shape, raw=raw)
    try:
        yield gate
    finally:
        gate.close()
