"""Our exact attribution against shapiq's exact computer, which works it out from the same values by other formulas."""

import numpy as np
import pytest
from shapiq.game_theory.exact import ExactComputer

from explain.attribution import FloatArray, interactions, shapley


def compute(game: FloatArray) -> ExactComputer:
    """shapiq on a game of ours. Its coalitions are masks (n, k); a game of ours is numbered by their bits."""
    k = len(game).bit_length() - 1
    return ExactComputer(lambda masks: game[masks @ (1 << np.arange(k))], n_players=k)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_shapley_values_and_interactions_are_those_of_shapiq(k: int, seed: int) -> None:
    game = np.random.default_rng(seed).normal(-20, 10, 2**k)
    exact = compute(game)
    assert shapley(game) == pytest.approx(exact("SV").get_n_order_values(1), abs=1e-9)
    pairs = exact("k-SII", order=2)
    assert shapley(game) - interactions(game).sum(axis=1) / 2 == pytest.approx(pairs.get_n_order_values(1), abs=1e-9)
    assert interactions(game) == pytest.approx(pairs.get_n_order_values(2), abs=1e-9)
