"""A run in a thread of its own: followed, paused, gone on with and stopped."""

import queue
import threading
from collections.abc import Iterator

import pytest

from app.runs.evaluations import RunStep
from app.runs.job import RunJob
from pipeline.errors import StoreError

WAIT_S = 10.0


class Steps:
    """Steps of a run that a test lets happen one by one."""

    def __init__(self) -> None:
        self.allowed: queue.Queue[Exception | None] = queue.Queue()
        self.taken = 0
        self.asked = threading.Semaphore(0)

    def begin(self, stop: threading.Event) -> Iterator[RunStep]:
        for number in range(100):
            self.asked.release()
            problem = self.allowed.get(timeout=WAIT_S)
            if problem is not None:
                raise problem
            if stop.is_set():
                return
            self.taken = number + 1
            yield RunStep("aaaa1111", "ask", None)

    def allow(self, steps: int = 1) -> None:
        for _ in range(steps):
            self.allowed.put(None)

    def wait_for_asking(self) -> bool:
        return self.asked.acquire(timeout=WAIT_S)


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.mark.slow
def test_paused_it_takes_no_further_step_until_it_is_gone_on_with(steps: Steps) -> None:
    job = RunJob(steps.begin).start()
    assert steps.wait_for_asking()
    assert not job.paused
    job.pause()
    steps.allow(5)  # the step that is under way is taken, no other
    assert not steps.asked.acquire(timeout=0.2)
    assert (steps.taken, job.paused, job.running, job.stopping) == (1, True, True, False)
    job.go_on()
    for _ in range(4):
        assert steps.wait_for_asking()
    assert not job.paused
    job.stop()
    steps.allow()
    job.wait(WAIT_S)
    assert (steps.taken, job.running, job.problem) == (5, False, "")


def test_a_paused_run_can_be_stopped(steps: Steps) -> None:
    job = RunJob(steps.begin).start()
    assert steps.wait_for_asking()
    job.pause()
    job.stop()
    steps.allow()
    job.wait(WAIT_S)
    assert not job.running
    assert not job.paused


def test_one_that_is_stopping_cannot_be_paused(steps: Steps) -> None:
    job = RunJob(steps.begin).start()
    assert steps.wait_for_asking()
    job.stop()
    job.pause()
    steps.allow()
    job.wait(WAIT_S)
    assert not job.running


def test_what_ends_it_is_said(steps: Steps) -> None:
    job = RunJob(steps.begin).start()
    steps.allowed.put(StoreError("The disk is full."))
    job.wait(WAIT_S)
    assert job.problem == "The disk is full."
    other = RunJob(steps.begin).start()
    steps.allowed.put(RuntimeError("secret detail"))
    other.wait(WAIT_S)
    assert "RuntimeError" in other.problem
    assert "secret detail" not in other.problem
