"""The report: one page that anybody can read, that loads nothing, and in which nobody's text is markup."""

from dataclasses import replace

import pytest

from app.explaining.diagnosing import diagnosis_text, diagnosis_to_dict, gold_words
from app.explaining.report import report_html
from explain.counterfactuals import Diagnosed, Trial
from explain.diagnosis import WORDS, Diagnosis, Failure
from explain.gold import Gold
from pipeline.types import Confidence, Evidence, Generation, Token
from tests.app.explaining.test_sureness import FOUND
from tests.app.explaining.test_words import explanation, sampled
from tests.app.views.test_html import NASTY, read

ALLOWED = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "h1",
    "h2",
    "p",
    "span",
    "div",
    "b",
    "mark",
    "table",
    "tr",
    "th",
    "td",
}


def missed(answer="Oslo"):
    label = Failure.RETRIEVAL_MISS
    return Diagnosed(
        Gold((answer,)),
        False,
        (),
        9,
        Diagnosis(label, *WORDS[label]),
        counterfactuals=(Trial("with the right chunk alone", answer=answer, correct=True),),
        repairs=(
            Trial("with 10 chunks", answer=answer, correct=True),
            Trial("reranked", problem="There is no reranker."),
        ),
    )


def test_it_says_what_a_stakeholder_asks():
    page = read(report_html(explanation([-9, -8, -3, -2]), missed()))
    for words in (
        "Why this answer?",
        "The answer stands on chunk 2, “Title 2”: 86 % of what the chunks did for it.",
        "Not found: no chunk with the right answer was retrieved",
        "Verified repair: with 10 chunks, it answers “Oslo”, which is right.",
        "the first that does is at rank 9",
        "could not be tried: There is no reranker.",
        "Do the chunks say it?",
        "Can this be believed? Yes.",
        "Linear datamodeling score",
    ):
        assert words in page.text
    assert page.text.index("Not found") < page.text.index("The answer stands on")


@pytest.mark.parametrize("nasty", NASTY)
def test_nobodys_text_is_markup_and_nothing_is_loaded(nasty):
    found = explanation([-9, -8, -3, -2])
    generation = Generation(nasty, (Token(nasty, -0.5),), 0, "stop", Confidence(0.5, "calibrated"))
    chunks = tuple(replace(chunk, title=nasty, text=nasty) for chunk in found.chunks)
    trace = replace(found.trace, question=nasty, generation=generation, chunks=chunks)
    html = report_html(replace(found, trace=trace, answer=nasty, chunks=chunks), missed(nasty))
    page = read(html)
    assert set(page.tags) <= ALLOWED
    assert not {name for name in page.attributes if name.startswith("on") or name in ("src", "href")}
    assert "<script" not in html


def test_what_is_quoted_is_printed_however_late_in_its_chunk_it_comes():
    found = explanation([-9, -8, -3, -2])
    quoted, other = "Oslo is the capital.", "word " * 100
    texts = (other + quoted, quoted + other)
    chunks = tuple(replace(chunk, text=text) for chunk, text in zip(found.chunks, texts, strict=True))
    evidence = (Evidence("c1", 500, 520), Evidence("c2", 0, 20))
    trace = replace(found.trace, generation=replace(found.trace.generation, evidence=evidence))
    page = read(report_html(replace(found, trace=trace, chunks=chunks)))
    assert page.marked == [quoted, quoted]
    assert f"…{quoted}" in page.text
    assert "word…" in page.text


def test_sampled_and_unfinished_explanations_have_a_report_too():
    assert "ContextCite" in read(report_html(sampled("sentences"))).text
    half = explanation([-9, float("nan"), -3, -2])
    page = read(report_html(half)).text
    assert "Not every subset was scored" in page
    assert "Can this be believed?" not in page


@pytest.mark.parametrize(("sign", "opening"), [(1, "<mark>"), (-1, '<mark class="against">')])
def test_sentences_are_marked_in_the_colour_of_what_they_did(sign, opening):
    html = report_html(sampled("sentences", sign))
    assert html.count("<mark") == html.count(opening) == 1


def test_the_calibrated_probability_stands_in_the_report():
    found = explanation([-9, -8, -3, -2])
    assert "Calibrated probability" not in report_html(found)
    generation = replace(found.trace.generation, confidence=Confidence(0.9, "calibrated"))
    found = replace(found, trace=replace(found.trace, generation=generation))
    assert "Calibrated probability75 %" in read(report_html(found, calibration=FOUND)).text


def test_what_was_tried_in_vain_is_not_advised_as_if_it_had_not_been():
    vain = replace(missed(), repairs=(Trial("with 10 chunks", answer="Rome"),))
    assert vain.remedy.startswith("Nothing that was tried here helped. Usual with this fault: ")


def test_a_diagnosis_in_a_shell_says_what_was_tried_and_what_to_do():
    said = diagnosis_text(missed())
    assert "what if asked with the right chunk alone: “Oslo”, right" in said
    assert "repair  asked with 10 chunks: “Oslo”, right" in said
    assert "What to do: Ask with 10 chunks." in said
    assert "Given as right: “Oslo”." in said
    assert "What to do: Retrieve more chunks" in diagnosis_text(replace(missed(), repairs=()))
    found = diagnosis_to_dict(missed())
    assert (found["label"], found["found_at"], found["repairs"][0]["correct"]) == ("retrieval miss", 9, True)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Diagnosed(Gold(()), True, ()), "said to have no answer"),
        (Diagnosed(Gold(("x",)), True, (2, 4)), "in chunk 2, 4 of those that were read"),
        (Diagnosed(Gold(("x",)), True, ()), "in these words"),
    ],
)
def test_where_the_right_answer_stands_is_said(found, words):
    assert words in gold_words(found)
