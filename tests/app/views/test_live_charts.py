"""Live's charts: bounds of rules that do not overprint, and counts in whole numbers."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import streamlit as st

from app.alerting.levels import Level
from app.kit.clock import Clock
from app.live.answers import make_answers
from app.live.rows import Line
from app.views.live.charts import answers_chart, overview_chart, stages_chart
from metrics.outcomes import Ends
from metrics.series import Window
from tests.app.live.test_rows import MINUTE, viewed
from tests.factories import make_failed_trace, make_trace


@pytest.fixture(autouse=True)
def light(monkeypatch):
    monkeypatch.setattr(st, "context", SimpleNamespace(theme=SimpleNamespace(type="light")))


def test_two_rules_at_one_bound_are_one_line_with_both_names():
    view = viewed(make_trace(asked_at=MINUTE, duration_ms=1_000.0))
    levels = [Level(name, "latency_p95", 500.0) for name in ("slow", "late")]
    figure = overview_chart(view, levels, None, Clock())
    assert [each.text for each in figure.layout.annotations] == ["slow and late: p95 above 500 ms"]
    assert sum(each.type == "line" for each in figure.layout.shapes) == 1


def test_words_of_bounds_close_to_each_other_stand_on_two_sides():
    view = viewed(make_trace(asked_at=MINUTE, duration_ms=1_000.0))
    levels = [Level("a", "latency_p95", 500.0), Level("b", "latency_p95", 510.0), Level("c", "latency_p95", 900.0)]
    figure = overview_chart(view, levels, None, Clock())
    assert [each.xanchor for each in figure.layout.annotations] == ["left", "right", "left"]


def test_counts_have_whole_ticks_and_none_below_zero():
    window = Window(0, 120, 60)
    found = make_answers(window, {0: Ends(asked=3)}, [(1.0, 1), (2.0, -1), (3.0, -1)])
    scale = answers_chart(found, Clock()).layout.yaxis2
    assert list(scale.tickvals) == [-2, -1, 0, 1]
    assert list(scale.ticktext) == ["2", "1", "0", "1"]
    view = viewed(make_failed_trace(asked_at=MINUTE))
    assert list(overview_chart(view, [], None, Clock()).layout.yaxis2.tickvals) == [0, 1]
    assert list(stages_chart(view, Clock()).layout.yaxis2.tickvals) == [0, 1]


def test_ticks_of_questions_reach_as_high_as_answered_and_failed_together():
    view = viewed(make_trace(asked_at=MINUTE))
    answered = Line("answered", tuple((at, 30.0) for at, _ in view.rate[0].points))
    view = replace(view, rate=(answered, replace(answered, name="failed")))
    assert list(overview_chart(view, [], None, Clock()).layout.yaxis2.tickvals) == [0, 20, 40, 60]
