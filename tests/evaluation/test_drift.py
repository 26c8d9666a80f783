"""Drift against scipy, definitions written out, and samples without any."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, stats
from sklearn.metrics.pairwise import rbf_kernel

from evaluation.drift import (
    FEWEST_QUESTIONS,
    SMALLEST_P,
    Window,
    benjamini_hochberg,
    ks_test,
    linear_cka,
    measure_index_drift,
    measure_window_drift,
    mmd_test,
    procrustes_residual,
    stability_index,
)
from evaluation.summary import FloatArray
from pipeline.errors import InputError

SAMPLE = st.lists(st.integers(0, 9) | st.floats(0, 9, allow_nan=False), min_size=1, max_size=14)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=9)


def unit(rows: int, dim: int, seed: int) -> FloatArray:
    found = np.random.default_rng(seed).normal(size=(rows, dim))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def names(rows: int) -> list[str]:
    return [f"chunk-{n}" for n in range(rows)]


def rotation(dim: int) -> FloatArray:
    return np.asarray(stats.ortho_group.rvs(dim, random_state=3))


def test_turned_index_has_not_drifted() -> None:
    x = unit(80, 6, 0)
    found = measure_index_drift(names(80), x, names(80), x @ rotation(6))
    assert (found.shared, found.added, found.removed) == (80, 0, 0)
    assert found.neighbour_overlap == found.neighbour_overlap_corrected == 1
    assert found.cka == pytest.approx(1)
    assert found.procrustes_residual == pytest.approx(0, abs=1e-12)
    assert found.centroid_shift == pytest.approx(float(np.linalg.norm(x.mean(axis=0) @ (np.eye(6) - rotation(6)))))


def test_unrelated_index_is_as_near_as_chance() -> None:
    found = measure_index_drift(names(400), unit(400, 40, 1), names(400), unit(400, 40, 2))
    # Of 400 × 10 neighbours 10/399 are shared by chance; the standard deviation of that mean is 0.0025.
    assert found.neighbour_overlap == pytest.approx(10 / 399, abs=0.01)
    assert found.neighbour_overlap_corrected == pytest.approx(0, abs=0.01)
    assert found.procrustes_residual > 0.5
    # Two Gaussian sets of d = 40 over n = 400 align at about d/(n + d) by chance.
    assert found.cka == pytest.approx(40 / 440, abs=0.03)


def test_only_chunks_in_both_are_compared_and_their_order_does_not_count() -> None:
    x = unit(30, 4, 5)
    found = measure_index_drift(names(30), x, ["new", *names(30)[:4:-1]], np.concatenate([x[:1], x[:4:-1]]))
    assert (found.shared, found.added, found.removed) == (25, 1, 5)
    assert found.neighbour_overlap == 1
    assert found.centroid_shift == pytest.approx(0)


def test_procrustes_is_scipys_and_fills_up_a_smaller_dimension() -> None:
    x, y = unit(50, 5, 6), unit(50, 5, 7)
    turned, _ = linalg.orthogonal_procrustes(x, y)
    assert procrustes_residual(x, y) == pytest.approx(np.sum((x @ turned - y) ** 2) / 100)
    wide = np.hstack([x, np.zeros((50, 3))]) @ rotation(8)
    assert procrustes_residual(x, wide) == pytest.approx(0, abs=1e-12)
    assert measure_index_drift(names(50), x, names(50), wide).centroid_shift is None


def test_cka_is_that_of_the_centred_kernels() -> None:
    x, y = unit(40, 5, 8), unit(40, 7, 9)
    centring = np.eye(40) - 1 / 40
    k, other = centring @ x @ x.T @ centring, centring @ y @ y.T @ centring
    # Kornblith et al. 2019, eq. 2 and 3 with linear kernels.
    assert linear_cka(x, y) == pytest.approx(np.trace(k @ other) / np.sqrt(np.trace(k @ k) * np.trace(other @ other)))
    assert linear_cka(x, 3 * x @ rotation(5) + 1) == pytest.approx(1)
    assert linear_cka(x, np.ones((40, 2))) == 0


@pytest.mark.parametrize(
    ("ids", "vectors"),
    [
        (["a", "b"], unit(2, 2, 0)),
        (["a", "a", "b"], unit(3, 2, 0)),
        (["a", "b", "c"], [[np.nan]] * 3),
        (["a", "b", "c"], [1, 2, 3]),
    ],
)
def test_indexes_that_cannot_be_compared_are_refused(ids: list[str], vectors: object) -> None:
    with pytest.raises(InputError):
        measure_index_drift(ids, vectors, ids, vectors)  # type: ignore[arg-type]


@given(SAMPLE, SAMPLE)
@pytest.mark.slow
def test_ks_is_scipys_ties_included(x: list[float], y: list[float]) -> None:
    found, p = ks_test(np.array(x), np.array(y))
    steps = round(found * math.lcm(len(x), len(y)))
    if steps < 2:  # which every path reaches; scipy gives up on it
        assert (found * math.lcm(len(x), len(y)), p) == (pytest.approx(steps), 1)
        return
    exact = stats.ks_2samp(x, y, method="exact")
    assert found == pytest.approx(exact.statistic)
    assert p == pytest.approx(max(exact.pvalue, SMALLEST_P), abs=1e-9)


def test_ks_of_large_windows_is_scipys() -> None:
    draw = np.random.default_rng(4)
    x, y = draw.normal(size=900), draw.normal(0.1, 1, size=700)
    assert ks_test(x, y)[1] == pytest.approx(stats.ks_2samp(x, y, method="exact").pvalue, rel=1e-6)
    assert ks_test(x, y + 9)[1] == SMALLEST_P


def test_mmd_is_its_definition() -> None:
    x, y = unit(12, 3, 10), unit(15, 3, 11) + 0.2
    pooled = np.concatenate([x, y])
    median = np.median([np.sum((pooled[i] - pooled[j]) ** 2) for i in range(27) for j in range(i)])
    kernel = rbf_kernel(pooled, gamma=1 / (2 * median))
    xx, yy, xy = kernel[:12, :12], kernel[12:, 12:], kernel[:12, 12:]
    expected = (xx.sum() - 12) / (12 * 11) + (yy.sum() - 15) / (15 * 14) - 2 * xy.mean()
    assert mmd_test(x, y, 9, np.random.default_rng(0))[0] == pytest.approx(expected)


@pytest.mark.slow
def test_p_values_are_uniform_where_nothing_drifts() -> None:
    p_mmd, p_ks = [], []
    for seed in range(200):
        draw = np.random.default_rng(1000 + seed)
        p_mmd.append(mmd_test(draw.normal(size=(25, 3)), draw.normal(size=(30, 3)), 199, draw)[1])
        # Sizes without a common divisor: the distance then takes many values, and its p is nearly continuous.
        p_ks.append(ks_test(draw.normal(size=89), draw.normal(size=97))[1])
    assert stats.kstest(p_mmd, "uniform").pvalue > 0.01
    assert stats.kstest(p_ks, "uniform").pvalue > 0.01


@pytest.mark.slow
def test_no_drift_raises_an_alarm_in_five_percent_of_charts_at_most() -> None:
    alarms = 0
    for seed in range(100):
        draw = np.random.default_rng(seed)
        reference, *windows = (Window(str(n), draw.normal(size=(30, 2)), draw.normal(size=30)) for n in range(4))
        alarms += any(each.drifted for each in measure_window_drift(reference, windows, permutations=199, seed=seed))
    # 5 of 100 with a binomial standard deviation of 2.2; the windows share a reference, and Holm is on the safe side.
    assert alarms <= 10


def test_drift_of_questions_and_of_scores_is_told_apart() -> None:
    draw = np.random.default_rng(2)
    vectors, scores = draw.normal(size=(200, 4)), draw.normal(0.8, 0.05, 200)
    same, moved, lower = measure_window_drift(
        Window("before", vectors, scores),
        [
            Window("same", draw.normal(size=(80, 4)), draw.normal(0.8, 0.05, 80)),
            Window("moved", draw.normal(0.8, 1, size=(80, 4)), draw.normal(0.8, 0.05, 80)),
            Window("lower", draw.normal(size=(80, 4)), draw.normal(0.75, 0.05, 80)),
        ],
        correction="bh",
    )
    assert [each.drifted for each in (same, moved, lower)] == [False, True, True]
    assert moved.mmd_p_adjusted < 0.01 < 0.05 < moved.ks_p_adjusted
    assert lower.ks_p_adjusted < 0.01 < 0.05 < lower.mmd_p_adjusted
    assert same.psi < 0.25 < lower.psi
    assert abs(same.mmd2) < moved.mmd2 / 5
    assert same.questions == 80


def test_stability_index_of_the_same_scores_is_0_and_of_others_its_definition() -> None:
    scores = np.random.default_rng(0).normal(size=333)
    assert stability_index(scores, scores) == 0
    # Two bins of 50 and 50 that become 10 and 90, half an observation added to each.
    expected = (10.5 - 50.5) / 101 * np.log(10.5 / 50.5) + (90.5 - 50.5) / 101 * np.log(90.5 / 50.5)
    found = stability_index(np.arange(100.0), np.r_[np.zeros(10), np.full(90, 99.0)], bins=2)
    assert found == pytest.approx(expected)
    assert np.isfinite(stability_index(np.ones(20), np.zeros(20)))


@given(P_VALUES)
@pytest.mark.slow
def test_benjamini_hochberg_is_scipys(p_values: list[float]) -> None:
    found = benjamini_hochberg({str(n): p for n, p in enumerate(p_values)})
    assert list(found.values()) == pytest.approx(stats.false_discovery_control(p_values).tolist())


def test_identical_questions_are_no_drift() -> None:
    assert mmd_test(np.ones((12, 3)), np.ones((14, 3)), 99, np.random.default_rng(0)) == (0.0, 1.0)


def test_windows_that_cannot_be_compared_are_refused() -> None:
    good = Window("a", unit(20, 3, 0), np.zeros(20))
    for windows, correction in (
        ([good, good], "holm"),
        ([good], "none"),
        ([Window("few", unit(FEWEST_QUESTIONS - 1, 3, 0), np.zeros(FEWEST_QUESTIONS - 1))], "holm"),
        ([Window("other", unit(20, 4, 0), np.zeros(20))], "holm"),
        ([Window("scores", unit(20, 3, 0), np.full(20, np.nan))], "holm"),
    ):
        with pytest.raises(InputError):
            measure_window_drift(good, windows, correction=correction)
