"""Question types come from a dataset, and Plotly reads markup: no label of a run's charts has any."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st

from app.alerting.levels import Level
from app.kit.clock import Clock
from app.live.rows import Line
from app.views.documents.embedding_map import embedding_map
from app.views.kit.charts import chart_text
from app.views.lab.asked import boxes_chart, scatter_chart
from app.views.lab.study import KINDS, error_chart, level_chart
from app.views.live.charts import overview_chart, stages_chart
from app.views.runs.by_type import box_plot, count_plot, dot_plot, scatter
from app.views.runs.compared import differences_plot
from app.views.runs.detail import sankey
from app.views.runs.profile import type_bars
from app.views.stability.result import heat
from backends.local.corpus import CorpusMap
from backends.local.embedding_map import fit_projection
from backends.local.index import IndexedChunk
from evaluation.lab.by_type import Point, boxes, count_answers
from evaluation.summary import summarise
from evaluation.verdict import Difference
from tests.app.live.test_rows import MINUTE, viewed
from tests.app.runs.test_rows import SCORES
from tests.factories import make_trace

NASTY = '<a href="https://example.org">DATE</a>&amp;'


@pytest.fixture(autouse=True)
def light(monkeypatch):
    monkeypatch.setattr(st, "context", SimpleNamespace(theme=SimpleNamespace(type="light")))


@pytest.mark.slow
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


@pytest.mark.slow
def test_no_name_of_the_lab_or_of_live_or_of_a_chunk_is_markup_in_a_chart():
    view = viewed(make_trace(asked_at=MINUTE))
    vectors = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    chunks = [IndexedChunk(f"c{n}", f"{NASTY}/{n}", NASTY, NASTY, 1, "", "", ()) for n in range(5)]
    projection = fit_projection(vectors)
    corpus_map = CorpusMap(projection, projection.project(vectors), chunks, 5)
    level = {"factor": NASTY, "level": NASTY, "mean": 0.4, "difference": 0.1, "low": 0.0, "high": 0.2}
    figures = [
        scatter_chart(NASTY, [(NASTY, 1.0, 0.5)], x="ms", y="right"),
        boxes_chart(NASTY, [(NASTY, "#000000", [1.0])], axis="ms"),
        error_chart([{"cell": NASTY, **dict.fromkeys(KINDS, 0.25)}]),
        level_chart("right", {"factors": {NASTY: level}, "levels": [level]}, True),
        stages_chart(replace(view, stages=(Line(NASTY, view.rate[0].points),)), Clock()),
        overview_chart(view, [Level(NASTY, "latency_p95", 1.0)], None, Clock()),
        embedding_map(corpus_map, (NASTY, 0.0, 0.0)),
    ]
    for figure in figures:
        drawn = figure.to_json().lower()
        assert "example.org" in drawn
        assert "<a" not in drawn
        assert "u003ca" not in drawn


def test_other_words_stay_as_they_are():
    assert chart_text("1 < 2 & Ümlaut") == "1 ‹ 2 ＆ Ümlaut"
