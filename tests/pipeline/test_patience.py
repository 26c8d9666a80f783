"""An end to waiting."""

import time
from collections.abc import Generator
from typing import NoReturn

import pytest

from pipeline.patience import ending


def give_up() -> NoReturn:
    raise TimeoutError


def answer_after(turns: int, left: list[str]) -> Generator[str, int, int]:
    """Asks so many times, adds up what it is told, and complains where it is left before that."""
    total = 0
    try:
        for _ in range(turns):
            total += yield "ready?"
    except GeneratorExit:
        left.append("left")
        raise OSError("the connection is closed") from None
    return total


def test_what_comes_in_time_is_handed_on() -> None:
    waiting = ending(answer_after(3, []), time.monotonic() + 60, give_up)
    assert [next(waiting), waiting.send(1), waiting.send(2)] == ["ready?"] * 3
    with pytest.raises(StopIteration) as ended:
        waiting.send(4)
    assert ended.value.value == 7


def test_what_takes_longer_is_given_up_and_left_without_a_word() -> None:
    left: list[str] = []
    waiting = ending(answer_after(3, left), time.monotonic() - 1, give_up)
    next(waiting)
    with pytest.raises(TimeoutError):
        waiting.send(1)
    assert left == ["left"]
