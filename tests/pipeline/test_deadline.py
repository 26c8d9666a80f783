"""A deadline with a clock that is moved by hand."""

import pytest

from pipeline.deadline import Deadline
from pipeline.errors import Timeout


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_remaining_time_shrinks_with_the_clock_and_goes_below_zero() -> None:
    clock = Clock()
    deadline = Deadline(2.5, clock=clock)
    assert deadline.remaining_s() == pytest.approx(2.5)
    clock.now += 2
    assert deadline.remaining_s() == pytest.approx(0.5)
    clock.now += 2
    assert deadline.remaining_s() == pytest.approx(-1.5)


def test_check_passes_until_the_last_moment_and_then_names_the_stage() -> None:
    clock = Clock()
    deadline = Deadline(2.5, clock=clock)
    clock.now += 2.4
    deadline.check("embed")
    clock.now += 0.1
    with pytest.raises(Timeout, match=r"deadline of 2\.5 s passed in the embed stage") as caught:
        deadline.check("embed")
    assert caught.value.stage == "embed"
