"""Question types against each other, held against scipy and scikit-posthocs."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evaluation.groups import chi2_tail, cliffs_delta, compare_types, dunn_pairs, kruskal_h
from evaluation.scoring import Scored
from pipeline.errors import InputError
from tests.evaluation.labelled import make_scored

GROUPS = {
    "a": np.array([0, 1, 2, 2, 3, 1, 0], np.float64),
    "b": np.array([1, 2, 3, 3, 4, 4, 2, 3], np.float64),
    "c": np.array([4, 4, 3, 5, 5, 2], np.float64),
    "d": np.array([0, 0, 1, 2, 1], np.float64),
}

values = st.lists(st.integers(0, 4).map(float), min_size=1, max_size=12).map(lambda found: np.array(found, np.float64))


def scored(kind: str, *measured: float, **overrides: Any) -> list[Scored]:
    return [make_scored(number, type=kind, f1=value, **overrides) for number, value in enumerate(measured)]


def test_statistic_and_p_are_scipys() -> None:
    found = list(GROUPS.values())
    theirs = stats.kruskal(*found)
    assert kruskal_h(found) == pytest.approx(theirs.statistic)
    assert chi2_tail(kruskal_h(found), 3) == pytest.approx(theirs.pvalue)


@pytest.mark.parametrize("freedom", range(1, 13))
def test_tail_of_chi_squared_is_scipys(freedom: int) -> None:
    for value in (0.0, 0.1, 1.0, 5.0, 30.0, 200.0):
        assert chi2_tail(value, freedom) == pytest.approx(stats.chi2.sf(value, freedom), rel=1e-9, abs=1e-300)


def test_dunns_test_is_scikit_posthocs() -> None:
    # scikit-posthocs 0.17.1: posthoc_dunn(groups) and posthoc_dunn(groups, p_adjust="holm")
    expected = {
        "ab": (0.0534672689, 0.1604018067),
        "ac": (0.0034829939, 0.0174149696),
        "ad": (0.5615191862, 0.5615191862),
        "bc": (0.246446509, 0.492893018),
        "bd": (0.018799613, 0.0751984519),
        "cd": (0.0011717205, 0.0070303233),
    }
    found = {each.first + each.second: (each.p, each.p_adjusted) for each in dunn_pairs(GROUPS)}
    assert list(found) == list(expected)
    for pair, p_values in expected.items():
        assert found[pair] == pytest.approx(p_values, abs=1e-9)


@given(values, values)
@pytest.mark.slow
def test_cliffs_delta_is_what_counting_every_pair_gives(first: Any, second: Any) -> None:
    counted = np.mean([np.sign(x - y) for x in first for y in second])
    assert cliffs_delta(first, second) == pytest.approx(counted)
    assert cliffs_delta(second, first) == pytest.approx(-counted)


def test_two_groups_give_the_statistic_of_dunns_pair_squared() -> None:
    two = {name: GROUPS[name] for name in "ac"}
    (pair,) = dunn_pairs(two)
    assert pair.z**2 == pytest.approx(kruskal_h(list(two.values())))


def test_types_are_compared_with_an_effect_size() -> None:
    scores = [each for kind, found in GROUPS.items() for each in scored(kind, *found)]
    test = compare_types(scores, "f1")
    assert [(each.name, each.questions) for each in test.groups] == [("a", 7), ("b", 8), ("c", 6), ("d", 5)]
    # ε² is the share of the variance of ranks that is between groups.
    ranks = stats.rankdata(np.concatenate(list(GROUPS.values())))
    parts = np.split(ranks, [7, 15, 21])
    between = sum(len(part) * (part.mean() - ranks.mean()) ** 2 for part in parts)
    assert test.epsilon_squared == pytest.approx(between / np.sum((ranks - ranks.mean()) ** 2))
    assert {each.first + each.second for each in test.pairs if each.significant} == {"ac", "cd"}
    assert {each.first + each.second: each.size for each in test.pairs}["ad"] == "small"


def test_type_with_two_questions_is_shown_and_not_tested() -> None:
    scores = [*scored("a", *GROUPS["a"]), *scored("b", *GROUPS["b"]), *scored("few", 0.0, 5.0)]
    test = compare_types(scores, "f1")
    assert {each.name: each.why_no_test for each in test.groups} == {"a": "", "b": "", "few": "fewer than 5 questions"}
    assert [(each.first, each.second) for each in test.pairs] == [("a", "b")]
    assert test.h == pytest.approx(stats.kruskal(GROUPS["a"], GROUPS["b"]).statistic)


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ([], "fewer than two types have 5 questions"),
        (scored("a", *GROUPS["a"]), "fewer than two types have 5 questions"),
        ([*scored("a", *[1.0] * 6), *scored("b", *[1.0] * 6)], "every question has the same value"),
    ],
    ids=["none", "one type", "all alike"],
)
def test_what_cannot_be_tested_says_why(scores: list[Scored], why: str) -> None:
    test = compare_types(scores, "f1")
    assert (test.h, test.p, test.epsilon_squared, test.pairs, test.why_no_test) == (None, None, None, (), why)


def test_questions_that_do_not_count_are_left_out() -> None:
    scores = [*scored("a", *GROUPS["a"]), *scored("b", *GROUPS["b"], answerable=False)]
    assert [each.name for each in compare_types(scores, "mrr").groups] == ["a"]


def test_unknown_measure_is_refused() -> None:
    with pytest.raises(InputError, match="no measure 'beauty'"):
        compare_types([], "beauty")


def test_result_is_ready_for_json() -> None:
    found = compare_types([*scored("a", *GROUPS["a"]), *scored("c", *GROUPS["c"])], "f1").to_dict()
    assert found["pairs"][0]["second"] == "c"
