"""Figures and outcomes in words."""

from typing import Any

import pytest

from app.kit import wording
from pipeline.types import Confidence, Failure, Span
from tests.factories import make_generation, make_trace
from tests.trees import make_foreign_trace


@pytest.mark.parametrize(
    ("items", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_list_in_a_sentence(items: list[str], text: str) -> None:
    assert wording.listed(items) == text


def test_time_is_utc() -> None:
    assert wording.when(1_757_000_000.9) == "2025-09-04 15:33:20 UTC"  # date -u -d @1757000000


@pytest.mark.parametrize(
    ("value", "level"),
    [(1.0, "high"), (0.8, "high"), (0.796, "high"), (0.79, "moderate"), (0.5, "moderate"), (0.49, "low"), (0, "low")],
)
def test_calibrated_confidence_has_a_level(value: float, level: str) -> None:
    found = wording.trust(make_generation(confidence=Confidence(value, "calibrated")))
    assert found.level == level
    assert found.headline.startswith(f"{level.capitalize()} confidence, " if value >= 0.5 else f"{wording.GUESS}, ")
    assert f"about {round(value * 100)} held the right answer" in found.meaning


def test_confident_abstention_is_confidence_that_what_was_found_does_not_answer() -> None:
    generation = make_generation(abstained=True, confidence=Confidence(0.9, "calibrated"))
    found = wording.trust(generation)
    assert found.headline == "No answer given: sure that the documents have none, 90 %"
    assert found.level == "unknown", "what is no answer is not shown as a good one"
    assert "about 10 could have been answered" in found.meaning


@pytest.mark.parametrize(
    ("value", "abstained", "unsure"), [(0.49, False, True), (0.5, False, False), (0.9, True, True)]
)
def test_abstention_and_answer_below_half_are_unsure(value: float, abstained: bool, unsure: bool) -> None:
    generation = make_generation(abstained=abstained, confidence=Confidence(value, "calibrated"))
    assert wording.is_unsure(generation) is unsure


def test_low_token_probability_is_no_guess() -> None:
    assert not wording.is_unsure(make_generation(confidence=Confidence(0.2, "token_probability")))


def test_token_probability_is_not_sold_as_confidence() -> None:
    found = wording.trust(make_generation(confidence=Confidence(0.97, "token_probability")))
    assert found.level == "unknown"
    assert "97 %" in found.headline
    assert "not a probability that the answer is right" in found.meaning


def test_generation_without_a_confidence_is_unknown() -> None:
    assert wording.trust(make_generation(confidence=None)).level == "unknown"


def test_slowest_stage_is_a_sentence() -> None:
    assert wording.slowest(make_trace(duration_ms=100, spans=(Span("embed", 0, 20), Span("generate", 20, 71)))) == (
        "Generate takes 71 % of 100 ms"
    )
    assert wording.slowest(make_trace(spans=())) == "No stage ran"
    # Three of 54 ms at once; the name is another application's and stays as it is.
    at_once = make_foreign_trace(duration_ms=100, spans=tuple(_retrieve(n) for n in range(3)))
    assert wording.slowest(at_once) == "retrieve takes 162 ms in all, within 100 ms"


def test_slowest_of_nested_spans_is_the_one_with_the_most_time_of_its_own() -> None:
    spans = (
        Span("network", 0, 100),
        Span("gateway", 5, 90, parent_id="network"),
        Span("generate", 10, 60, parent_id="gateway"),
    )
    assert wording.slowest(make_trace(duration_ms=100, spans=spans)) == "Generate takes 60 % of 100 ms"


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ({"settings": {"top_k": 5}}, "Asked for 5 chunks; the corpus has 1."),
        ({"settings": {"top_k": 1}}, None),
        ({"settings": {}}, None),
        ({"settings": {"top_k": 5}, "error": Failure("Timeout", "Too late.")}, None),
    ],
)
def test_corpus_smaller_than_asked_for_is_said(overrides: dict[str, Any], text: str | None) -> None:
    assert wording.shortfall(make_trace(**overrides)) == text


def test_corpus_summary_without_an_index() -> None:
    assert wording.corpus_summary(None, 60, 1) == ("60 built-in articles and 1 added document.", "")


@pytest.mark.parametrize(
    ("chunking", "text"),
    [
        ("heading:800:0", "cut by heading to 800 characters"),
        ("page:1200:100", "cut by page to 1,200 characters, 100 of them repeated"),
    ],
)
def test_way_of_cutting_is_said(chunking: str, text: str) -> None:
    assert wording.cut_how(chunking) == text


def test_scores_of_another_application_are_no_cosines_and_its_corpus_is_unknown():
    foreign = make_foreign_trace(settings={"top_k": 50})
    assert "Cosine" not in wording.scores_note(foreign)
    assert wording.shortfall(foreign) is None


def _retrieve(number: int) -> Span:
    return Span("retrieve", 10.0, 54.0, span_id=f"{number:016x}", service="shop")
