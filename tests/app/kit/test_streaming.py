"""Work in flight: a stream in order, with its error, without need of a reader, and waited for at the end."""

import threading

import pytest

from app.kit.streaming import InFlight
from pipeline.errors import Unavailable


@pytest.fixture
def in_flight() -> InFlight:
    return InFlight()


def putting(*items):
    def work(put) -> None:
        for item in items:
            put(item)

    return work


def test_items_come_in_the_order_in_which_they_were_put(in_flight: InFlight) -> None:
    assert list(in_flight.stream(putting(0, 1, 2), "test")) == [0, 1, 2]


def test_what_breaks_is_raised_after_the_items_before_it(in_flight: InFlight) -> None:
    def work(put) -> None:
        put("before")
        raise ValueError("broken")

    items = in_flight.stream(work, "test")
    assert next(items) == "before"
    with pytest.raises(ValueError, match="broken"):
        next(items)
    assert in_flight.finish(5) == 0


def test_none_and_errors_can_be_items(in_flight: InFlight) -> None:
    error = ValueError()
    assert list(in_flight.stream(putting(None, error), "test")) == [None, error]


def test_finishing_waits_for_work_whose_reader_has_gone_away(in_flight: InFlight) -> None:
    release, done = threading.Event(), threading.Event()

    def work(put) -> None:
        put(1)
        release.wait(5)
        put(2)
        done.set()

    items = in_flight.stream(work, "test")
    next(items)
    items.close()
    assert in_flight.count == 1
    assert not done.is_set()
    release.set()
    assert in_flight.finish(5) == 0
    assert done.is_set()


def test_work_that_outlasts_the_limit_is_counted(in_flight: InFlight) -> None:
    release = threading.Event()
    items = in_flight.stream(lambda put: (put(1), release.wait(5)), "test")
    next(items)
    assert in_flight.finish(0.01) == 1
    release.set()
    assert in_flight.finish(5) == 0


def test_no_work_begins_once_the_process_is_finishing(in_flight: InFlight) -> None:
    in_flight.finish(0)
    with pytest.raises(Unavailable, match="is stopping"):
        list(in_flight.stream(putting(1), "test"))
    assert in_flight.count == 0
