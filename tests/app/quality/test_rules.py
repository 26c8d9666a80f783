"""What each rule says of a trace, and of which it says nothing."""

import pytest

from app.quality.rules import JUDGE_RULES, RULES, score_trace
from evaluation.calibrating import Calibration
from metrics import rules as names
from pipeline.types import Confidence, Trace
from tests.factories import make_chunk, make_failed_trace, make_generation, make_trace


def score(trace: Trace) -> dict[str, float | None]:
    return score_trace(trace, lambda _: None)


def test_the_rules_are_those_that_expressions_know() -> None:
    assert tuple(RULES) == names.RULES
    assert names.RULES[6:] == JUDGE_RULES


def test_an_answer_that_its_chunk_holds_is_grounded() -> None:
    assert score(make_trace()) == {
        "grounded": 1.0,
        "cited": None,
        "abstained": 0.0,
        "top_score": 0.87,
        "answer_words": 7.0,
        "confidence": 0.91,
    }


def test_half_of_an_answer_that_no_chunk_holds_is_not() -> None:
    said = "Alfred Wegener proposed continental drift in 1912. Penguins invented calculus in Lisbon."
    assert score(make_trace(generation=make_generation(said)))["grounded"] == 0.5


def test_citations_are_held_against_what_they_cite() -> None:
    said = "Wegener proposed in 1912 that the continents were joined [1]. Penguins invented calculus in Lisbon [1]."
    assert score(make_trace(generation=make_generation(said)))["cited"] == 0.5


def test_of_an_abstention_only_that_it_is_one_and_what_was_found_is_said() -> None:
    trace = make_trace(generation=make_generation("The documents do not say.", abstained=True))
    assert {name: value for name, value in score(trace).items() if value is not None} == {
        "abstained": 1.0,
        "top_score": 0.87,
    }


def test_another_application_does_not_say_whether_it_abstained() -> None:
    trace = make_trace(origin="application", backend="otlp/shop", chunks=(make_chunk(score=None),))
    found = score(trace)
    assert (found["abstained"], found["top_score"], found["grounded"]) == (None, None, 1.0)


def test_a_failed_trace_has_no_answer_to_speak_of() -> None:
    found = score(make_failed_trace())
    assert all(found[name] is None for name in ("grounded", "cited", "abstained", "answer_words", "confidence"))


@pytest.mark.parametrize("origin", ["run", "load"])
def test_what_runs_and_loads_ask_is_not_watched(origin: str) -> None:
    assert score(make_trace(origin=origin)) == {}


class Halving:
    """A calibration that halves what it is given."""

    kind = "token_probability"
    recalibration = None

    def __init__(self) -> None:
        self.recalibration = self  # type: ignore[assignment]

    def apply(self, values: list[float]) -> list[float]:
        return [value / 2 for value in values]


def test_confidence_is_a_probability_only_where_something_made_it_one() -> None:
    trace = make_trace(generation=make_generation(confidence=Confidence(0.8, "token_probability")))
    assert score(trace)["confidence"] is None
    fitted: Calibration = Halving()  # type: ignore[assignment]
    assert score_trace(trace, lambda _: fitted)["confidence"] == 0.4
