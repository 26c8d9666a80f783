"""A token bucket for each sender, on a clock that the test sets."""

import pytest

from app.ingesting import rates
from app.ingesting.rates import BURST_S, SpanRates


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_sender_who_was_quiet_may_bring_a_burst_and_then_its_rate() -> None:
    clock = Clock()
    found = SpanRates(10, clock)
    found.charge("shop", int(10 * BURST_S))
    assert found.wait_s("shop") == 0
    found.charge("shop", 20)
    assert found.wait_s("shop") == pytest.approx(2)
    clock.now += 1.5
    assert found.wait_s("shop") == pytest.approx(0.5)
    clock.now += 0.5
    assert found.wait_s("shop") == 0


def test_batch_larger_than_any_burst_is_taken_and_waited_for() -> None:
    found = SpanRates(10, Clock())
    assert found.wait_s("shop") == 0
    found.charge("shop", 1_050)
    assert found.wait_s("shop") == pytest.approx(100)


def test_quiet_sender_gathers_no_more_than_a_burst() -> None:
    clock = Clock()
    found = SpanRates(10, clock)
    found.charge("shop", 1)
    clock.now += 1_000_000
    found.charge("shop", int(10 * BURST_S) + 10)
    assert found.wait_s("shop") == pytest.approx(1)


def test_senders_do_not_wait_for_one_another() -> None:
    found = SpanRates(1, Clock())
    found.charge("shop", 100)
    assert found.wait_s("shelf") == 0


def test_of_very_many_senders_those_that_were_quiet_longest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MAX_SENDERS", 2)
    found = SpanRates(1, Clock())
    for sender in ("first", "second", "first", "third"):
        found.charge(sender, 100)
    assert found.wait_s("second") == 0
    assert found.wait_s("first") > 0
    assert found.wait_s("third") > 0
