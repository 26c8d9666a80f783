"""Whether a check of an explanation tells a good one from a bad one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from explain.faithfulness import datamodeling_score, random_drop, spearman, top_drop
from explain.lattice import subset_mask
from explain.ranking import tied_ranks

values = st.lists(st.integers(-5, 5), min_size=3, max_size=30).map(lambda found: np.array(found, float))


@given(values)
@pytest.mark.slow
def test_ranks_are_scipys(found):
    assert tied_ranks(found) == pytest.approx(rankdata(found))


@given(values, st.randoms())
@pytest.mark.slow
def test_correlation_is_scipys(found, random):
    other = np.array(random.sample(list(found), len(found)))
    if len(set(found)) > 1:
        assert spearman(found, other) == pytest.approx(spearmanr(found, other).statistic, abs=1e-12)
    else:
        assert spearman(found, other) is None


def test_an_additive_game_is_predicted_exactly_and_a_wrong_sign_shows():
    weights = np.array([3.0, 1.0, 0.5])
    game = subset_mask(3) @ weights
    assert datamodeling_score(weights, subset_mask(3), game) == pytest.approx(1)
    assert datamodeling_score(-weights, subset_mask(3), game) == pytest.approx(-1)


def test_taking_the_best_away_hurts_more_than_taking_any():
    game = subset_mask(3) @ np.array([3.0, 1.0, 0.5])
    assert top_drop(np.array([3.0, 1.0, 0.5]), game, 1) == pytest.approx(3)
    assert random_drop(game, 1) == pytest.approx(1.5)
    assert top_drop(np.array([0.0, 0.0, 1.0]), game, 1) < random_drop(game, 1)


def test_a_game_in_which_nothing_changes_has_no_score():
    assert datamodeling_score(np.zeros(2), subset_mask(2), np.ones(4)) is None
