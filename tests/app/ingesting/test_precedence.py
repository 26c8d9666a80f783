"""What is sent gives way to a page that is being made, and goes on all the same."""

import threading
import time
from types import SimpleNamespace

import pytest

from app.ingesting import precedence
from app.ingesting.precedence import give_way, is_making_page, making_page


@pytest.fixture(autouse=True)
def owing_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "_owed_until_s", 0.0)


def test_nothing_waits_where_no_page_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "WAIT_S", 30.0)
    began = time.monotonic()
    give_way()
    assert time.monotonic() - began < 15.0


def test_a_step_waits_no_longer_than_it_must() -> None:
    with making_page():
        give_way()


def test_what_gave_way_goes_on_for_as_long_though_pages_do_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []
    monkeypatch.setattr(precedence, "_free", SimpleNamespace(is_set=lambda: False, wait=waits.append))
    times = iter([100.0, 100.2, 100.3, 100.39, 100.41, 100.61])
    monkeypatch.setattr(precedence, "time", SimpleNamespace(monotonic=lambda: next(times)))
    for _ in range(4):
        give_way()
    assert waits == [precedence.WAIT_S] * 2


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
    assert not is_making_page()
    waiting.join(15.0)
    assert not waiting.is_alive()
