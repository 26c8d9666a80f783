"""Open-loop load: when questions are due, windows, and when to give up."""

import numpy as np
import pytest
from scipy import stats

from evaluation.lab.load import RECENT, Call, reason_to_stop, schedule, windows


def test_constant_arrivals_come_at_even_gaps_and_none_at_the_end_itself() -> None:
    assert schedule(2, 2, "constant") == [0.0, 0.5, 1.0, 1.5]
    assert schedule(0.5, 3, "constant") == [0.0, 2.0]


def test_poisson_arrivals_have_exponential_gaps_of_the_rate() -> None:
    due = schedule(20, 200, "poisson", seed=3)
    assert due == sorted(due)
    assert due[-1] < 200
    assert abs(len(due) - 4_000) < 4 * 4_000**0.5
    assert stats.kstest(np.diff(due), stats.expon(scale=1 / 20).cdf).pvalue > 0.01
    assert schedule(20, 200, "poisson", seed=3) == due
    assert schedule(20, 200, "poisson", seed=4) != due


def test_latency_counts_from_when_a_question_was_due() -> None:
    late = Call(1.0, 4.0, 4.5)
    assert (late.latency_ms, late.service_ms) == (3_500.0, 500.0)


def test_a_window_holds_what_was_due_in_it_and_what_came_in_it() -> None:
    calls = [Call(1.0, 1.0, 2.0), Call(8.0, 8.0, 14.0), Call(9.0, 12.0, 13.0, "Timeout")]
    first, second = windows([1.0, 8.0, 9.0, 15.0], calls, 16.0)
    assert (first.due, first.answered, first.failed, first.waiting) == (3, 1, 0, 1)
    assert first.latency is not None
    assert (first.latency.questions, first.latency.mean_ms) == (2, 3_500.0)
    assert (second.due, second.answered, second.failed, second.waiting, second.length_s) == (1, 1, 1, 1, 6.0)
    assert second.latency is None
    assert second.throughput == pytest.approx(1 / 6)
    assert windows([], [], 0.0) == []


def test_load_is_given_up_where_too_many_wait_or_fail() -> None:
    good, bad = Call(0, 0, 1), Call(0, 0, 1, "Throttled")

    def reason(calls: list[Call], waiting: int = 0) -> str:
        return reason_to_stop(calls, waiting, most_errors=0.2, most_waiting=10)

    assert reason([good] * 100, 10) == ""
    assert "11 questions were due and not begun, more than 10" in reason([good], 11)
    assert reason([bad] * (RECENT - 1)) == ""
    assert reason([bad] * 50 + [good] * 16 + [bad] * 4) == ""
    assert "5 of the newest 20 questions failed, most with Throttled" in reason([good] * 15 + [bad] * 5)
