"""The report of a run: what a stakeholder asks, and nobody's text as markup."""

from dataclasses import replace

import pytest

from app.kit.costs import Spent
from app.runs.report import run_html
from evaluation.summary import summarise
from tests.app.explaining.test_report import ALLOWED
from tests.app.runs.test_rows import RUN, SCORES
from tests.app.views.test_html import NASTY, read


def test_it_says_how_good_it_is_where_and_why() -> None:
    labelled = [replace(each, label="correct" if each.correct else "distraction") for each in SCORES]
    page = read(run_html(RUN, summarise(labelled), labelled, Spent())).text
    for words in (
        "Evaluation of fake",
        "Right",
        "88.9 %",
        "By question type",
        "DATE",
        "Why",
        "distraction",
        "Not right",
        "Who 7?",
    ):
        assert words in page


def test_wrong_answers_stand_beside_what_would_be_right_and_are_cut_visibly() -> None:
    wrong = replace(SCORES[0], correct=False, answer="long " * 50, golds=("Oslo", "Kristiania"))
    page = read(run_html(RUN, summarise([wrong]), [wrong], Spent())).text
    assert " …" in page
    assert "long " * 40 not in page
    assert "Oslo or Kristiania" in page


def test_a_run_of_one_type_without_labels_or_wrong_answers_has_a_report_too() -> None:
    page = read(run_html(RUN, summarise(SCORES[:6]), SCORES[:6], Spent())).text
    assert "By question type" not in page
    assert "Not right" not in page


@pytest.mark.parametrize("nasty", NASTY)
def test_nobodys_text_is_markup_and_nothing_is_loaded(nasty: str) -> None:
    scores = [
        replace(each, question=nasty, answer=nasty, golds=(nasty,), type=nasty if n % 2 else "x", correct=False)
        for n, each in enumerate(SCORES)
    ]
    html = run_html(
        replace(RUN, about={**RUN.about, "name": nasty, "backend": nasty}), summarise(scores), scores, Spent()
    )
    page = read(html)
    assert set(page.tags) <= ALLOWED | {"br"}
    assert not {name for name in page.attributes if name.startswith("on") or name in ("src", "href")}
    assert "<script" not in html
