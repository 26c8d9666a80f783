"""What is sent gives way to a page that is being made, and goes on all the same."""

import threading
import time

import pytest

from app.ingesting import precedence
from app.ingesting.precedence import AROUND_S, WAIT_S, expect_page, give_way, is_making_page, making_page


class Clock:
    """Time that passes only where somebody waits."""

    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class Taken:
    """A page that is never done."""

    def __init__(self, clock: Clock) -> None:
        self.is_set, self.wait = (lambda: False), clock.sleep


@pytest.fixture(autouse=True)
def owing_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "_owed_until_s", 0.0)
    monkeypatch.setattr(precedence, "_around_until_s", 0.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(precedence, "time", clock)
    return clock


def waited_s(clock: Clock) -> float:
    before = clock.now_s
    give_way()
    return clock.now_s - before


def test_nothing_waits_where_no_page_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "WAIT_S", 30.0)
    began = time.monotonic()
    give_way()
    assert time.monotonic() - began < 15.0


@pytest.mark.slow
def test_a_step_waits_no_longer_than_it_must() -> None:
    with making_page():
        give_way()


def test_what_gave_way_goes_on_for_as_long_though_pages_do_not_end(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precedence, "_free", Taken(clock))
    assert waited_s(clock) == pytest.approx(WAIT_S)
    clock.sleep(0.9 * WAIT_S)
    assert waited_s(clock) == 0.0
    clock.sleep(0.2 * WAIT_S)
    assert waited_s(clock) == pytest.approx(WAIT_S)


def test_a_page_counts_from_the_message_that_asks_for_it(clock: Clock) -> None:
    assert not is_making_page()
    expect_page()
    assert is_making_page()
    assert waited_s(clock) == pytest.approx(AROUND_S)
    assert not is_making_page()


def test_a_page_counts_until_it_is_sent(clock: Clock) -> None:
    with making_page():
        clock.sleep(1.0)
    clock.sleep(AROUND_S / 2)
    assert waited_s(clock) == pytest.approx(AROUND_S / 2)


def test_messages_without_end_hold_up_no_longer_than_pages_do(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep_and_ask(seconds: float) -> None:
        clock.now_s += seconds
        expect_page()

    monkeypatch.setattr(clock, "sleep", sleep_and_ask)
    expect_page()
    assert waited_s(clock) == pytest.approx(WAIT_S)


def test_what_waits_goes_on_once_the_last_page_is_done_even_if_it_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "WAIT_S", 30.0)
    waiting = threading.Thread(target=give_way)

    def fail() -> None:
        with making_page():
            with making_page():
                waiting.start()
            waiting.join(0.05)
            assert waiting.is_alive()
            assert is_making_page()
            raise KeyError("page")

    with pytest.raises(KeyError, match="page"):
        fail()
    waiting.join(15.0)
    assert not waiting.is_alive()
