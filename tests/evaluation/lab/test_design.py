"""Designs of a factorial: whole, and balanced fractions."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from evaluation.lab.design import all_cells, choose_cells, contrasts, effects
from pipeline.errors import InputError


def test_whole_factorial_has_every_combination_once() -> None:
    assert all_cells((2, 3, 1)).tolist() == [list(cell) for cell in product(range(2), range(3), range(1))]
    assert (choose_cells((2, 3, 1)) == all_cells((2, 3, 1))).all()


@pytest.mark.slow
@pytest.mark.parametrize("levels", [(2, 3, 2, 3), (2, 2, 2, 2, 2), (4, 1, 2, 2)])
def test_fraction_has_every_level_equally_often_and_no_cell_twice(levels: tuple[int, ...]) -> None:
    cells = choose_cells(levels, Fraction(1, 2), seed=3)
    assert len(np.unique(cells, axis=0)) == len(cells) == int(np.prod(levels)) // 2
    for factor, count in enumerate(levels):
        assert set(np.bincount(cells[:, factor], minlength=count)) == {len(cells) // count}


def test_half_of_two_to_the_third_is_the_textbooks_orthogonal_array() -> None:
    """The regular half fraction: three two-level columns, each pair of levels of two factors once (Box, Hunter and Hunter, ch. 12)."""
    cells = choose_cells((2, 2, 2), Fraction(1, 2), seed=0)
    assert len(set(cells.sum(axis=1) % 2)) == 1
    columns = np.column_stack(effects(cells, (2, 2, 2)))
    assert columns.T @ columns == pytest.approx(4 * np.eye(3))


@pytest.mark.slow
def test_same_seed_gives_the_same_fraction_and_another_another() -> None:
    one, again, other = (choose_cells((2,) * 5, Fraction(1, 2), seed=seed) for seed in (5, 5, 6))
    assert (one == again).all()
    assert (one != other).any()


def test_contrasts_are_orthogonal_and_of_mean_square_one() -> None:
    for count in (2, 3, 5):
        columns = np.column_stack([np.ones(count), contrasts(count)])
        assert columns.T @ columns / count == pytest.approx(np.eye(count))


@pytest.mark.parametrize(
    ("levels", "fraction", "said"),
    [
        ((3, 3, 3, 3), Fraction(1, 27), "telling the levels apart takes 9"),
        ((2, 2), Fraction(3, 2), "above 0 and at most 1"),
        ((11, 10, 10), Fraction(1), "at most 1,000"),
    ],
)
def test_what_cannot_be_told_apart_or_run_is_refused(levels: tuple[int, ...], fraction: Fraction, said: str) -> None:
    with pytest.raises(InputError, match=said):
        choose_cells(levels, fraction)
