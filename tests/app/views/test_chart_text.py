"""Question types come from a dataset, and Plotly reads markup: no label of a run's charts has any."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import streamlit as st

from app.views.kit.charts import chart_text
from app.views.runs.by_type import box_plot, count_plot, dot_plot, scatter
from app.views.runs.compared import differences_plot
from app.views.runs.detail import sankey
from app.views.runs.profile import type_bars
from app.views.stability.perturbed import heat
from evaluation.lab.by_type import Point, boxes, count_answers
from evaluation.summary import summarise
from evaluation.verdict import Difference
from tests.app.runs.test_rows import SCORES

NASTY = '<a href="https://example.org">DATE</a>&amp;'


@pytest.fixture(autouse=True)
def light(monkeypatch):
    monkeypatch.setattr(st, "context", SimpleNamespace(theme=SimpleNamespace(type="light")))


def test_no_type_is_markup_in_a_chart():
    scores = [replace(each, type=NASTY if n % 2 else "DATE", label="correct") for n, each in enumerate(SCORES)]
    whole, *types = summarise(scores)
    figures = [
        dot_plot(whole, types, "correct"),
        box_plot(boxes(scores, "f1")),
        scatter([Point("q1", NASTY, 0.9, 3, True), Point(NASTY, "DATE", 0.8, 2, False)]),
        count_plot(count_answers(scores)),
        type_bars([{"name": NASTY, "questions": 3, "answerable": 2}]),
        sankey(scores),
        differences_plot("title", [Difference(NASTY, 1, 1, difference=0.1)]),
        heat((["typo"], [NASTY], [[0.5]]), "rbo"),
    ]
    for figure in figures:
        drawn = figure.to_json()
        assert "example.org" in drawn
        assert "<a" not in drawn
        assert "u003ca" not in drawn.lower()


def test_other_words_stay_as_they_are():
    assert chart_text("1 < 2 & Ümlaut") == "1 ‹ 2 ＆ Ümlaut"
