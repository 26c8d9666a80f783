"""Signals to end: the first one waits for work to be finished, the next one does not."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from app.shutdown import ending_well_on_sigterm, finishing_first

WAIT_S = 10.0
"""Longer than anything here takes; only a broken test waits it out."""


class Server:
    """Stands for the server: it has handlers of its own and notes what reaches them."""

    def __init__(self) -> None:
        self.signals: list[int] = []
        self.ended = threading.Event()

    def handle(self, number: int, frame: object) -> None:
        self.signals.append(number)
        self.ended.set()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    before = {number: signal.signal(number, made.handle) for number in (signal.SIGTERM, signal.SIGINT)}
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


def has_ended(server: Server) -> bool:
    """Whether a signal reaches the server. Looks often: handlers run between two looks of this, the main thread."""
    until = time.monotonic() + WAIT_S
    while not server.ended.wait(0.01) and time.monotonic() < until:
        pass
    return server.ended.is_set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_gets_the_signal_once_the_work_is_finished(server: Server, number: int) -> None:
    release, order = threading.Event(), []

    def finish() -> None:
        assert release.wait(WAIT_S)
        order.append("finished")

    with finishing_first(finish):
        send(number)
        assert server.signals == []
        release.set()
        assert has_ended(server)
        order.append("ended")
    assert order == ["finished", "ended"]
    assert server.signals == [number]


def test_a_second_signal_does_not_wait(server: Server) -> None:
    never = threading.Event()
    with finishing_first(lambda: never.wait(WAIT_S)):
        send(signal.SIGTERM)
        send(signal.SIGINT)
        assert has_ended(server)
    assert server.signals == [signal.SIGINT]
    never.set()


INTERRUPTED = """
import os, signal, sys, time
from app.shutdown import finishing_first

def interrupted_at(event):
    'A second signal at that event inside the handler of the first; whether there was such an event.'
    seen, got = [], []

    def profile(frame, kind, argument):
        while frame is not None and frame.f_code.co_name != "on_signal":
            frame = frame.f_back
        if frame is not None:
            seen.append(kind)
            if len(seen) == event:
                sys.setprofile(None)
                os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, lambda number, frame: got.append(number))
    with finishing_first(lambda: None):
        sys.setprofile(profile)
        os.kill(os.getpid(), signal.SIGTERM)
        while not got:
            time.sleep(0.001)
        sys.setprofile(None)
    return len(seen) >= event

places = 0
while interrupted_at(places + 1):
    places += 1
print(places)
"""


def test_a_second_signal_in_the_midst_of_the_first_hangs_nothing() -> None:
    # In a process of its own, which a handler that waits for itself would never end: not even by SIGTERM.
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) > 10


def test_work_that_cannot_be_finished_keeps_nobody_alive(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    def finish() -> None:
        raise OSError("The disk is gone.")

    with finishing_first(finish):
        send(signal.SIGTERM)
        assert has_ended(server)
    assert server.signals == [signal.SIGTERM]
    assert "without having finished" in caplog.text


def test_the_server_has_its_handlers_back_afterwards(server: Server) -> None:
    with finishing_first(lambda: None):
        assert signal.getsignal(signal.SIGTERM) != server.handle
    assert signal.getsignal(signal.SIGTERM) == server.handle


def test_handlers_that_somebody_else_has_put_in_place_meanwhile_stay(server: Server) -> None:
    def other(number: int, frame: object) -> None: ...

    with finishing_first(lambda: None):
        signal.signal(signal.SIGTERM, other)
    assert signal.getsignal(signal.SIGTERM) is other


def in_a_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(WAIT_S)


def test_other_threads_than_the_main_one_change_nothing(server: Server) -> None:
    entered = []

    def work() -> None:
        with ending_well_on_sigterm(), finishing_first(lambda: None):
            entered.append(signal.getsignal(signal.SIGTERM))

    in_a_thread(work)
    assert entered == [server.handle]


def test_sigterm_leaves_with_status_0_by_way_of_every_finally() -> None:
    cleaned = []

    def serve() -> None:
        try:
            send(signal.SIGTERM)
            has_ended(Server())
        finally:
            cleaned.append(True)

    with pytest.raises(SystemExit) as left, ending_well_on_sigterm():
        serve()
    assert left.value.code == 0
    assert cleaned == [True]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
