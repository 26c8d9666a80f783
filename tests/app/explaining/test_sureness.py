"""What a stored run says about an answer's confidence, in rows."""

import re
from dataclasses import replace

import pytest

from app.explaining.sureness import calibrated_row, quality_rows, why_not_calibrated
from app.shell.eval import evaluate
from evaluation.calibrating import Calibration, Quality
from explain.calibration import Isotonic, Temperature
from pipeline.types import Confidence
from tests.factories import make_failed_trace, make_generation, make_trace

FOUND = Calibration(
    "aaaa1111",
    "fake",
    "script",
    "calibrated",
    Temperature(2.0, 40, "0" * 12),
    40,
    38,
    (Quality("answer length, the baseline", None, None, 0.5, 0.25), Quality("as it is", 0.1234, 0.2, 0.75, 0.1)),
    (),
    (),
    (),
)


def answered(value: float = 0.9, kind: str = "calibrated"):
    return make_trace(generation=make_generation(confidence=Confidence(value, kind)))


def test_probability_is_that_of_the_fit_and_says_where_it_comes_from() -> None:
    row = calibrated_row(answered(), FOUND)
    # Log-odds of 0.9 are ln 9; halved by a temperature of 2, they are ln 3, a probability of 3/4.
    assert (row.name, row.value) == ("Calibrated probability", "75 %")
    assert "Of 100 answers like this one, about 75 are right, by the temperature fit of run aaaa1111" in row.meaning
    assert "(40 answers; judged on 38 about other articles)" in row.meaning
    steps = Isotonic((0.0, 1.0), (0.0, 0.5), 400, "0" * 12)
    assert calibrated_row(answered(), replace(FOUND, recalibration=steps)).value == "45 %"


@pytest.mark.parametrize(
    ("trace", "found"),
    [
        (answered(), None),
        (answered(kind="token_probability"), FOUND),
        (answered(value=1.5), FOUND),
        (make_trace(generation=make_generation(confidence=None)), FOUND),
        (make_failed_trace(), FOUND),
    ],
    ids=["no calibration", "another meaning", "no probability", "no figure", "no answer"],
)
def test_nothing_is_said_where_the_fit_cannot_speak_for_the_answer(trace, found) -> None:
    assert calibrated_row(trace, found) is None


def test_qualities_have_a_dash_for_what_a_score_is_not() -> None:
    assert quality_rows(FOUND) == [
        ["answer length, the baseline", "—", "—", "0.500", "0.250"],
        ["as it is", "0.123", "0.200", "0.750", "0.100"],
    ]


def test_what_would_calibrate_is_said_by_what_there_is() -> None:
    trace = answered()
    none = why_not_calibrated(trace, None, "", other_runs=False)
    assert "no run is kept" in none
    others = why_not_calibrated(trace, None, "", other_runs=True)
    assert "no finished run that is kept was answered by local/embedded with the same generator and embedder" in others
    fitting = why_not_calibrated(trace, None, "aaaa1111", other_runs=True)
    assert "run aaaa1111 was answered by the same models, but is not calibrated on yet" in fitting
    other_kind = why_not_calibrated(answered(kind="token_probability"), FOUND, "", other_runs=True)
    assert "is a token probability figure; run aaaa1111, which is calibrated, has a calibrated figure" in other_kind
    named = re.findall(r"raglass eval (\w+)", none + fitting)
    assert named == ["run", "calibrate"]
    assert set(named) <= set(evaluate.commands)
