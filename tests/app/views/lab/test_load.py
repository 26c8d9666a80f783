"""What is drawn of a load."""

import pytest

from app.views.lab.load import MOST_TICKS, edges
from evaluation.lab.load import Window


def windows(count: int) -> list[Window]:
    return [Window(10.0 * number, 10.0, 1, 1, 0, 0, None) for number in range(count)]


@pytest.mark.parametrize(
    ("count", "seconds"), [(0, []), (2, [0, 10]), (8, [*range(0, 80, 10)]), (20, [0, 30, 60, 90, 120, 150, 180])]
)
def test_axis_names_the_seconds_at_which_windows_begin_as_far_as_there_is_room(count: int, seconds: list[int]) -> None:
    assert edges(windows(count)) == seconds
    assert len(seconds) <= MOST_TICKS
