"""The Live page's charts: figures of lines that are worked out already, on one time axis, UTC."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import plotly.graph_objects as go

from app.live_view import UNACCOUNTED, Line, LiveView
from app.views.style import LATENCY_COLOUR, OUTCOME_COLOURS, PART_COLOURS, STAGE_COLOURS, chart_layout, ink
from app.wording import milliseconds

HEIGHT = 300

STROKES = {"p50": "dot", "p95": "solid", "p99": "dash"}

DAY_S = 86_400

GAP = 0.12
"""Part of a period that is left free between two bars."""


def rate_chart(view: LiveView) -> go.Figure:
    """Questions a minute, answered and failed, stacked."""
    return _finish(_bars(view, view.rate, OUTCOME_COLOURS, "%{y:.3g} a minute"), view, view.rate_title, "a minute")


def latency_chart(view: LiveView, chosen_s: int | None) -> go.Figure:
    """p50, p95 and p99, end to end. Each period is a column that can be clicked; the chosen one is marked."""
    figure = go.Figure(_columns(view))
    for line in view.latency:
        figure.add_trace(_stroke(view, line, LATENCY_COLOUR, STROKES[line.name]))
    _finish(figure, view, view.latency_title, "ms")
    if chosen_s is not None:
        _shade(figure, chosen_s, chosen_s + view.window.period_s, 0.25)
    return figure


def stages_chart(view: LiveView) -> go.Figure:
    """Each stage's own mean time, stacked; or a percentile of each stage as lines, since percentiles do not add up."""
    if view.measure == "Average":
        figure = _bars(view, view.stages, STAGE_COLOURS, "%{customdata}")
        return _finish(figure, view, view.stages_title, "ms a question")
    figure = go.Figure([_stroke(view, line, _colour(STAGE_COLOURS, line.name), "solid") for line in view.stages])
    return _finish(figure, view, view.stages_title, f"ms, {view.measure}")


def errors_chart(view: LiveView) -> go.Figure:
    """Errors by the stage that failed, stacked."""
    figure = _bars(view, view.errors, STAGE_COLOURS, "%{y:,.0f}")
    return _finish(figure, view, view.errors_title, "errors")


def parts_chart(view: LiveView) -> go.Figure:
    """SageMaker, Lambda and the network, stacked."""
    figure = _bars(view, view.parts, PART_COLOURS, "%{customdata}")
    return _finish(figure, view, view.parts_title, "ms a question")


def _colour(colours: Mapping[str, str], name: str) -> str:
    return colours.get(name, STAGE_COLOURS[UNACCOUNTED])


def _times(view: LiveView) -> list[datetime]:
    return [_moment(start_s) for start_s in view.window.periods]


def _moment(time_s: float) -> datetime:
    """A time as Plotly draws it: UTC, without a zone, which it would shift."""
    return datetime.fromtimestamp(time_s, UTC).replace(tzinfo=None)


def _middles(view: LiveView) -> list[datetime]:
    half_s = view.window.period_s / 2
    return [_moment(start_s + half_s) for start_s in view.window.periods]


def _bars(view: LiveView, lines: Sequence[Line], colours: Mapping[str, str], hover: str) -> go.Figure:
    """A stacked bar for each period."""
    figure = go.Figure()
    for line in lines:
        values = [value for _, value in line.points]
        figure.add_trace(
            go.Bar(
                x=_middles(view),
                y=values,
                width=view.window.period_s * 1000 * (1 - GAP),
                name=line.name,
                marker={"color": _colour(colours, line.name), "line": {"width": 0}},
                customdata=["" if value is None else milliseconds(value) for value in values],
                hovertemplate=f"{line.name} {hover}<extra></extra>",
            )
        )
    figure.update_layout(barmode="stack")
    return figure


def _stroke(view: LiveView, line: Line, colour: str, dash: str) -> go.Scatter:
    """A line that is broken where nothing was measured; a value between two gaps is a dot."""
    values = [value for _, value in line.points]
    return go.Scatter(
        x=_middles(view),
        y=values,
        name=line.name,
        mode="lines+markers",
        line={"color": colour, "dash": dash, "width": 2},
        marker={"size": 4, "color": colour},
        customdata=["" if value is None else milliseconds(value) for value in values],
        hovertemplate=f"{line.name} %{{customdata}}<extra></extra>",
    )


def _columns(view: LiveView) -> go.Bar:
    """An invisible bar over each period that has a value, so that a click anywhere above it finds it."""
    highest = max((value for line in view.latency for _, value in line.points if value is not None), default=0.0)
    known = {start_s for line in view.latency for start_s, value in line.points if value is not None}
    return go.Bar(
        x=_middles(view),
        y=[highest if start_s in known else None for start_s in view.window.periods],
        width=view.window.period_s * 1000,
        marker={"color": ink(), "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        hoverinfo="none",
        showlegend=False,
    )


def _finish(figure: go.Figure, view: LiveView, title: str, unit: str) -> go.Figure:
    """Title, axes, legend, and the shade over what may still change."""
    layout: dict[str, Any] = chart_layout(title, height=HEIGHT)
    layout |= {
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.14, "x": 0, "font": {"color": ink()}, "traceorder": "normal"},
        "hovermode": "x unified",
        "dragmode": False,
        "bargap": 0,
        "margin": {"l": 8, "r": 8, "t": 44, "b": 8},
    }
    figure.update_layout(**layout)
    window = view.window
    figure.update_xaxes(
        type="date",
        tickformat="%H:%M" if window.end_s - window.start_s <= DAY_S else "%d %b",
        nticks=6,
        range=[_moment(window.start_s), _moment(window.end_s)],
        fixedrange=True,
        showgrid=False,
    )
    figure.update_yaxes(title=unit, rangemode="tozero", fixedrange=True, nticks=5)
    if view.incomplete_from_s is not None:
        _shade(figure, max(view.incomplete_from_s, window.start_s), window.end_s, 0.08)
    return figure


def _shade(figure: go.Figure, start_s: float, end_s: float, opacity: float) -> None:
    figure.add_vrect(
        x0=_moment(start_s), x1=_moment(end_s), fillcolor=ink(), opacity=opacity, line_width=0, layer="below"
    )
