"""Pairs of ways, tested on the same questions."""

import numpy as np
import pytest
from scipy.stats import permutation_test

from evaluation.lab.pairs import compare_pairs
from pipeline.errors import InputError

CLUSTERS = [f"article {place // 2}" for place in range(20)]


def draw(seed: int, share: float = 0.5) -> list[float]:
    return [float(x) for x in np.random.default_rng(seed).random(20) < share]


def test_a_pair_has_the_p_of_a_sign_flip_test_over_articles() -> None:
    first, second = draw(1, 0.3), draw(2, 0.8)
    [found] = compare_pairs({"right": {"a": first, "b": second}}, CLUSTERS)
    sums = np.array(second).reshape(10, 2).sum(axis=1) - np.array(first).reshape(10, 2).sum(axis=1)
    exact = permutation_test((sums,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert found.difference == pytest.approx(np.mean(second) - np.mean(first))
    assert found.p == pytest.approx(exact.pvalue)
    assert found.p_adjusted == found.p


def test_p_values_are_corrected_over_all_pairs_and_measures() -> None:
    ways = {name: draw(seed, share) for name, seed, share in (("a", 1, 0.2), ("b", 2, 0.9), ("c", 3, 0.5))}
    found = compare_pairs({"right": ways, "recall": ways}, CLUSTERS)
    assert [(each.first, each.second) for each in found[:3]] == [("a", "b"), ("a", "c"), ("b", "c")]
    smallest = min(each.p for each in found if each.p is not None)
    assert min(each.p_adjusted for each in found if each.p_adjusted is not None) == pytest.approx(6 * smallest)


def test_with_one_to_hold_against_only_its_pairs_are_tested() -> None:
    ways = {"a": draw(1), "b": draw(2), "c": draw(3)}
    assert [(each.first, each.second) for each in compare_pairs({"right": ways}, CLUSTERS, against="b")] == [
        ("b", "a"),
        ("b", "c"),
    ]
    assert compare_pairs({"right": {"a": draw(1)}}, CLUSTERS, against="b") == []


def test_equal_ways_leave_room_for_a_difference_and_have_no_p() -> None:
    [found] = compare_pairs({"right": {"a": draw(1), "b": draw(1)}}, CLUSTERS)
    assert (found.difference, found.p, found.why_no_test) == (0.0, None, "nothing differs")
    assert found.low is not None
    assert found.low == pytest.approx(-found.high if found.high is not None else 0)
    assert found.low < -0.1


def test_questions_that_do_not_count_for_both_are_left_out() -> None:
    first: list[float | None] = [None, *draw(1)[1:]]
    second: list[float | None] = [*draw(2)[:-1], None]
    [found] = compare_pairs({"right": {"a": first, "b": second}}, CLUSTERS)
    assert found.questions == 18
    [none] = compare_pairs({"right": {"a": [None] * 20, "b": second}}, CLUSTERS)
    assert (none.questions, none.why_no_test) == (0, "no question counts for both")


def test_few_articles_are_not_tested() -> None:
    [found] = compare_pairs({"right": {"a": draw(1), "b": draw(2)}}, ["one"] * 20)
    assert found.p is None
    assert "articles" in found.why_no_test


def test_another_number_of_questions_is_refused() -> None:
    with pytest.raises(InputError, match="b has 3 values"):
        compare_pairs({"right": {"a": draw(1), "b": [1.0, 0.0, 1.0]}}, CLUSTERS)
