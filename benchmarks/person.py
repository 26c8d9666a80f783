"""A person with a page open: a session of a served dashboard, over its WebSocket as a browser has it, and how long its runs take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

RUN_S = 120.0
"""How long a run may take."""


class Person:
    """One open page."""

    def __init__(self, socket: ClientConnection, page: str) -> None:
        self._socket, self._page = socket, page

    def run(self) -> float:
        """Milliseconds from asking for a run until its last message has come."""
        ask = BackMsg()
        ask.rerun_script.page_name = self._page
        began = time.perf_counter()
        self._socket.send(ask.SerializeToString())
        while True:
            message = ForwardMsg.FromString(self._socket.recv(RUN_S, decode=False))
            if message.WhichOneof("type") == "script_finished":
                if message.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:
                    raise SystemExit(f"A run of the page {self._page} ended with {message.script_finished}.")
                return (time.perf_counter() - began) * 1000


@contextmanager
def connected(address: str) -> Iterator[ClientConnection]:
    """A session's WebSocket, as a browser opens it. address: where the dashboard listens, without a path."""
    parts = urlsplit(address)
    origin = f"http://{parts.netloc}"
    url = f"ws://{parts.netloc}/_stcore/stream"
    # A browser waits as long as a person does, and sends no pings of its own.
    quiet: dict[str, None] = {"ping_interval": None, "max_size": None}
    with connect(url, origin=origin, subprotocols=["streamlit"], open_timeout=RUN_S, **quiet) as socket:
        yield socket


@contextmanager
def visiting(address: str, page: str) -> Iterator[Person]:
    """A page of a dashboard, opened; its first run is done. address: where the dashboard listens, without a path."""
    with connected(address) as socket:
        person = Person(socket, page)
        person.run()
        yield person
