"""Which cell to take."""

import numpy as np
import pytest

from evaluation.lab.best_cell import choose_cell, latency_cost

ARTICLES = [f"article {number}" for number in range(60)]


def cells(*means: float) -> np.ndarray:
    """(60, cells): the first so many questions right in each cell."""
    return np.column_stack([np.arange(60) < mean * 60 for mean in means]).astype(np.float64)


def test_cheap_cell_that_is_as_good_is_the_cheapest_and_a_far_worse_one_is_not() -> None:
    choice = choose_cell(cells(0.9, 0.9, 0.4), ARTICLES, [300.0, 100.0, 10.0])
    assert (choice.best, choice.cheapest, choice.safe) == (1, 1, 1)
    assert choice.rivals[2].worse
    assert choice.rivals[2].difference == pytest.approx(-0.5)


def test_cell_that_is_not_shown_to_be_worse_need_not_be_safe() -> None:
    """Two of sixty questions lost: p is 1/2 by sign flips of two articles, and the interval reaches below two points."""
    choice = choose_cell(cells(0.9, 52 / 60), ARTICLES, [300.0, 100.0])
    assert choice.rivals[1].p == pytest.approx(0.5)
    assert (choice.best, choice.cheapest, choice.safe) == (0, 1, 0)


def test_p_values_are_corrected_over_the_cells() -> None:
    """Six questions lost: sign flips give 2/2⁶; two such rivals double it (Holm)."""
    alone = choose_cell(cells(0.9, 0.8), ARTICLES, [2.0, 1.0])
    both = choose_cell(cells(0.9, 0.8, 0.8), ARTICLES, [2.0, 1.0, 1.0])
    assert alone.rivals[1].p == pytest.approx(2 / 64)
    assert both.rivals[1].p == pytest.approx(4 / 64)


def test_few_articles_rule_nothing_out() -> None:
    choice = choose_cell(cells(0.9, 0.1), ["a"] * 30 + ["b"] * 30, [2.0, 1.0])
    assert (choice.best, choice.cheapest, choice.safe) == (0, 1, None)


def test_cost_is_the_median() -> None:
    assert latency_cost(np.array([[1.0, 5.0], [2.0, 5.0], [90.0, 8.0]])).tolist() == [2.0, 5.0]
