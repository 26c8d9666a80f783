"""Statistics of paired differences, held against scipy where every cluster is one question, and against published figures."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from evaluation.paired import (
    bca_interval,
    gather,
    holm,
    mcnemar_p,
    questions_needed,
    score_limits,
    sign_flip_p,
)
from evaluation.summary import FloatArray
from pipeline.errors import InputError


def names(count: int) -> list[str]:
    return [f"article {number:04}" for number in range(count)]


def normal(count: int, mean: float = 0.2, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(mean, 1, count)


def mean_difference(x: FloatArray, y: FloatArray, axis: int) -> FloatArray:
    found: FloatArray = np.mean(x - y, axis=axis)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_bca_interval_of_one_question_clusters_is_scipys(seed: int) -> None:
    found = normal(40, seed=seed) ** 3
    theirs = stats.bootstrap(
        (found,), np.mean, method="BCa", n_resamples=999, rng=np.random.default_rng(seed)
    ).confidence_interval
    # Both draw the same indices from the same generator.
    assert bca_interval(gather(names(40), found), seed=seed, resamples=999) == pytest.approx(tuple(theirs), abs=1e-12)


def test_interval_is_as_wide_for_copies_of_a_question_as_for_the_question() -> None:
    found = normal(20)
    once = bca_interval(gather(names(20), found))
    five_times = bca_interval(gather(names(20) * 5, np.tile(found, 5)))
    assert five_times == pytest.approx(once)


@pytest.mark.slow
def test_interval_reaches_its_nominal_coverage() -> None:
    covered = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        effects = np.repeat(rng.normal(0, 1, 30), 4) + rng.normal(0, 1, 120)
        low, high = bca_interval(gather(list(np.repeat(names(30), 4)), effects), resamples=499) or (1, 1)
        covered += low <= 0 <= high
    # 95 %, less what 30 clusters and 499 resamples cost; three standard errors of 300 draws are 3.8 points.
    assert covered / 300 > 0.89


def test_no_interval_for_fewer_than_five_clusters() -> None:
    assert bca_interval(gather(["a", "b", "c", "d"] * 5, normal(20))) is None


def test_interval_of_what_never_differs_is_a_point() -> None:
    assert bca_interval(gather(names(9), np.zeros(9))) == (0.0, 0.0)


def test_exact_p_of_one_question_clusters_is_scipys() -> None:
    found = normal(10)
    theirs = stats.permutation_test(
        (found, np.zeros(10)), mean_difference, permutation_type="samples", vectorized=True, n_resamples=np.inf
    ).pvalue
    assert sign_flip_p(gather(names(10), found)) == pytest.approx(theirs)


def test_p_of_many_clusters_is_scipys_but_for_chance() -> None:
    found = normal(60)
    theirs = stats.permutation_test(
        (found, np.zeros(60)),
        mean_difference,
        permutation_type="samples",
        vectorized=True,
        n_resamples=9999,
        rng=np.random.default_rng(1),
    ).pvalue
    # Two estimates from 9,999 draws: four standard errors.
    assert sign_flip_p(gather(names(60), found)) == pytest.approx(theirs, abs=4 * math.sqrt(2 * theirs / 9999))


def test_whole_clusters_are_flipped() -> None:
    sums = [3.0, -1.0, 2.0, 2.0, 1.0, -2.0]
    clusters = [name for name, total in zip(names(6), sums, strict=True) for _ in range(int(abs(total)))]
    ones = np.array([math.copysign(1, total) for total in sums for _ in range(int(abs(total)))])
    reached = [abs(sum(s * x for s, x in zip(signs, sums, strict=True))) >= 5 for signs in product((1, -1), repeat=6)]
    assert sign_flip_p(gather(clusters, ones)) == pytest.approx(np.mean(reached))


def test_random_flips_never_give_a_p_of_zero() -> None:
    assert sign_flip_p(gather(names(100), np.ones(100)), flips=999) == 1 / 1000


def test_p_is_one_where_nothing_differs() -> None:
    assert sign_flip_p(gather(names(9), np.zeros(9))) == 1.0


def test_like_against_like_raises_no_more_alarms_than_promised_and_questions_taken_as_independent_do() -> None:
    """200 pairs of runs that differ by chance alone, 30 articles of 8 questions, which change sides together."""
    by_article = by_question = 0
    clusters = list(np.repeat(names(30), 8))
    for seed in range(200):
        rng = np.random.default_rng(seed)
        direction = np.repeat(rng.choice([-1, 1], 30), 8)
        found = np.where(rng.random(240) < 0.25, direction, 0).astype(np.float64)
        by_article += sign_flip_p(gather(clusters, found), seed=seed, flips=499) < 0.05
        by_question += mcnemar_p(int(np.sum(found > 0)), int(np.sum(found < 0))) < 0.05
    # 5 % and three standard errors of 200 draws.
    assert by_article / 200 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 200)
    assert by_question / 200 > 0.15


@pytest.mark.parametrize(("gained", "lost"), [(0, 1), (5, 5), (3, 9), (40, 20), (300, 260), (0, 30), (5000, 5200)])
def test_mcnemar_is_the_binomial_test_of_those_that_changed(gained: int, lost: int) -> None:
    assert mcnemar_p(gained, lost) == pytest.approx(stats.binomtest(gained, gained + lost).pvalue, rel=1e-9)


def test_mcnemar_of_no_change_is_one() -> None:
    assert mcnemar_p(0, 0) == 1.0


def test_holm_is_as_statsmodels_has_it() -> None:
    # statsmodels 0.15.0: multipletests([.01, .04, .03, .005, .5], method="holm")
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005, "e": 0.5})
    assert found == pytest.approx({"a": 0.04, "b": 0.09, "c": 0.09, "d": 0.025, "e": 0.5})


def test_holm_of_no_test_is_nothing() -> None:
    assert holm({}) == {}


def test_score_limits_are_the_published_ones() -> None:
    # Fagerland, Lydersen, Laake 2014 (Stat. Med. 33:2850): of 21 children 1 and 7 changed sides; Tango's interval is −0.517 to −0.026.
    assert score_limits(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)


def test_score_limits_of_no_change_have_a_width() -> None:
    # The statistic is then nδ/√(nδ(1 − δ)), so that δ = z²/(n + z²).
    squared = stats.norm.ppf(0.975) ** 2
    limit = squared / (100 + squared)
    assert score_limits(0, 0, 100) == pytest.approx((-limit, limit))


@pytest.mark.parametrize(("gained", "lost", "questions"), [(3, 9, 50), (30, 22, 200), (0, 4, 12)])
def test_score_statistic_at_the_limits_is_the_normal_quantile(gained: int, lost: int, questions: int) -> None:
    """With the nuisance share found by searching the likelihood, not from Tango's closed form."""
    for limit in score_limits(gained, lost, questions):
        shares = np.linspace(max(0.0, -limit) + 1e-9, (1 - limit) / 2 - 1e-9, 400_001)
        rest = questions - gained - lost
        likelihood = (
            gained * np.log(shares + limit)
            + lost * np.log(shares)
            + rest * np.log(np.maximum(1e-300, 1 - 2 * shares - limit))
        )
        best = shares[np.argmax(likelihood)]
        spread = math.sqrt(questions * (2 * best + limit - limit**2))
        assert abs(gained - lost - questions * limit) / spread == pytest.approx(stats.norm.ppf(0.975), abs=1e-3)


@pytest.mark.parametrize(("discordance", "needed"), [(0.10, 312), (0.20, 626)])
def test_five_points_take_as_many_questions_as_the_literature_says(discordance: float, needed: int) -> None:
    assert questions_needed(0.05, discordance) == questions_needed(-0.05, discordance) == needed


@pytest.mark.parametrize(("difference", "discordance"), [(0.0, 0.1), (0.2, 0.1), (0.1, 1.5), (math.nan, 0.1)])
def test_impossible_differences_are_refused(difference: float, discordance: float) -> None:
    with pytest.raises(InputError, match="No number of questions"):
        questions_needed(difference, discordance)


def test_no_difference_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        gather([], np.array([]))


def test_design_effect_is_the_cluster_size_where_a_cluster_goes_as_one() -> None:
    signs = np.repeat([1.0, -1.0] * 10, 6)
    assert gather(list(np.repeat(names(20), 6)), signs).design_effect == pytest.approx(6)
    assert gather(names(120), signs).design_effect == 1
