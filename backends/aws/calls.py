"""Calling a remote part of the stack: what is tried again, how often, and how long all of it may take.

Owns retries and what a transport's errors mean. Refuses to know any service.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pipeline.deadline import Deadline
from pipeline.errors import BackendError, Timeout

Result = TypeVar("Result")

MIN_ATTEMPT_S = 0.05
"""With less time than this left, another attempt could only time out."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How often to try, and how long to wait between."""

    attempts: int = 3
    """Attempts in all."""
    base_s: float = 0.1
    """Upper bound of the first wait; it doubles with each."""
    cap_s: float = 2.0
    """Upper bound of any wait."""
    timeout_s: float = 25.0
    """Longest single attempt, however much of the deadline is left."""


class Retryable(Exception):
    """A throttle or a passing fault, which may be tried again; `error` is what it becomes when it may not."""

    def __init__(self, error: BackendError, *, after_s: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after_s = after_s
        """How long the other side asked us to wait, in seconds."""


def call(
    stage: str,
    attempt: Callable[[float], Result],
    deadline: Deadline | None = None,
    *,
    policy: Policy | None = None,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[float, float], float] = random.uniform,
) -> Result:
    """Make an attempt, and again after a Retryable, with full jitter, within the deadline.

    attempt: given the seconds that it may take. Raises Retryable for what is worth another try; anything else leaves at once.
    Raises the Retryable's own error when attempts or time are used up, Timeout if there was no time for the first.
    """
    policy = policy or Policy()
    for number in range(policy.attempts):
        if deadline is not None:
            deadline.check(stage)
        try:
            return attempt(_seconds(deadline, policy.timeout_s))
        except Retryable as fault:
            wait_s = _wait(fault, number, policy, jitter)
            is_last = number + 1 == policy.attempts
            if is_last or _seconds(deadline, wait_s + MIN_ATTEMPT_S) < wait_s + MIN_ATTEMPT_S:
                fault.error.stage = fault.error.stage or stage
                raise fault.error from fault
            sleep(wait_s)
    raise AssertionError("a policy has at least one attempt")


def timed_out(stage: str, seconds: float, what: str) -> Timeout:
    """The error of an attempt that took all the time it had."""
    return Timeout(
        f"{what} did not answer within {seconds:.3g} s in the {stage} stage. Raise the deadline (RAGLASS_DEADLINE_S), "
        "or look at that part's latency on the Live page.",
        stage=stage,
    )


def _seconds(deadline: Deadline | None, most_s: float) -> float:
    return most_s if deadline is None else min(most_s, deadline.remaining_s())


def _wait(fault: Retryable, number: int, policy: Policy, jitter: Callable[[float, float], float]) -> float:
    """Full jitter: anywhere between nothing and the exponential bound, but no earlier than the other side asked for."""
    wait_s = jitter(0.0, min(policy.cap_s, policy.base_s * 2**number))
    return wait_s if fault.after_s is None else max(wait_s, fault.after_s)
