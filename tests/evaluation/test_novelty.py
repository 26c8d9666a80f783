"""Questions unlike all that was asked before."""

import numpy as np
import pytest

from evaluation.novelty import find_far
from pipeline.errors import InputError


def at(*degrees: float) -> np.ndarray:
    """Unit vectors in the plane."""
    return np.array([[np.cos(np.radians(each)), np.sin(np.radians(each))] for each in degrees])


def test_far_is_what_is_farther_from_all_before_than_these_are_from_each_other() -> None:
    # Each earlier question has a neighbour at 5 degrees: what is 3 or 4 away is near, what is 40 or 90 is far.
    before = at(0, 5, 10, 15, 20)
    assert find_far(before, at(12, 60, 24, 110, -3)).tolist() == [3, 1]


def test_nothing_later_is_far_from_nothing() -> None:
    assert find_far(at(0, 5, 10), np.zeros((0, 2))).tolist() == []


def test_too_few_earlier_questions_are_refused() -> None:
    with pytest.raises(InputError, match="2 earlier questions"):
        find_far(at(0, 5), at(90))
