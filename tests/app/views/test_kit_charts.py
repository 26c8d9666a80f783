"""Charts that every page shares: scales, units, small multiples, and the figures behind them."""

import tomllib
from pathlib import Path
from types import SimpleNamespace

import plotly.graph_objects as go
import pytest
import streamlit as st

from app.views.kit.charts import (
    chart_layout,
    count_ticks,
    cut_scale,
    figures_of,
    robust_scale,
    time_unit,
)
from app.views.kit.interval_plot import LABEL_ROOM, Row, interval_plot
from app.views.kit.style import paper

ROOT = Path(__file__).parents[3]

NASTY = '<a href="https://example.org">x</a> %{y}'


@pytest.fixture(autouse=True)
def light(monkeypatch):
    monkeypatch.setattr(st, "context", SimpleNamespace(theme=SimpleNamespace(type="light")))


def test_one_outlier_does_not_flatten_the_others():
    scale = robust_scale([10.0, 12.0, 11.0, None, 9.0, 13.0, 900.0])
    assert scale is not None
    assert (scale.beyond, scale.highest) == (1, 900.0)
    assert 13.0 < scale.top < 20.0


def test_times_without_a_question_make_no_outliers_of_the_others() -> None:
    assert robust_scale([0.0] * 57 + [148.0, 430.0, 480.0, 516.0]) is None
    assert robust_scale([0.0] * 57 + [430.0, 480.0, 500.0, 516.0, 470.0, 9_000.0]) is not None


@pytest.mark.parametrize("values", [[], [1.0, 900.0], [10.0, 12.0, 11.0, 9.0, 25.0], [0.0] * 9 + [5.0]])
def test_a_scale_is_whole_where_all_of_it_reads_well_or_little_is_known(values):
    assert robust_scale(values) is None


@pytest.mark.parametrize(
    ("highest", "below", "ticks"),
    [
        (0, 0, [0]),
        (1, 0, [0, 1]),
        (3, 0, [0, 1, 2, 3]),
        (5, 1, [0, 2, 4]),
        (48, 0, [0, 20, 40]),
        (1, 3, [-3, -2, -1, 0, 1]),
        (0, 2_500, [-2_000, -1_000, 0]),
    ],
)
def test_ticks_of_counts_are_few_whole_numbers(highest, below, ticks):
    found = count_ticks(highest, below)
    assert found["tickvals"] == ticks
    assert found["ticktext"] == [f"{abs(tick):,}" for tick in ticks]


def test_a_cut_is_marked_and_said():
    figure = go.Figure(go.Scatter(x=list(range(6)), y=[10, 12, 11, 9, 13, 900]))
    figure.update_layout(**chart_layout("Title", height=200))
    cut_scale(figure, list(enumerate([10.0, 12.0, 11.0, 9.0, 13.0, 900.0])), lambda value: f"{value:.0f} ms")
    assert figure.layout.yaxis.range[1] < 20
    assert list(figure.data[-1].x) == [5]
    assert list(figure.data[-1].customdata) == ["900 ms"]
    [words] = figure.layout.annotations
    assert words.text == "▲ 1 beyond, up to 900 ms"
    # Below the legend, above the marks.
    assert (words.y, words.yanchor) == (1, "top")
    assert figure.layout.yaxis.range[1] > 1.1 * figure.data[-1].y[0]
    assert len(figures_of(figure).rows) == 6


@pytest.mark.parametrize("kind", ["light", "dark"])
def test_words_over_a_chart_stand_on_the_colour_of_the_page(kind, monkeypatch):
    monkeypatch.setattr(st, "context", SimpleNamespace(theme=SimpleNamespace(type=kind)))
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"]
    assert paper() == theme[kind]["backgroundColor"]


@pytest.mark.parametrize(
    ("longest_ms", "name", "value"), [(999, "ms", 500.0), (1_000, "s", 0.5), (600_000, "min", 500 / 60_000)]
)
def test_the_unit_goes_by_the_longest(longest_ms, name, value):
    unit = time_unit(longest_ms)
    assert (unit.name, unit.of(500.0), unit.of(None)) == (name, pytest.approx(value), None)


def test_the_figures_behind_a_chart_are_read_off_it():
    figure = go.Figure([go.Bar(x=[0, 1], y=[1.23456, None], name="p50"), go.Bar(x=[0, 1], y=[3, 4], name="p95")])
    figure.update_layout(**chart_layout("Title", height=200))
    figure.update_xaxes(tickvals=[0, 1], ticktext=["one", "two<br>lines"], title_text="what")
    behind = figures_of(figure)
    assert list(behind.heads) == ["Drawn", "what", "Figure"]
    assert behind.rows[:2] == [("p50", "one", "1.23"), ("p50", "two, lines", "—")]
    heat = figures_of(go.Figure(go.Heatmap(z=[[1, 2]], x=["a", "b"], y=["row"])))
    assert heat.rows == [("row", "a", "1"), ("row", "b", "2")]


def test_times_behind_a_chart_are_moments():
    figure = go.Figure(go.Bar(x=[1_757_000_000_000.0], y=[1]))
    figure.update_xaxes(type="date")
    assert figures_of(figure).rows == [("2025-09-04 15:33:20 UTC", "1")]


def test_an_axis_of_shares_ends_at_all_of_them_and_one_of_differences_goes_below_none():
    rows = [Row("one", 1.0, None, None, "#000000", "one: 100 %")]
    assert interval_plot("Title", rows, in_percent=True).layout.xaxis.autorangeoptions.maxallowed == 1
    assert interval_plot("Title", rows, in_percent=True).layout.margin.r == LABEL_ROOM  # where the label of 100 % fits
    assert interval_plot("Title", rows, in_percent=True, at_zero=True).layout.xaxis.autorangeoptions.minallowed is None
