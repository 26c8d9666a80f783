"""Times of the same questions on two targets, held against closed forms and SciPy."""

import numpy as np
import pytest
from scipy import stats

from evaluation.lab.latency import adjust, pair, slowest, spread

Times = dict[str, list[float]]


def drawn(count: int, factor: float, noise: float, seed: int) -> tuple[Times, Times]:
    """Questions whose own times spread over a decade; the second target takes `factor` times as long, give or take the noise."""
    rng = np.random.default_rng(seed)
    base = np.exp(rng.uniform(3, 5.3, count))
    first, second = (base * scale * np.exp(rng.normal(0, noise, count)) for scale in (1.0, factor))
    return _named(first), _named(second)


def _named(times: np.ndarray) -> Times:
    return {f"q{n}": [float(ms)] for n, ms in enumerate(times)}


def test_percentiles_and_mean_are_those_of_the_values() -> None:
    found = spread([40.0, 10.0, 30.0, 20.0, 110.0])
    assert found is not None
    assert (found.questions, found.p50_ms, found.mean_ms) == (5, 30.0, 42.0)
    assert found.p95_ms == pytest.approx(40 + 0.8 * 70)
    assert spread([]) is None


def test_a_target_that_always_takes_twice_as_long_has_the_ratio_two_without_a_doubt() -> None:
    first = {f"q{n}": [10.0 * (n + 1)] for n in range(10)}
    found = pair(first, {name: [2 * ms] for name, (ms,) in first.items()})
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))
    assert found.p == pytest.approx(2 / 2**10)
    assert found.change == pytest.approx(1.0)


def test_ratio_and_p_are_those_of_scipy_over_shared_questions_alone() -> None:
    first, second = drawn(12, 1.2, 0.3, seed=4)
    both = [name for name in first if name != "q3"]
    found = pair({**first, "only here": [1.0]}, {name: second[name] for name in both})
    assert found is not None
    ratios = np.array([second[name][0] / first[name][0] for name in both])
    assert found.questions == len(both)
    assert found.value == pytest.approx(stats.gmean(ratios))
    oracle = stats.permutation_test((np.log(ratios),), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert found.p == pytest.approx(oracle.pvalue)


@pytest.mark.slow
def test_intervals_hold_the_true_ratio_about_as_often_as_they_promise() -> None:
    held = 0
    for seed in range(60):
        found = pair(*drawn(40, 0.65, 0.4, seed))
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.65 <= found.high
    assert held >= stats.binom.ppf(0.001, 60, 0.95)


def test_a_pair_of_equal_targets_is_seldom_called_different() -> None:
    found = [pair(*drawn(12, 1.0, 0.3, seed)) for seed in range(80)]
    assert sum(each is not None and each.p < 0.05 for each in found) <= stats.binom.ppf(0.999, 80, 0.05)


def test_the_interval_is_left_out_of_four_questions_and_the_ratio_is_not() -> None:
    found = pair({f"q{n}": [1.0] for n in range(4)}, {f"q{n}": [3.0] for n in range(4)})
    assert found is not None
    assert found.value == pytest.approx(3.0)
    assert found.low is None


def test_targets_without_a_question_in_common_are_not_compared() -> None:
    assert pair({"a": [1.0], "b": []}, {"b": [1.0], "c": [1.0]}) is None


def test_a_question_asked_several_times_counts_once() -> None:
    first = {f"q{n}": [1.0] for n in range(5)}
    second = {f"q{n}": [2.0, 8.0] for n in range(5)}
    found = pair(first, second)
    assert found is not None
    assert (found.value, found.questions) == (pytest.approx(4.0), 5)


def test_p_grows_with_the_number_of_comparisons() -> None:
    first = {f"q{n}": [1.0 + n] for n in range(10)}
    twice = pair(first, {name: [2 * ms] for name, (ms,) in first.items()})
    found = adjust({"embed": twice, "rerank": None, "generate": twice})
    assert found["rerank"] is None
    assert [each.p for each in found.values() if each is not None] == pytest.approx([4 / 2**10] * 2)


def test_cold_calls_of_a_minute_are_its_slowest() -> None:
    assert slowest([5.0, None, 900.0, 7.0, 950.0], 2) == [2, 4]
    assert slowest([None, None], 1) == []
