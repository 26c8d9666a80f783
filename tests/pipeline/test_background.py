"""Work beside everything else, begun and stopped by several at once."""

import threading
import time

import pytest

from pipeline import background
from pipeline.background import Background


class Work:
    """Runs until it is told to stop, and needs a moment for it."""

    def __init__(self) -> None:
        self.begun = self.ended = 0
        self.background = Background(a_test=self.run)

    def run(self) -> None:
        self.begun += 1
        self.background.stopping.wait()
        time.sleep(0.02)
        self.ended += 1


def test_it_runs_once_until_stopped() -> None:
    work = Work()
    work.background.start()
    work.background.start()
    work.background.stop()
    assert (work.begun, work.ended) == (1, 1)


def test_its_threads_say_what_they_do() -> None:
    named: list[str] = []
    running = Background(one_thing=lambda: named.append(threading.current_thread().name))
    running.start()
    running.stop()
    assert named == ["raglass-one-thing"]


def test_what_was_stopped_does_not_begin() -> None:
    work = Work()
    work.background.stop()
    work.background.start()
    assert work.begun == 0


def test_stopping_waits_for_what_is_only_being_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work()
    stopping = threading.Thread(target=work.background.stop)

    class Slow(threading.Thread):
        def start(self) -> None:
            stopping.start()
            work.background.stopping.wait()
            time.sleep(0.02)
            super().start()

    with monkeypatch.context() as patched:
        patched.setattr(background.threading, "Thread", Slow)
        work.background.start()
    stopping.join(5)
    assert (work.begun, work.ended) == (1, 1)


def test_what_does_not_end_is_left() -> None:
    release = threading.Event()
    stuck = Background(stuck=release.wait)
    stuck.start()
    stuck.stop(0.01)
    release.set()
