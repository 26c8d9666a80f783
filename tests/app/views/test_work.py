"""Work that a page waits for is let go of, however it ends."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

import pytest

from app.views.kit import work
from app.views.kit.markdown import literal
from pipeline.errors import Unavailable


class Pressed(BaseException):
    """Stands for what ends a page's run."""


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said, in place of what is drawn; the page's run ends at the second step of three."""
    lines: list[str] = []

    @contextmanager
    def shown(first: str, kept: str, key: str) -> Iterator[Callable[[int, int, str], None]]:
        def tell(done: int, total: int, words: str) -> None:
            lines.append(words)
            if (done, total) == (2, 3):
                raise Pressed

        yield tell

    monkeypatch.setattr(work, "shown_work", shown)
    monkeypatch.setattr(work.st, "error", lambda message, **_: lines.append(message))
    return lines


def stepping(whole: int, closed: list[bool], *, fails: bool = False) -> Generator[tuple[int, int], None, None]:
    try:
        for done in range(1, whole + 1):
            if fails:
                raise Unavailable("It is down.")
            yield done, whole
    finally:
        closed.append(True)


def test_work_that_is_stopped_is_closed_at_once(said: list[str]) -> None:
    closed: list[bool] = []
    steps = stepping(3, closed)
    with pytest.raises(Pressed):
        work.work_through(steps, "Working …", "{} of {}", "test")
    assert closed == [True]
    assert said == ["1 of 3", "2 of 3"]


def test_work_says_why_it_ended_early_and_whether_it_came_to_its_end(said: list[str]) -> None:
    closed: list[bool] = []
    assert not work.work_through(stepping(2, closed, fails=True), "Working …", "{} of {}", "test")
    assert said == [literal("It is down.")]
    assert work.work_through(stepping(2, closed), "Working …", "{} of {}", "test")
    assert closed == [True, True]
