"""Confidence from log-probabilities and from samples: closed forms, and scipy's entropy."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from explain.confidence import (
    SAME_F1,
    cluster_answers,
    measure_samples,
    measure_tokens,
    modal_answer,
    predictive_entropy,
    self_consistency,
    semantic_entropy,
)
from pipeline.errors import InputError

logprobs = st.floats(-50, 0)
"""−50 nats is a probability of 2e-22."""


def test_token_logprobs_are_summed_up() -> None:
    found = measure_tokens([math.log(0.5), math.log(0.25), math.log(0.125)])
    assert found.tokens == 3
    assert found.sequence_nats == pytest.approx(math.log(1 / 64))  # 1/2 · 1/4 · 1/8
    assert found.mean_nats == pytest.approx(math.log(1 / 4))
    assert found.min_nats == pytest.approx(math.log(1 / 8))
    assert found.probability == pytest.approx(1 / 4)  # the cube root of 1/64
    assert found.impossible == 0


@given(st.lists(logprobs, min_size=1, max_size=30))
def test_least_likely_token_bounds_the_mean_and_the_mean_bounds_the_sum(values: list[float]) -> None:
    found = measure_tokens(values)
    assert found.min_nats - 1e-9 <= found.mean_nats <= 0
    assert found.sequence_nats <= found.mean_nats + 1e-9


def test_impossible_token_makes_the_answer_impossible_and_is_counted() -> None:
    found = measure_tokens([-0.1, -math.inf, -math.inf])
    assert (found.sequence_nats, found.mean_nats, found.min_nats) == (-math.inf,) * 3
    assert found.probability == 0
    assert found.impossible == 2


def test_rounding_above_zero_is_certainty() -> None:
    assert measure_tokens([1e-7]).sequence_nats == 0


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf], [0.3]])
def test_what_is_no_logprob_is_refused(values: list[float]) -> None:
    with pytest.raises(InputError, match="log-probabilit"):
        measure_tokens(values)


def test_deterministic_generator_has_no_predictive_entropy() -> None:
    assert math.copysign(1, predictive_entropy([0.0] * 10)) == 1  # 0 and not −0
    assert predictive_entropy([0.0] * 10) == 0


def test_predictive_entropy_is_the_mean_surprise() -> None:
    assert predictive_entropy([-1.0, -3.0]) == 2
    assert predictive_entropy([-1.0, -math.inf]) == math.inf


def test_answers_that_share_most_words_are_one_cluster() -> None:
    answers = ["Alfred Wegener", "the Wegener!", "Marie Curie", "alfred wegener", "Curie"]
    assert cluster_answers(answers) == (0, 0, 1, 0, 1)


def test_threshold_of_one_keeps_apart_all_but_the_same_words() -> None:
    assert cluster_answers(["Alfred Wegener", "Wegener", "Wegener, Alfred"], threshold=1) == (0, 1, 0)


def test_months_of_one_year_are_kept_apart() -> None:
    assert cluster_answers(["May 1912", "June 1912"]) == (0, 1)  # F1 1/2, under SAME_F1
    assert SAME_F1 > 0.5


def test_empty_answers_are_their_own_cluster() -> None:
    assert cluster_answers(["", "France", "the"]) == (0, 1, 0)


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.1, math.nan])
def test_threshold_that_sorts_nothing_is_refused(threshold: float) -> None:
    with pytest.raises(InputError, match="threshold"):
        cluster_answers(["a"], threshold=threshold)


@pytest.mark.parametrize("scores", [None, [-1.0, -2.0, -800.0]])
def test_one_cluster_has_no_semantic_entropy(scores: list[float] | None) -> None:
    assert semantic_entropy([0, 0, 0], scores) == 0


@pytest.mark.parametrize("scores", [None, [-900.0] * 10])
def test_distinct_answers_of_equal_probability_have_entropy_ln_m(scores: list[float] | None) -> None:
    assert semantic_entropy(range(10), scores) == pytest.approx(math.log(10))


def test_probable_clusters_weigh_more_than_counted_ones() -> None:
    clusters, scores = [0, 0, 1], [math.log(0.1), math.log(0.2), math.log(0.3)]
    assert semantic_entropy(clusters) == pytest.approx(entropy([2, 1]))
    assert semantic_entropy(clusters, scores) == pytest.approx(entropy([0.3, 0.3]))


def test_impossible_sample_has_no_mass() -> None:
    assert semantic_entropy([0, 1], [-1.0, -math.inf]) == 0
    with pytest.raises(InputError, match="probability 0"):
        semantic_entropy([0, 1], [-math.inf, -math.inf])


@given(st.lists(st.tuples(st.integers(0, 4), logprobs), min_size=1, max_size=12))
@pytest.mark.slow
def test_semantic_entropy_lies_between_none_and_that_of_as_many_clusters(samples: list[tuple[int, float]]) -> None:
    clusters, scores = [c for c, _ in samples], [s for _, s in samples]
    for found in (semantic_entropy(clusters), semantic_entropy(clusters, scores)):
        assert 0 <= found <= math.log(len(set(clusters))) + 1e-9


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.randoms())
@pytest.mark.slow
def test_neither_order_nor_names_of_clusters_matter(clusters: list[int], random: Random) -> None:
    renamed = [10 - cluster for cluster in clusters]
    random.shuffle(renamed)
    assert semantic_entropy(renamed) == pytest.approx(semantic_entropy(clusters))
    assert self_consistency(renamed) == self_consistency(clusters)


def test_constant_answers_are_wholly_consistent() -> None:
    found = measure_samples(["Paris"] * 10, [0.0] * 10)
    assert found.self_consistency == 1
    assert found.semantic_entropy_nats == 0
    assert found.predictive_entropy_nats == 0
    assert set(found.clusters) == {0}


def test_distinct_answers_are_as_inconsistent_as_can_be() -> None:
    found = measure_samples(["Paris", "Rome", "Oslo", "Bern"])
    assert found.self_consistency == 1 / 4
    assert found.semantic_entropy_nats == pytest.approx(math.log(4))
    assert found.predictive_entropy_nats is None


def test_modal_answer_is_the_first_of_the_largest_cluster() -> None:
    answers = ["Rome", "Alfred Wegener", "Wegener"]
    assert modal_answer(answers, cluster_answers(answers)) == "Alfred Wegener"


def test_no_samples_and_unequal_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="at least one"):
        measure_samples([])
    with pytest.raises(InputError, match="one for each"):
        measure_samples(["Paris", "Rome"], [-1.0])
