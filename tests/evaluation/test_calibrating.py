"""A backend's figure turned into a probability of being right, from the answers of a run."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.calibrating import BINS, Calibration, calibrate, split_halves
from evaluation.scoring import Scored
from explain import calibration
from pipeline.errors import InputError
from tests.evaluation.labelled import make_scored


def make_scores(count: int = 600, *, articles: int = 60, seed: int = 0) -> list[Scored]:
    """Answers that are right with probability p and say p**3: less sure than they may be."""
    random = np.random.default_rng(seed)
    chances = random.uniform(0.05, 0.95, count)
    rights = random.random(count) < chances
    return [
        make_scored(
            number,
            cluster=f"article {number % articles}",
            confidence=float(chance**3),
            correct=bool(right),
            answer="word " * (1 + number % 7),
        )
        for number, (chance, right) in enumerate(zip(chances, rights, strict=True))
    ]


def fitted(scores: Sequence[Scored], **options: Any) -> Calibration:
    return calibrate(scores, run_id="aaaa1111", backend="fake", generator="script", **options)


@given(st.lists(st.integers(0, 12), max_size=40), st.integers(0, 5))
@pytest.mark.slow
def test_no_article_is_on_both_sides(articles: list[int], seed: int) -> None:
    scores = [make_scored(number, cluster=f"a{article}") for number, article in enumerate(articles)]
    fit, report = split_halves(scores, seed)
    sides = [{each.cluster for each in side} for side in (fit, report)]
    assert not sides[0] & sides[1]
    assert len(sides[0]) == len(set(articles)) // 2
    assert sorted([*fit, *report], key=lambda each: each.question_id) == sorted(
        scores, key=lambda each: each.question_id
    )
    assert split_halves(list(reversed(scores)), seed)[0] == list(reversed(fit))


@pytest.mark.parametrize(
    ("method", "fit_by_hand"), [("temperature", calibration.fit_temperature), ("isotonic", calibration.fit_isotonic)]
)
def test_it_is_fitted_on_one_half_and_judged_on_the_other(method: str, fit_by_hand: Callable[..., Any]) -> None:
    scores = make_scores()
    found = fitted(scores, method=method)
    fit, report = split_halves(scores)
    expected = fit_by_hand([each.confidence for each in fit], [each.correct for each in fit])
    right = [each.correct for each in report]
    raw = [each.confidence for each in report]
    mended = expected.apply(raw)
    assert found.recalibration == expected
    assert (found.fitted, found.reported) == (len(fit), len(report))
    length, before, after = found.qualities
    lengths = calibration.length_scores([each.answer for each in report])
    assert (length.ece, length.brier) == (None, None)
    assert (length.auroc, length.aurc) == (calibration.auroc(lengths, right), calibration.aurc(lengths, right))
    for quality, values in ((before, raw), (after, mended)):
        assert quality.ece == calibration.calibration_error(values, right, bins=BINS)
        assert quality.brier == calibration.brier_score(values, right)
        assert quality.auroc == calibration.auroc(values, right)
        assert quality.aurc == calibration.aurc(values, right)
    assert found.before == calibration.bin_reliability(raw, right, bins=BINS)
    assert found.after == calibration.bin_reliability(mended, right, bins=BINS)
    curve = calibration.risk_coverage(mended, right)
    assert found.risk == tuple(zip(curve.coverage, curve.risk, strict=True))


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_planted_miscalibration_is_mended_on_other_articles(method: str) -> None:
    _, before, after = fitted(make_scores(2_000, articles=200), method=method).qualities
    assert before.ece is not None
    assert after.ece is not None
    # p**3 is on average 0.25 below p on [0.05, 0.95]; a temperature keeps 0.5 at 0.5 and cannot undo it all.
    assert before.ece == pytest.approx(0.25, abs=0.04)
    assert after.ece < before.ece * (0.8 if method == "temperature" else 0.3)
    assert after.brier < before.brier


def test_step_function_is_fitted_where_there_are_pairs_enough_for_it() -> None:
    least = 2 * calibration.MIN_ISOTONIC_PAIRS
    few, many = make_scores(least - 50, articles=50), make_scores(least, articles=50)
    assert fitted(few).recalibration.kind == "temperature"
    assert fitted(many).recalibration.kind == "isotonic"
    assert [each.name for each in fitted(many).qualities] == [
        "answer length, the baseline",
        "as the backend says it",
        "recalibrated (isotonic)",
    ]


def test_answers_without_a_figure_and_failed_questions_are_left_out() -> None:
    scores = make_scores()
    more = [
        make_scored(1_000, confidence=None, confidence_kind="", cluster="article 1"),
        make_scored(1_001, failed=True, correct=False, confidence=0.9, cluster="article 2"),
    ]
    assert fitted([*scores, *more]) == fitted(scores)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda n: {"confidence": None, "confidence_kind": ""},
            "No answer of this run has a confidence.*Choose a backend",
        ),
        (lambda n: {"failed": True, "correct": False}, "No answer of this run has a confidence"),
        (
            lambda n: {"confidence_kind": "calibrated" if n % 2 else "token_probability"},
            "confidences of different meanings. Run it again on one backend",
        ),
        (lambda n: {"correct": True}, "all 300 are right. Add questions of the other kind"),
        (lambda n: {"correct": False}, "all 300 are wrong. Add questions of the other kind"),
        (lambda n: {"cluster": "one"}, "one article.*Run questions about more articles"),
    ],
)
def test_what_cannot_be_calibrated_says_what_to_do(change: Callable[[int], dict[str, Any]], message: str) -> None:
    scores = [make_scored(n, **{"cluster": f"a{n % 60}", "correct": n % 3 > 0, **change(n)}) for n in range(600)]
    with pytest.raises(InputError, match=message):
        fitted(scores)


def test_too_few_answers_say_how_many_it_takes() -> None:
    scores = make_scores(2 * calibration.MIN_TEMPERATURE_PAIRS, articles=60)
    assert fitted(scores).fitted == calibration.MIN_TEMPERATURE_PAIRS
    with pytest.raises(InputError, match=f"At least {calibration.MIN_TEMPERATURE_PAIRS} are needed"):
        fitted(scores[:-2])
    with pytest.raises(InputError, match=f"At least {calibration.MIN_ISOTONIC_PAIRS} are needed"):
        fitted(scores, method="isotonic")


def test_half_that_has_no_wrong_answers_cannot_judge() -> None:
    scores = make_scores()
    judging = {each.cluster for each in split_halves(scores)[1]}
    some = [
        make_scored(n, cluster=each.cluster, correct=each.cluster in judging or n % 2 == 0, confidence=each.confidence)
        for n, each in enumerate(scores)
    ]
    with pytest.raises(InputError, match=r"The half that judges cannot judge: .* Run more questions"):
        fitted(some)


def test_unknown_method_is_refused() -> None:
    with pytest.raises(InputError, match=r"'guess' is no method of calibration. Choose auto"):
        fitted(make_scores(), method="guess")


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_calibration_survives_json(method: str) -> None:
    found = fitted(make_scores(), method=method)
    again = Calibration.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again == found
    assert again.recalibration.apply([0.3]) == found.recalibration.apply([0.3])


@pytest.mark.parametrize(
    "damage",
    [
        {"recalibration": "x"},
        {"recalibration": {"kind": "magic"}},
        {"recalibration": None},
        {"qualities": [{"name": "x"}]},
        {"qualities": 3},
        {"before": [3]},
        {"risk": [[1]]},
        {"risk": [["x", "y"]]},
        {"extra": 1},
    ],
    ids=str,
)
def test_damaged_calibration_is_refused(damage: dict[str, Any]) -> None:
    data = fitted(make_scores()).to_dict()
    with pytest.raises(InputError, match=r"Calibrate the run again|[Ff]it it again"):
        Calibration.from_dict({**data, **damage})


@pytest.mark.parametrize("data", [{}, [], None, {"before": []}])
def test_what_is_no_calibration_is_refused(data: Any) -> None:
    with pytest.raises(InputError, match="Calibrate the run again"):
        Calibration.from_dict(data)
