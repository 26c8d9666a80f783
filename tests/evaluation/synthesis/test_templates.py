"""Questions that templates write of sentences, and what they leave alone. The sentences are about things that do not exist."""

import pytest

from evaluation.synthesis.drafts import Draft, problem_with
from evaluation.synthesis.templates import write_drafts
from tests.factories import make_chunk

TITLE = "The Tarn Engine"


def asked(text: str, title: str = TITLE) -> dict[str, str]:
    """Question and fullest answer of each draft that may be asked."""
    chunk = make_chunk(text=text, title=title)
    return {draft.question: draft.answers[0] for draft in write_drafts(chunk) if not problem_with(draft, title)}


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        (
            "The Dutch engineer Pieter Holm invented the Tarn Engine in 1771.",
            "Who invented the Tarn Engine in 1771?",
            "Pieter Holm",
        ),
        (
            "Pieter Holm, a Dutch engineer, wrote a book about the Tarn Engine.",
            "Who wrote a book about the Tarn Engine?",
            "Pieter Holm",
        ),
        (
            "The Dutch engineer Pieter Holm invented the Tarn Engine in 1771.",
            "When did the Dutch engineer Pieter Holm invent the Tarn Engine?",
            "1771",
        ),
        (
            "In May 1802 Pieter Holm sold the Tarn Engine to Prussia.",
            "When did Pieter Holm sell the Tarn Engine to Prussia?",
            "May 1802",
        ),
        (
            "The Tarn Engine was built in Utrecht on 3 May 1771.",
            "Where was the Tarn Engine built on 3 May 1771?",
            "Utrecht",
        ),
        (
            "The Tarn Engine was built in Utrecht on 3 May 1771.",
            "When was the Tarn Engine built in Utrecht?",
            "3 May 1771",
        ),
        (
            "A grellow is a wheel that turns a smaller wheel.",
            "What is a grellow?",
            "a wheel that turns a smaller wheel",
        ),
        (
            "Pieter Holm was a Dutch engineer who built mills.",
            "Who was Pieter Holm?",
            "a Dutch engineer who built mills",
        ),
        ("The Tarn Engine is about 1,200 metres long.", "How long is the Tarn Engine?", "about 1,200 metres"),
        ("The Tarn Engine has nine wheels.", "How many wheels does the Tarn Engine have?", "nine"),
        (
            "About 300 people watched the Tarn Engine in Utrecht.",
            "How many people watched the Tarn Engine in Utrecht?",
            "About 300",
        ),
        (
            "The Tarn Engine failed because rust had eaten its wheels.",
            "Why did the Tarn Engine fail?",
            "rust had eaten its wheels",
        ),
        (
            "The Tarn Engine works by lifting water with a screw.",
            "How does the Tarn Engine work?",
            "by lifting water with a screw",
        ),
        ("The highest mill in Holland is the Grey Mill.", "What is the highest mill in Holland?", "the Grey Mill"),
        ("The Tarn Engine is named after the engineer Jan Tarn.", "Who is the Tarn Engine named after?", "Jan Tarn"),
        (
            "Many historians regard the Tarn Engine as a costly failure.",
            "How do many historians regard the Tarn Engine?",
            "as a costly failure",
        ),
    ],
)
def test_a_fact_becomes_a_question_whose_answer_stands_in_the_sentence(
    sentence: str, question: str, answer: str
) -> None:
    assert asked(sentence)[question] == answer
    assert answer in sentence


@pytest.mark.parametrize(
    "sentence",
    [
        "It was built in Utrecht in 1771.",
        "He invented the Tarn Engine in 1771.",
        "The machine was sold to Prussia in 1802.",
        "This engine has nine wheels.",
        "A wheel called the Grellow broke in Utrecht.",
        "Wheels, gears and pumps were made in Utrecht in 1771.",
        "Holm said that the Tarn Engine was “a marvel”.",
        "Pieter Holm, a Dutch engineer, left.",
        "Pieter Holm argued in 1771 that wheels, which rust, must be oiled.",
    ],
)
def test_what_would_point_at_nothing_or_lose_its_sense_is_not_asked(sentence: str) -> None:
    assert asked(sentence) == {}


def test_no_answer_is_given_away_by_its_question() -> None:
    draft = Draft("Who was Pieter Holm of Utrecht?", ("Pieter Holm",), "PERSON", "")
    assert problem_with(draft, TITLE) == "it gives its answer away"


def test_text_that_is_no_english_prose_gives_no_question() -> None:
    for text in (
        "",
        "Die Maschine wurde 1771 in Utrecht gebaut.",
        "| a | b |\n|---|---|",
        "def f(x): return x",
        "1.\n2.\n3.",
    ):
        assert asked(text) == {}
