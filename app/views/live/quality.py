"""The Live page's part about quality: a small control chart for each rule, and the way to the traces of a bad stretch."""

import time
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app.kit.clock import Clock
from app.kit.wording import PEOPLE
from app.live.reading import WINDOWS, LiveChoice
from app.quality.recent import RuleWindow, read_window, traces_address
from app.quality.watch import WatchState
from app.quality.words import CHART_NOTE, WHOSE_NOTE, clock, headline, lag_words, value_text, watch_words
from app.views.kit import state
from app.views.kit.charts import chart_layout, chart_text, show_chart, utc_times
from app.views.kit.clock import their_clock, time_ticks
from app.views.kit.html import note_html, show
from app.views.kit.markdown import message
from app.views.kit.style import DRIFTED, STEADY, ink
from pipeline.errors import RaglassError

HEIGHT = 210

COLUMNS = 3

TICKS = 3
"""Steps on the axis of a chart that has a third of the width, at most."""

FRESH_S = 10
"""Seconds for which what was read is shown again, whoever looks."""


def show_quality(choice: LiveChoice) -> None:
    """A chart for each rule that has said something of the window."""
    try:
        found, watched = _read(choice.backend, choice.window)
    except RaglassError as error:
        st.error(message(str(error)), icon=":material/error:")
        return
    if found and choice.tells_askers and choice.asked_by != PEOPLE:
        show(note_html(WHOSE_NOTE))
    now_s = int(time.time())
    span_s = (now_s - WINDOWS[choice.window], now_s)
    for start in range(0, len(found), COLUMNS):
        for place, each in zip(st.columns(COLUMNS), found[start : start + COLUMNS], strict=False):
            with place:
                _show_rule(each, choice.backend, span_s)
    words = " ".join(filter(None, (watch_words(watched), lag_words(watched, time.time()))))
    if not found and watched.lag is not None:
        words = f"The rules have said nothing of this window yet. {words}"
    show(note_html(f"{CHART_NOTE} {words}" if found else words))


@st.cache_data(ttl=FRESH_S, max_entries=30, show_spinner=False)
def _read(backend: str, window: str) -> tuple[list[RuleWindow], WatchState]:
    now_s = time.time()
    services = state.services()
    return read_window(services.store, now_s - WINDOWS[window], now_s, backend=backend), services.quality.state()


def _show_rule(found: RuleWindow, backend: str, span_s: tuple[int, int]) -> None:
    name = found.rule.name
    show_chart(rule_chart(found, span_s, their_clock()), key=f"quality-{name}", alt=f"{found.rule.title} over time")
    if found.worse:
        worst = found.worse[0]
        st.page_link(
            "../pages/traces.py",
            label=f"Traces {clock(found, worst)}",
            icon=":material/search:",
            query_params=traces_address(found, worst, backend),
            help=f"Those of that stretch whose {found.rule.title.lower()} is on the bad side of the usual.",
        )


def rule_chart(found: RuleWindow, span_s: tuple[int, int], theirs: Clock) -> go.Figure:
    """A rule's mean by bucket, those that are others in another colour and shape, and the control limits.

    span_s: the window, from when until when, of which the axis shows all.
    """
    rule, points = found.rule, [each.point for each in found.buckets]
    marks = [each.shifted for each in found.buckets]
    # Half a bucket later is its middle.
    middles = utc_times(np.array([each.at for each in points]) + found.step_s / 2)
    spots = go.Scatter(
        x=middles,
        y=[each.mean for each in points],
        mode="lines+markers",
        line={"color": ink(), "width": 1},
        marker={
            "size": 8,
            "color": [DRIFTED if mark else STEADY for mark in marks],
            "symbol": ["diamond" if mark else "circle" for mark in marks],
        },
        customdata=[[value_text(rule, each.mean), f"{each.count:,}"] for each in points],
        hovertemplate="%{customdata[0]}, traces: %{customdata[1]}<extra></extra>",
    )
    return go.Figure(data=[spots], layout=_layout(found, span_s, theirs))


def _layout(found: RuleWindow, span_s: tuple[int, int], theirs: Clock) -> dict[str, Any]:
    """Title, axes and the control limits, in one go: piece by piece Plotly takes ten times as long."""
    places, words = time_ticks(*span_s, theirs, TICKS)
    # The first bucket may begin before the window, the last one end after it.
    ends = (span_s[0] - found.step_s, span_s[1] + found.step_s)
    layout, shares = chart_layout(chart_text(headline(found)), height=HEIGHT), found.rule.unit == "share"
    layout["xaxis"] |= {
        "type": "date",
        "tickvals": utc_times(np.array(places) / 1000.0),
        "ticktext": words,
        "range": utc_times(np.array(ends, float)),
        "fixedrange": True,
        "showgrid": False,
    }
    layout["yaxis"] |= {"fixedrange": True, "nticks": 4, "tickformat": ".0%" if shares else None}
    if shares:
        layout["yaxis"]["range"] = [-0.05, 1.05]
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "line": {"color": ink(), "width": 1, "dash": "dash"}}
    shapes = [{**line, "y0": level, "y1": level} for level in _levels(found)]
    return {**layout, "dragmode": False, "shapes": shapes}


def _levels(found: RuleWindow) -> list[float]:
    """The limits on the side that is bad."""
    if found.limits is None:
        return []
    low, high = [found.limits.low], [found.limits.high]
    return {"low": low, "high": high, "either": low + high}[found.rule.worse]
