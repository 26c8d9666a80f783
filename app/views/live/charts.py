"""The Live page's charts: figures of lines that are worked out already, on one time axis, UTC.

Figures are made in one go from plain data and arrays: piece by piece, Plotly takes ten times as long over a week.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.live.rows import UNACCOUNTED, Line, LiveView
from app.views.kit.charts import chart_layout, chart_text
from app.views.kit.style import LATENCY_COLOUR, OUTCOME_COLOURS, PART_COLOURS, STAGE_COLOURS, ink

HEIGHT = 300

DAY_S = 86_400

STROKES = {"p50": "dot", "p95": "solid", "p99": "dash"}

GAP = 0.12
"""Part of a period that is left free between two bars."""

MS = "%{y:,.3~r} ms"
"""A duration in a hover text: three figures."""


def rate_chart(view: LiveView) -> go.Figure:
    """Questions a minute, answered and failed, stacked."""
    return _figure(view, _bars(view, view.rate, OUTCOME_COLOURS, "%{y:.3~r} a minute"), view.rate_title, "a minute")


def latency_chart(view: LiveView, chosen_s: int | None) -> go.Figure:
    """p50, p95 and p99, end to end. Each period is a column that can be clicked; the chosen one is marked."""
    strokes = [_stroke(view, line, LATENCY_COLOUR, STROKES[line.name]) for line in view.latency]
    marked = [] if chosen_s is None else [_shade(chosen_s, chosen_s + view.window.period_s, 0.25)]
    return _figure(view, [_columns(view), *strokes], view.latency_title, "ms", marked)


def stages_chart(view: LiveView) -> go.Figure:
    """Each stage's own mean time, stacked; or a percentile of each stage as lines, since percentiles do not add up."""
    if view.measure == "Average":
        return _figure(view, _bars(view, view.stages, STAGE_COLOURS, MS), view.stages_title, "ms a question")
    strokes = [_stroke(view, line, _colour(STAGE_COLOURS, line.name), "solid") for line in view.stages]
    return _figure(view, strokes, view.stages_title, f"ms, {view.measure}")


def errors_chart(view: LiveView) -> go.Figure:
    """Errors by the stage that failed, stacked."""
    return _figure(view, _bars(view, view.errors, STAGE_COLOURS, "%{y:,.0f}"), view.errors_title, "errors")


def parts_chart(view: LiveView) -> go.Figure:
    """SageMaker, Lambda and the network, stacked."""
    return _figure(view, _bars(view, view.parts, PART_COLOURS, MS), view.parts_title, "ms a question")


def _colour(colours: Mapping[str, str], name: str) -> str:
    return colours.get(name, STAGE_COLOURS[UNACCOUNTED])


def _middles(view: LiveView) -> NDArray[np.float64]:
    """The middle of each period in ms since the epoch, which a date axis takes."""
    return (np.array(view.window.periods) + view.window.period_s / 2) * 1000.0


def _values(line: Line) -> NDArray[np.float64]:
    """The values of a line, NaN where there is none."""
    return np.array([value for _, value in line.points], dtype=np.float64)


def _bars(view: LiveView, lines: Sequence[Line], colours: Mapping[str, str], hover: str) -> list[go.Bar]:
    """A bar for each period and line, to be stacked."""
    return [
        go.Bar(
            x=_middles(view),
            y=_values(line),
            width=view.window.period_s * 1000 * (1 - GAP),
            name=chart_text(line.name),
            marker={"color": _colour(colours, line.name), "line": {"width": 0}},
            hovertemplate=f"{chart_text(line.name)} {hover}<extra></extra>",
        )
        for line in lines
    ]


def _stroke(view: LiveView, line: Line, colour: str, dash: str) -> go.Scatter:
    """A line that is broken where nothing was measured; a value between two gaps is a dot."""
    return go.Scatter(
        x=_middles(view),
        y=_values(line),
        name=chart_text(line.name),
        mode="lines+markers",
        line={"color": colour, "dash": dash, "width": 2},
        marker={"size": 4, "color": colour},
        hovertemplate=f"{chart_text(line.name)} {MS}<extra></extra>",
    )


def _columns(view: LiveView) -> go.Bar:
    """An invisible bar over each period that has a value, so that a click anywhere above it finds it."""
    known = ~np.isnan(_values(view.latency[0]))
    highest = max((float(np.nanmax(_values(line))) for line in view.latency if known.any()), default=0.0)
    return go.Bar(
        x=_middles(view),
        y=np.where(known, highest, np.nan),
        width=view.window.period_s * 1000,
        marker={"color": ink(), "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        hoverinfo="none",
        showlegend=False,
    )


def _figure(
    view: LiveView, data: Sequence[Any], title: str, unit: str, shapes: Sequence[dict[str, Any]] = ()
) -> go.Figure:
    """A figure with title, axes, legend, and the shade over what may still change."""
    window, layout = view.window, chart_layout(title, height=HEIGHT, legend=True, unified=True)
    if view.incomplete_from_s is not None:
        shapes = [*shapes, _shade(max(view.incomplete_from_s, window.start_s), window.end_s, 0.08)]
    layout |= {
        "dragmode": False,
        "barmode": "stack",
        "bargap": 0,
        "shapes": shapes,
    }
    layout["xaxis"] |= {
        "type": "date",
        "tickformat": "%H:%M" if window.end_s - window.start_s <= DAY_S else "%d %b",
        "nticks": 6,
        "range": [_moment(window.start_s), _moment(window.end_s)],
        "fixedrange": True,
        "showgrid": False,
    }
    layout["yaxis"]["title"] |= {"text": unit}
    layout["yaxis"] |= {
        "rangemode": "tozero",
        "fixedrange": True,
        "nticks": 5,
    }
    return go.Figure(data=list(data), layout=layout)


def _moment(time_s: float) -> datetime:
    """A time as Plotly draws it: UTC, without a zone, which it would shift."""
    return datetime.fromtimestamp(time_s, UTC).replace(tzinfo=None)


def _shade(start_s: float, end_s: float, opacity: float) -> dict[str, Any]:
    """A stretch of time, shaded over the chart's whole height."""
    return {
        "type": "rect",
        "x0": _moment(start_s),
        "x1": _moment(end_s),
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "fillcolor": ink(),
        "opacity": opacity,
        "line": {"width": 0},
        "layer": "below",
    }
