"""A stream from a thread: in order, with its error, and without need of a reader."""

import threading

import pytest

from app.streaming import stream


def putting(*items):
    def work(put) -> None:
        for item in items:
            put(item)

    return work


def test_items_come_in_the_order_in_which_they_were_put() -> None:
    assert list(stream(putting(0, 1, 2), "test")) == [0, 1, 2]


def test_what_breaks_is_raised_after_the_items_before_it() -> None:
    def work(put) -> None:
        put("before")
        raise ValueError("broken")

    items = stream(work, "test")
    assert next(items) == "before"
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_none_and_errors_can_be_items() -> None:
    error = ValueError()
    assert list(stream(putting(None, error), "test")) == [None, error]


def test_work_goes_on_when_the_reader_goes_away() -> None:
    reader_is_gone, done = threading.Event(), threading.Event()

    def work(put) -> None:
        put(1)
        reader_is_gone.wait(5)
        put(2)
        done.set()

    items = stream(work, "test")
    next(items)
    items.close()
    reader_is_gone.set()
    assert done.wait(5)
