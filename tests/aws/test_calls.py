"""Retries: what is tried again, how often, and never past the deadline."""

import pytest

from backends.aws.calls import Policy, Retryable, call
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse, Throttled, Timeout


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


class Part:
    """Answers from a list: an exception is raised, anything else returned."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.given: list[float] = []

    def __call__(self, timeout_s: float) -> object:
        self.given.append(timeout_s)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def throttle(after_s: float | None = None) -> Retryable:
    return Retryable(Throttled("slow down"), after_s=after_s)


def most(low: float, high: float) -> float:
    return high


def test_throttle_is_tried_again_with_doubling_waits() -> None:
    clock, part = Clock(), Part(throttle(), throttle(), "answer")
    assert call("embed", part, policy=Policy(base_s=0.1), sleep=clock.sleep, jitter=most) == "answer"
    assert clock.waits == [0.1, 0.2]


def test_jitter_is_full() -> None:
    bounds: list[tuple[float, float]] = []

    def record(low: float, high: float) -> float:
        bounds.append((low, high))
        return low

    call("embed", Part(throttle(), "answer"), policy=Policy(base_s=0.4), sleep=Clock().sleep, jitter=record)
    assert bounds == [(0.0, 0.4)]


def test_attempts_are_bounded_and_the_last_error_names_the_stage() -> None:
    part = Part(throttle(), throttle(), throttle(), "never asked for")
    with pytest.raises(Throttled) as caught:
        call("retrieve", part, policy=Policy(attempts=3), sleep=Clock().sleep)
    assert caught.value.stage == "retrieve"
    assert len(part.given) == 3


def test_what_is_not_retryable_leaves_at_once() -> None:
    part = Part(BadResponse("garbage"), "never asked for")
    with pytest.raises(BadResponse):
        call("embed", part, sleep=Clock().sleep)
    assert len(part.given) == 1


def test_wait_that_the_other_side_asked_for_is_kept() -> None:
    clock = Clock()
    call("embed", Part(throttle(1.5), "answer"), sleep=clock.sleep, jitter=most)
    assert clock.waits == [1.5]


def test_no_wait_goes_past_the_deadline() -> None:
    clock = Clock()
    deadline = Deadline(1.0, clock=clock)
    part = Part(throttle(5.0), "never asked for")
    with pytest.raises(Throttled):
        call("embed", part, deadline, sleep=clock.sleep)
    assert clock.waits == []
    assert len(part.given) == 1


def test_attempt_gets_what_is_left_of_the_deadline_and_never_more_than_its_own_limit() -> None:
    clock = Clock()
    part = Part("answer", "answer")
    call("embed", part, Deadline(3.0, clock=clock), policy=Policy(timeout_s=10))
    call("embed", part, Deadline(30.0, clock=clock), policy=Policy(timeout_s=10))
    assert part.given == [3.0, 10.0]


def test_passed_deadline_makes_no_attempt() -> None:
    part = Part("never asked for")
    with pytest.raises(Timeout):
        call("embed", part, Deadline(0.0, clock=Clock()))
    assert part.given == []
