"""Recalibration and selective answering: scikit-learn, scipy and closed forms as oracles."""

import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from explain.calibration import (
    MIN_ISOTONIC_PAIRS,
    MIN_TEMPERATURE_PAIRS,
    TEMPERATURES,
    Isotonic,
    Temperature,
    aurc,
    auroc,
    bin_reliability,
    brier_score,
    calibration_error,
    fit_isotonic,
    fit_temperature,
    length_scores,
    read_recalibration,
    risk_coverage,
)
from pipeline.errors import InputError

Pairs = tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]


def make_pairs(count: int = 500, *, seed: int = 0, sharpness: float = 2.0, decimals: int = 17) -> Pairs:
    """Scores that are too sure by a temperature of `sharpness`; `decimals` rounds them into ties."""
    random = np.random.default_rng(seed)
    odds = random.normal(0.5, 1.5, count)
    scores = 1 / (1 + np.exp(-odds * sharpness))
    return scores.round(decimals), random.random(count) < 1 / (1 + np.exp(-odds))


@st.composite
def labelled(draw: st.DrawFn) -> Pairs:
    """A few scores, many of them tied, with at least one right and one wrong answer."""
    pairs = draw(st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0]), st.booleans()), max_size=15))
    scores, correct = zip(*pairs, (0.25, True), (0.5, False), strict=True)
    return np.array(scores), np.array(correct)


BOTH = pytest.mark.parametrize("decimals", [17, 1], ids=["distinct", "tied"])


def test_temperature_is_the_one_of_least_log_loss() -> None:
    scores, correct = make_pairs()
    odds = np.log(scores / (1 - scores))
    best = minimize_scalar(lambda t: log_loss(correct, 1 / (1 + np.exp(-odds / t))), bounds=(0.1, 10), method="bounded")
    assert fit_temperature(scores, correct).temperature == pytest.approx(best.x, rel=1e-4)


def test_temperature_undoes_what_made_scores_too_sure() -> None:
    scores, correct = make_pairs(20_000, sharpness=3.0)
    fit = fit_temperature(scores, correct)
    assert fit.temperature == pytest.approx(3, rel=0.05)
    assert calibration_error(fit.apply(scores), correct) < calibration_error(scores, correct) / 4


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 4.0])
@BOTH
def test_temperature_leaves_auroc_unchanged(sharpness: float, decimals: int) -> None:
    scores, correct = make_pairs(sharpness=sharpness, decimals=decimals)
    assert auroc(fit_temperature(scores, correct).apply(scores), correct) == auroc(scores, correct)


def test_temperature_keeps_the_order_of_extreme_scores() -> None:
    scores = np.array([0.0, 1e-300, 1e-30, 0.5, 1 - 2**-53, 1.0])
    assert np.all(np.diff(Temperature(2.0, 30, "0" * 12).apply(scores)) > 0)


def test_temperature_of_one_changes_nothing() -> None:
    scores = np.linspace(0.01, 0.99, 9)
    assert Temperature(1.0, 30, "0" * 12).apply(scores) == pytest.approx(scores)


def test_temperature_stays_within_bounds_where_none_is_best() -> None:
    scores = np.linspace(0.01, 0.99, 40)
    assert fit_temperature(scores, scores > 0.5).temperature == pytest.approx(TEMPERATURES[0])
    assert fit_temperature(scores, scores < 0.5).temperature == pytest.approx(TEMPERATURES[1])


@BOTH
def test_isotonic_fit_is_that_of_scikit_learn(decimals: int) -> None:
    scores, correct = make_pairs(decimals=decimals)
    fit = fit_isotonic(scores, correct)
    reference = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, correct)
    grid = np.linspace(-0.5, 1.5, 2_001)
    assert fit.apply(grid) == pytest.approx(reference.predict(grid))


def test_isotonic_fit_takes_scores_on_any_scale() -> None:
    scores, correct = make_pairs()
    logs = np.log(scores)
    assert fit_isotonic(logs, correct).apply(logs) == pytest.approx(fit_isotonic(scores, correct).apply(scores))
    assert fit_isotonic(logs, correct).apply(-math.inf) == fit_isotonic(logs, correct).probabilities[0]


def test_isotonic_fit_has_no_calibration_error_on_its_own_pairs() -> None:
    scores, correct = make_pairs(decimals=2)
    assert calibration_error(fit_isotonic(scores, correct).apply(scores), correct, bins=500) == pytest.approx(
        0, abs=1e-12
    )


def test_constant_score_is_fitted_by_the_share_of_right_answers() -> None:
    correct = np.arange(200) % 4 == 0
    fit = fit_isotonic(np.full(200, 0.9), correct)
    assert fit.apply([0.0, 0.9, 1.0]).tolist() == [0.25, 0.25, 0.25]


@pytest.mark.parametrize("fit", [fit_temperature, fit_isotonic])
def test_fit_survives_json(fit: Any) -> None:
    scores, correct = make_pairs(decimals=3)
    fitted = fit(scores, correct)
    assert read_recalibration(json.loads(json.dumps(fitted.to_dict()))) == fitted
    assert type(fitted).from_dict(fitted.to_dict()) == fitted
    assert fitted.pairs == 500


@pytest.mark.parametrize("fit", [fit_temperature, fit_isotonic])
def test_version_names_the_pairs_in_any_order(fit: Any) -> None:
    scores, correct = make_pairs(decimals=1)
    order = np.random.default_rng(1).permutation(len(scores))
    flipped = correct.copy()
    flipped[0] = not flipped[0]
    version = fit(scores, correct).version
    assert len(version) == 12
    assert fit(scores[order], correct[order]).version == version
    assert fit(scores, flipped).version != version


def test_versions_of_two_methods_differ() -> None:
    pairs = make_pairs()
    assert fit_temperature(*pairs).version != fit_isotonic(*pairs).version


@pytest.mark.parametrize(
    ("fit", "minimum"), [(fit_temperature, MIN_TEMPERATURE_PAIRS), (fit_isotonic, MIN_ISOTONIC_PAIRS)]
)
def test_fit_on_too_few_pairs_or_one_class_is_refused(fit: Any, minimum: int) -> None:
    scores, correct = make_pairs(minimum)
    assert fit(scores, correct).pairs == minimum
    with pytest.raises(InputError, match=f"At least {minimum}"):
        fit(scores[:-1], correct[:-1])
    with pytest.raises(InputError, match=r"all \d+ are right"):
        fit(scores, np.ones(minimum))
    with pytest.raises(InputError, match=r"all \d+ are wrong"):
        fit(scores, np.zeros(minimum))


@pytest.mark.parametrize("score", [-0.1, 1.1, math.nan, -math.inf])
def test_scores_that_are_no_probabilities_are_refused(score: float) -> None:
    scores, correct = make_pairs(50)
    scores[3] = score
    for measure in (fit_temperature, brier_score, calibration_error):
        with pytest.raises(InputError):
            measure(scores, correct)
    with pytest.raises(InputError):
        Temperature(1.0, 30, "0" * 12).apply(score)


@pytest.mark.parametrize(
    ("scores", "correct"), [([], []), ([0.5], [True, False]), ([[0.5]], [[True]]), ([0.5], [0.7]), ([math.nan], [True])]
)
def test_what_are_no_pairs_is_refused(scores: list[float], correct: list[float]) -> None:
    for measure in (auroc, aurc, risk_coverage, brier_score, bin_reliability):
        with pytest.raises(InputError):
            measure(scores, correct)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "platt"},
        {"scores": [0.5, 0.2]},
        {"probabilities": [0.9, 0.1]},
        {"probabilities": [0.1]},
        {"probabilities": [0.1, 1.1]},
        {"scores": [0.2, math.nan]},
        {"scores": None},
        {"pairs": "many"},
    ],
)
def test_stored_fit_that_was_altered_is_refused(change: dict[str, Any]) -> None:
    stored = Isotonic((0.2, 0.8), (0.1, 0.9), 200, "0" * 12).to_dict()
    assert read_recalibration(stored)
    with pytest.raises(InputError, match="again"):
        read_recalibration(stored | change)


@pytest.mark.parametrize("temperature", [0, -1, math.nan, math.inf, None])
def test_stored_temperature_out_of_bounds_is_refused(temperature: float | None) -> None:
    stored = Temperature(1.0, 30, "0" * 12).to_dict() | {"temperature": temperature}
    with pytest.raises(InputError, match="again"):
        read_recalibration(stored)


@BOTH
@pytest.mark.parametrize("bins", [1, 5, 10])
def test_reliability_bins_are_those_of_scikit_learn(bins: int, decimals: int) -> None:
    scores, correct = make_pairs(decimals=decimals)
    accuracy, mean = calibration_curve(correct, scores, n_bins=bins, strategy="quantile")
    found = bin_reliability(scores, correct, bins=bins)
    assert [b.accuracy for b in found] == pytest.approx(accuracy)
    assert [b.mean_score for b in found] == pytest.approx(mean)
    assert sum(b.count for b in found) == len(scores)
    assert all(b.low <= b.mean_score <= b.high for b in found)


def test_bins_of_distinct_scores_have_equal_mass() -> None:
    assert {b.count for b in bin_reliability(*make_pairs(500), bins=10)} == {50}


def test_calibration_error_is_the_gap_between_promise_and_outcome() -> None:
    assert calibration_error([0.9] * 10, [True] * 5 + [False] * 5) == pytest.approx(0.4)
    assert calibration_error([0.0, 1.0], [False, True]) == 0
    assert calibration_error([0.0, 1.0], [True, False], bins=2) == 1


@BOTH
def test_brier_and_auroc_are_those_of_scikit_learn(decimals: int) -> None:
    scores, correct = make_pairs(decimals=decimals)
    assert brier_score(scores, correct) == pytest.approx(brier_score_loss(correct, scores))
    assert auroc(scores, correct) == pytest.approx(roc_auc_score(correct, scores))


@given(labelled())
@pytest.mark.slow
def test_auroc_counts_ties_half(pairs: Pairs) -> None:
    scores, correct = pairs
    duels = np.sign(scores[correct][:, None] - scores[~correct][None, :])
    assert auroc(scores, correct) == pytest.approx(((duels + 1) / 2).mean())


def test_auroc_of_one_class_is_refused() -> None:
    with pytest.raises(InputError, match="all 2 are right"):
        auroc([0.1, 0.9], [True, True])


@pytest.mark.parametrize("errors", [0.1, 0.4, 0.9])
def test_aurc_of_a_perfect_ranking_nears_its_closed_form(errors: float) -> None:
    count = 20_000
    correct = np.arange(count) >= errors * count
    limit = errors + (1 - errors) * math.log(1 - errors)
    assert aurc(np.arange(count), correct) == pytest.approx(limit, abs=1e-3)


def test_aurc_of_a_constant_score_is_the_share_of_errors() -> None:
    assert aurc([0.5] * 10, [True] * 7 + [False] * 3) == pytest.approx(0.3)


@pytest.mark.slow
@given(labelled(), st.randoms(use_true_random=False))
def test_order_of_answers_changes_no_measure(pairs: Pairs, random: Any) -> None:
    scores, correct = pairs
    order = list(range(len(scores)))
    random.shuffle(order)
    for measure in (aurc, auroc, brier_score, calibration_error):
        assert measure(scores[order], correct[order]) == pytest.approx(measure(scores, correct))


def test_risk_rises_to_the_share_of_errors_as_coverage_grows() -> None:
    curve = risk_coverage([0.9, 0.8, 0.7, 0.6], [True, True, False, False])
    assert curve.coverage == (0.25, 0.5, 0.75, 1.0)
    assert curve.risk == pytest.approx((0, 0, 1 / 3, 1 / 2))


def test_tied_scores_share_their_risk() -> None:
    assert risk_coverage([0.9, 0.5, 0.5], [True, False, True]).risk == pytest.approx(
        (0, 1 / 4, 1 / 3)
    )  # expected errors 0, ½, 1


def test_impossible_answers_rank_last() -> None:
    assert auroc([-math.inf, -3.0], [False, True]) == 1


def test_shorter_answers_score_higher() -> None:
    assert length_scores(["the mat", "a cat on the mat", ""]).tolist() == [1 / 2, 1 / 4, 1]
