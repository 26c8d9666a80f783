"""Exact attribution against its definition, its axioms and closed forms."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explain.attribution import alone, dependence, interactions, leave_one_out, players, reliance, shapley
from pipeline.errors import InputError

games = st.integers(1, 5).flatmap(
    lambda k: st.lists(st.floats(-50, 50), min_size=2**k, max_size=2**k).map(lambda values: np.array(values))
)


def game_of(k, value):
    return np.array([value({i for i in range(k) if subset >> i & 1}) for subset in range(2**k)], float)


def by_permutations(game):
    """The definition: the mean over all orders of what a player adds when it comes."""
    k = players(game)
    found, orders = np.zeros(k), list(permutations(range(k)))
    for order in orders:
        subset = 0
        for i in order:
            found[i] += game[subset | 1 << i] - game[subset]
            subset |= 1 << i
    return found / len(orders)


@given(games)
@pytest.mark.slow
def test_shapley_values_are_the_mean_over_all_orders(game):
    assert shapley(game) == pytest.approx(by_permutations(game), abs=1e-9)


@given(games)
@pytest.mark.slow
def test_shapley_values_add_up_to_what_all_chunks_did(game):
    assert shapley(game).sum() == pytest.approx(reliance(game), abs=1e-9)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=5))
@pytest.mark.slow
def test_every_measure_gives_an_additive_game_its_weights(weights):
    game = game_of(len(weights), lambda subset: 3.0 + sum(weights[i] for i in subset))
    for measure in (shapley, leave_one_out, alone):
        assert measure(game) == pytest.approx(weights, abs=1e-9)
    assert interactions(game) == pytest.approx(np.zeros((len(weights), len(weights))), abs=1e-9)


@given(games, games)
@pytest.mark.slow
def test_attribution_of_a_sum_is_the_sum_of_attributions(one, other):
    n = min(len(one), len(other))
    one, other = one[:n], other[:n]
    assert shapley(one + other) == pytest.approx(shapley(one) + shapley(other), abs=1e-9)


def test_a_chunk_that_does_nothing_gets_nothing_and_equals_get_the_same():
    game = game_of(3, lambda subset: 5.0 * (0 in subset and 1 in subset))
    assert shapley(game) == pytest.approx([2.5, 2.5, 0])


def test_two_redundant_chunks_have_no_leave_one_out_but_two_each_by_shapley():
    game = game_of(2, lambda subset: 4.0 * bool(subset))
    assert leave_one_out(game) == pytest.approx([0, 0])
    assert shapley(game) == pytest.approx([2, 2])


def test_a_pure_or_of_weight_w_interacts_by_minus_w_and_a_pure_and_by_plus_w():
    assert interactions(game_of(2, lambda subset: 3.0 * bool(subset)))[0, 1] == pytest.approx(-3)
    assert interactions(game_of(2, lambda subset: 3.0 * (len(subset) == 2)))[0, 1] == pytest.approx(3)


def test_dependence_tells_an_or_from_an_and_whatever_the_unit():
    for weight in (0.01, 3.0, 40.0):
        assert dependence(game_of(2, lambda subset, w=weight: w * bool(subset)))[0, 1] == pytest.approx(-1)
        assert dependence(game_of(2, lambda subset, w=weight: w * (len(subset) == 2)))[0, 1] == pytest.approx(1)
    for game in (game_of(2, lambda subset: 2.0 * len(subset)), np.ones(4)):
        assert dependence(game) == pytest.approx(np.zeros((2, 2)))


@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_any_number_of_redundant_chunks_is_nearer_to_an_or_than_to_nothing(k):
    assert dependence(game_of(k, lambda subset: float(bool(subset))))[0, 1] < -0.5


@given(games)
@pytest.mark.slow
def test_tokens_are_games_of_their_own(game):
    both = np.stack([game, game[::-1]], axis=1)
    assert shapley(both)[:, 0] == pytest.approx(shapley(game), abs=1e-9)
    assert shapley(both)[:, 1] == pytest.approx(shapley(game[::-1]), abs=1e-9)
    assert leave_one_out(both).shape == (players(game), 2)
    assert interactions(both)[:, :, 0] == pytest.approx(interactions(game), abs=1e-9)


def test_a_game_without_players_is_empty():
    assert shapley(np.array([1.0])).shape == leave_one_out(np.array([1.0])).shape == (0,)


def test_another_number_of_values_is_no_game():
    with pytest.raises(InputError, match="2\\^k"):
        shapley(np.zeros(5))
