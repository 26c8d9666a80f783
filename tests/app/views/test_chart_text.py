"""What is drawn comes from datasets, traces, stacks and persons, and Plotly reads markup: no label of a chart has any."""

import ast
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st

from app.alerting.levels import Level
from app.kit.clock import Clock
from app.lab.latency_words import END_TO_END
from app.live.rows import Line
from app.live.spending import Spending
from app.views.documents.embedding_map import embedding_map
from app.views.explaining.charts import by_token, waterfall, weights
from app.views.kit.charts import chart_text
from app.views.kit.interval_plot import Row, interval_plot
from app.views.lab.asked import boxes_chart, scatter_chart, shares_chart
from app.views.lab.index import recall_chart
from app.views.lab.latency import ratio_chart, times_chart
from app.views.lab.study import KINDS, error_chart, level_chart, pair_chart, share_chart
from app.views.live.charts import overview_chart, stages_chart
from app.views.live.spending import spending_chart
from app.views.runs.by_type import box_plot, count_plot, dot_plot, scatter
from app.views.runs.compared import differences_plot
from app.views.runs.detail import sankey
from app.views.runs.profile import type_bars
from app.views.stability.result import heat
from backends.local.corpus import CorpusMap
from backends.local.embedding_map import fit_projection
from backends.local.index import IndexedChunk
from evaluation.lab.by_type import Point, boxes, count_answers
from evaluation.lab.latency import Ratio
from evaluation.summary import summarise
from evaluation.verdict import Difference
from explain.explanation import Explanation
from explain.lattice import Lattice
from metrics.costs import CostPoint
from metrics.token_costs import TokenUse
from pipeline.types import Chunk, Generation, Token, Trace
from tests.app.live.test_rows import MINUTE, viewed
from tests.app.runs.test_rows import SCORES
from tests.factories import make_trace

NASTY = '<a href="https://example.org">DATE</a>&amp;'

VIEWS = Path(__file__).parents[3] / "app" / "views"

OWN_WORDS = {
    "explaining/charts.py": {"pairs", "reliability", "risk_coverage", "_heat"},
    "lab/load.py": {"throughput_chart", "latency_chart", "_laid_out"},
    "live/charts.py": {"parts_chart", "answers_chart", "_figure", "_drawn"},
    "live/quality.py": {"rule_chart"},
    "stability/drift.py": {"control_chart"},
    "runs/profile.py": {"length_bars"},
}
"""Charts by module whose words are ours alone: numbers, moments, chunks by rank, the product's rules; and parts of what is tried."""

ELSEWHERE = {"explaining/attention.py": {"heat"}}
"""Charts that are tried beside what they draw."""


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


def hostile_explanation() -> Explanation:
    chunks = (Chunk("c1", "d", NASTY, NASTY, 0.9, 1), Chunk("c2", "d", "Title", "Text.", 0.8, 2))
    tokens = (Token(NASTY[:20], -0.5), Token("<a", -0.5))
    answer = "".join(token.text for token in tokens)
    trace = Trace("0" * 32, NASTY, "fake", 1.0, 1.0, chunks, Generation(answer, tokens, 0, "stop"), ())
    rows = np.array([[-9, -9], [-1, -9], [-9, -2], [-1, -2]], float)
    return Explanation(trace, answer, chunks, Lattice(("c1", "c2"), tuple(token.text for token in tokens), rows))


def is_clean(drawn: str) -> bool:
    """Whether a figure's JSON has words from outside, and none of them is markup."""
    lowered = drawn.lower()
    return "‹a" in drawn and "<a" not in lowered and "u003ca" not in lowered


@pytest.mark.slow
def test_no_chunk_token_target_factor_or_model_is_markup_in_a_chart():
    found = hostile_explanation()
    pair = {"first": NASTY, "second": NASTY, "first_levels": [NASTY], "second_levels": [NASTY], "means": [[0.4]]}
    share = {"value": 0.12, "low": 0.05, "high": 0.2}
    shares = {"factors": {NASTY: share}, "pairs": [{"first": NASTY, "second": NASTY, **share}], "question": share}
    use = TokenUse(NASTY, 1, 10, 10, 0)
    recall = {"5": {"value": 0.9, "low": 0.8, "high": 1.0}}
    setting = {
        "kind": "hnsw",
        "name": NASTY,
        "factory": NASTY,
        "effort": 8,
        "usable": True,
        "p50_ms": 1.0,
        "recall": recall,
    }
    exact = {**setting, "kind": "exact", "factory": "Flat", "p50_ms": 2.0}
    call = {"cold": False, "error": None, "question": "Who?", "ms": {END_TO_END: 3.0}}
    figures = [
        waterfall(found),
        weights(found),
        by_token(found),
        share_chart("right", shares),
        pair_chart("right", pair, percent=True),
        shares_chart(NASTY, [{"name": NASTY, "figures": {}}], [("right", "right")]),
        recall_chart({"about": {"ks": [5], "in_use": ["Flat", 0]}, "rows": [exact, setting]}),
        times_chart({"targets": [{"name": NASTY, "record": "", "asked": [call]}]}),
        ratio_chart({NASTY: Ratio(1.2, 1.0, 1.4, 0.04, 9)}, sittings=False),
        spending_chart(Spending((0,), (CostPoint(0, use),), None)),
        interval_plot("title", [Row(chart_text(NASTY), 0.5, None, None, "#000000", chart_text(NASTY))]),
    ]
    assert [each for each in figures if not is_clean(each.to_json())] == []


@pytest.mark.slow
def test_every_chart_is_tried_or_has_words_of_ours_alone():
    """A maker of a chart that nobody tries with markup is a maker that may show it."""
    tried = Path(__file__).read_text("utf-8").split("@pytest.fixture", 1)[1]
    untried = []
    for file in sorted(VIEWS.rglob("*.py")):
        module = file.relative_to(VIEWS).as_posix()
        known = OWN_WORDS.get(module, set()) | ELSEWHERE.get(module, set())
        for made in ast.walk(ast.parse(file.read_text("utf-8"))):
            if (
                not isinstance(made, ast.FunctionDef)
                or made.returns is None
                or ast.unparse(made.returns) != "go.Figure"
            ):
                continue
            if made.name not in known and f"{made.name}(" not in tried:
                untried.append(f"{module}: {made.name}")
    assert untried == []


def test_other_words_stay_as_they_are():
    assert chart_text("1 < 2 & Ümlaut") == "1 ‹ 2 ＆ Ümlaut"
