"""Similarity of a question and its chunks: closed forms, and that higher is more alike."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.similarity import TEMPERATURE, Similarity, measure_similarity


def test_equal_cosines_have_no_margin_no_variance_and_the_highest_entropy() -> None:
    found = measure_similarity([0.8] * 5)
    assert found == Similarity(0.8, pytest.approx(0.8), pytest.approx(0), 0, pytest.approx(1))


def test_one_that_stands_out_has_the_margin_and_little_entropy() -> None:
    found = measure_similarity([0.1, 0.9, 0.1])
    assert (found.top, found.margin) == (0.9, pytest.approx(0.8))
    assert found.variance == pytest.approx(0.8**2 * 2 / 9)
    assert found.entropy < 0.001


def test_entropy_is_that_of_the_softmax() -> None:
    shares = [1 / (1 + math.exp(-0.05 / TEMPERATURE)), 1 / (1 + math.exp(0.05 / TEMPERATURE))]
    wanted = -sum(share * math.log(share) for share in shares) / math.log(2)
    assert measure_similarity([0.5, 0.55]).entropy == pytest.approx(wanted)


def test_one_chunk_and_none() -> None:
    assert measure_similarity([0.7]) == Similarity(0.7, 0.7, 0, 0, 0)
    assert measure_similarity([]) is None


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20), st.randoms())
@pytest.mark.slow
def test_figures_stay_in_bounds_whatever_the_order(cosines, random) -> None:
    found = measure_similarity(cosines)
    random.shuffle(cosines)
    assert measure_similarity(cosines).entropy == pytest.approx(found.entropy)
    assert min(cosines) <= found.mean <= found.top == max(cosines)
    assert found.variance >= 0
    assert 0 <= found.entropy <= 1
    assert found.margin >= 0
