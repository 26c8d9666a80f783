"""The Live page's charts: panes above each other on one axis of time, so that pointing at a moment tells all of it.

Times are UTC, those of whoever looks beneath. Figures are made in one go from plain data and arrays: piece by piece, Plotly takes ten
times as long over a week.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.alerting.levels import Bound, Level, bounds_of
from app.kit.clock import Clock
from app.kit.numbers import milliseconds, percent
from app.live.answers import Answers
from app.live.rows import UNACCOUNTED, Line, LiveView
from app.views.kit.charts import (
    Unit,
    chart_layout,
    chart_text,
    count_ticks,
    cut_scale,
    robust_scale,
    time_unit,
    utc_times,
)
from app.views.kit.clock import time_ticks
from app.views.kit.style import OUTCOME_COLOURS, PART_COLOURS, PERCENTILE_COLOURS, STAGE_COLOURS, ink

STROKES = {"p99": ("solid", "diamond", 5), "p95": ("solid", "square", 2), "p50": ("dot", "circle", 2)}
"""Stroke, marker and width of each percentile: more than the colour tells them apart. The wide one lies beneath, so that it is seen where
two are the same."""

GAP = 0.12
"""Part of a period that is left free between two bars."""

APART = 0.09
"""Part of the height that is left free between two panes."""

IN_REACH = 1.6
"""Times the highest value up to which the scale goes to show the bound of a rule."""

ROOM = 1.08
"""How far a scale goes beyond what it is to show."""

CLOSE = 0.08
"""Part of the scale below which two lines' words would meet."""

COUNT = "%{y:,.0f}"


@dataclass(frozen=True, slots=True)
class Pane:
    """One of several charts above each other."""

    traces: Sequence[Any]
    """What is drawn, as Plotly's graph objects."""
    unit: str
    """What stands beside its scale."""
    share: float = 1.0
    """Its height against the others'."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """What else its scale is told."""


def overview_chart(view: LiveView, levels: Sequence[Level], chosen_s: int | None, clock: Clock) -> go.Figure:
    """Latency with the bounds of rules, and questions beneath. Each period is a column that can be clicked; the chosen one is marked."""
    known = [value for line in view.latency for _, value in line.points if value is not None]
    highest = max(known, default=0.0)
    cut = robust_scale(known)
    seen = highest if cut is None else cut.top
    bounds = bounds_of([level for level in levels if level.series != "errors" and level.value <= IN_REACH * seen])
    reach = max([seen, *(line.value * ROOM for line in bounds)])
    unit = time_unit(reach)
    lines_of = {line.name: line for line in view.latency}
    strokes = [
        _stroke(view, lines_of[name], PERCENTILE_COLOURS[name], unit, *stroke) for name, stroke in STROKES.items()
    ]
    questions = _bars(view, view.rate, OUTCOME_COLOURS, COUNT)
    shaded = [] if chosen_s is None else [_shade(chosen_s, chosen_s + view.window.period_s, 0.25)]
    lines = [_bound(line, unit) for line in bounds]
    sides = _sides([line.value for line in bounds], reach)
    # Without a value the scale would begin below 0.
    scale = {"range": [0, unit.of(reach) * ROOM]} if bounds and cut is None else {}
    panes = [
        Pane([_columns(view, unit), *strokes], unit.name, 2.2, scale),
        Pane(questions, "questions", more=_counts(view.rate)),
    ]
    figure = _figure(
        view, panes, f"{view.latency_title}; {view.rate_title[:1].lower()}{view.rate_title[1:]}", clock, 370, shaded
    )
    figure.update_layout(
        shapes=[*figure.layout.shapes, *(line for line, _ in lines)],
        annotations=[label | side for (_, label), side in zip(lines, sides, strict=True)],
    )
    points = [(x, y) for stroke in strokes for x, y in zip(stroke.x.tolist(), stroke.y.tolist(), strict=True)]
    cut_scale(figure, points, lambda value: milliseconds(value * unit.in_ms), reach=unit.of(reach) if bounds else 0.0)
    return figure


def stages_chart(view: LiveView, clock: Clock) -> go.Figure:
    """Each stage's own mean time, stacked, or a percentile of each as lines, since percentiles do not add up; and errors by stage."""
    sums: dict[int, float] = {}
    for line in view.stages:
        for at, value in line.points:
            sums[at] = sums.get(at, 0.0) + (value or 0.0)
    stacked = view.measure == "Average"
    peaks = sums.values() if stacked else [value or 0.0 for line in view.stages for _, value in line.points]
    cut = robust_scale(list(peaks))
    unit = time_unit(max(peaks, default=0.0) if cut is None else cut.top)
    if stacked:
        times = _bars(view, view.stages, STAGE_COLOURS, "", unit)
    else:
        times = [_stroke(view, line, _colour(STAGE_COLOURS, line.name), unit) for line in view.stages]
    said = f"{unit.name} a question" if stacked else f"{unit.name}, {view.measure}"
    panes = [Pane(times, said, 2.2)]
    if view.errors:
        errors = _bars(view, view.errors, STAGE_COLOURS, COUNT, failed=True)
        panes.append(Pane(errors, "errors", more=_counts(view.errors)))
    height = 300 if len(panes) == 1 else 380
    figure = _figure(view, panes, f"{view.stages_title}. {view.errors_title}", clock, height)
    tops = sums.items() if stacked else [point for line in view.stages for point in line.points]
    drawn = [(_moment(at + view.window.period_s / 2), unit.of(value)) for at, value in tops]
    cut_scale(figure, drawn, lambda value: milliseconds(value * unit.in_ms))
    return figure


def parts_chart(view: LiveView, clock: Clock) -> go.Figure:
    """SageMaker, Lambda and the network, stacked."""
    peaks = [value or 0.0 for line in view.parts for _, value in line.points]
    unit = time_unit(max(peaks, default=0.0))
    return _figure(
        view,
        [Pane(_bars(view, view.parts, PART_COLOURS, "", unit), f"{unit.name} a question")],
        view.parts_title,
        clock,
        300,
    )


def answers_chart(found: Answers, clock: Clock) -> go.Figure:
    """The share of abstentions, the mean confidence, and ratings, of the same stretches."""
    starts = np.array([each.start_s for each in found.stretches])
    middles = utc_times(starts + found.step_s / 2)
    dots: dict[str, Any] = {"x": middles, "mode": "lines+markers", "connectgaps": True}
    asked = [f"{each.ends.asked:,}" for each in found.stretches]
    series: Sequence[tuple[str, list[float | None], str, str]] = (
        ("abstained", [each.abstained_share for each in found.stretches], STAGE_COLOURS["gateway"], "diamond"),
        ("confidence", [each.ends.mean_confidence for each in found.stretches], STAGE_COLOURS["network"], "circle"),
    )
    lines = [
        go.Scatter(
            **dots,
            y=values,
            name=name,
            line={"color": colour, "width": 2},
            marker={"size": 6, "symbol": symbol},
            customdata=[[percent(value), of] for value, of in zip(values, asked, strict=True)],
            hovertemplate=f"{name} %{{customdata[0]}}, of %{{customdata[1]}} asked<extra></extra>",
        )
        for name, values, colour, symbol in series
    ]
    ratings = [
        go.Bar(
            x=middles,
            y=[sign * getattr(each, name) for each in found.stretches],
            width=found.step_s * 1000 * (1 - GAP),
            name=f"rated {name}",
            marker={"color": colour, "line": {"width": 0}},
            customdata=[getattr(each, name) for each in found.stretches],
            hovertemplate=f"rated {name} %{{customdata:,}}<extra></extra>",
        )
        for name, sign, colour in (("up", 1, STAGE_COLOURS["retrieve"]), ("down", -1, OUTCOME_COLOURS["failed"]))
    ]
    shares = {"range": [-0.03, 1.03], "tickformat": ".0%", "nticks": 4}
    panes = [Pane(lines, "of all", 2.2, shares)]
    up, down = (max(getattr(each, name) for each in found.stretches) for name in ("up", "down"))
    if up or down:
        panes.append(Pane(ratings, "ratings", more={"rangemode": "normal", **count_ticks(up, down)}))
    end_s = int(starts[-1]) + found.step_s
    return _drawn(panes, found.title, (int(starts[0]), end_s), clock, 260 if len(panes) == 1 else 340, [])


def _counts(lines: Sequence[Line]) -> dict[str, Any]:
    """The ticks of a scale of counts that are stacked."""
    periods = zip(*(line.points for line in lines), strict=True)
    return count_ticks(max((sum(value or 0.0 for _, value in at) for at in periods), default=0.0))


def _sides(heights: Sequence[float], reach: float) -> list[dict[str, Any]]:
    """On which side of the chart the words of each line stand, so that those of lines close to each other do not meet."""
    left, sides = -math.inf, []
    for height in heights:
        free = height - left >= CLOSE * reach
        left = height if free else left
        sides.append({"x": 0, "xanchor": "left"} if free else {"x": 1, "xanchor": "right"})
    return sides


def _colour(colours: Mapping[str, str], name: str) -> str:
    return colours.get(name, STAGE_COLOURS[UNACCOUNTED])


def _middles(view: LiveView) -> NDArray[np.datetime64]:
    """The middle of each period."""
    return utc_times(np.array(view.window.periods) + view.window.period_s / 2)


def _values(line: Line, unit: Unit | None = None) -> NDArray[np.float64]:
    """The values of a line, NaN where there is none. unit: of durations."""
    return np.array([value for _, value in line.points], dtype=np.float64) / (unit.in_ms if unit else 1.0)


def _spoken(line: Line) -> list[str]:
    return [milliseconds(value) for _, value in line.points]


def _bars(
    view: LiveView,
    lines: Sequence[Line],
    colours: Mapping[str, str],
    hover: str,
    unit: Unit | None = None,
    *,
    failed: bool = False,
) -> list[go.Bar]:
    """A bar for each period and line, to be stacked. unit: of durations, which are said in words. failed: beneath others of their names."""
    return [
        go.Bar(
            x=_middles(view),
            y=_values(line, unit),
            width=view.window.period_s * 1000 * (1 - GAP),
            name=chart_text(f"{line.name} failed" if failed else line.name),
            marker={"color": _colour(colours, line.name), "line": {"width": 0}},
            customdata=_spoken(line) if unit else None,
            hovertemplate=f"{chart_text(line.name)} {'failed ' if failed else ''}{hover or '%{customdata}'}<extra></extra>",
            showlegend=not failed,
        )
        for line in lines
    ]


def _stroke(
    view: LiveView, line: Line, colour: str, unit: Unit, dash: str = "solid", symbol: str = "circle", width: int = 2
) -> go.Scatter:
    """A line that is broken where nothing was measured; a value between two gaps is a dot."""
    return go.Scatter(
        x=_middles(view),
        y=_values(line, unit),
        name=chart_text(line.name),
        mode="lines+markers",
        line={"color": colour, "dash": dash, "width": width},
        marker={"size": 5, "color": colour, "symbol": symbol},
        customdata=_spoken(line),
        hovertemplate=f"{chart_text(line.name)} %{{customdata}}<extra></extra>",
    )


def _columns(view: LiveView, unit: Unit) -> go.Bar:
    """An invisible bar over each period that has a value, so that a click anywhere above it finds it."""
    known = ~np.isnan(_values(view.latency[0]))
    highest = max((float(np.nanmax(_values(line, unit))) for line in view.latency if known.any()), default=0.0)
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


def _bound(bound: Bound, unit: Unit) -> tuple[dict[str, Any], dict[str, Any]]:
    """Bounds of rules at one height as a line over the first pane, and its words; names of rules are data."""
    height = bound.value / unit.in_ms
    stroke = {"color": OUTCOME_COLOURS["failed"], "width": 1.5, "dash": "dash"}
    line = {
        "type": "line",
        "xref": "x domain",
        "x0": 0,
        "x1": 1,
        "yref": "y",
        "y0": height,
        "y1": height,
        "line": stroke,
    }
    label = {
        "text": f"{chart_text(bound.words)} above {milliseconds(bound.value)}",
        "xref": "x domain",
        "yref": "y",
        "y": height,
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"color": ink(), "size": 12},
    }
    return line, label


def _figure(
    view: LiveView, panes: Sequence[Pane], title: str, clock: Clock, height: int, shapes: Sequence[dict[str, Any]] = ()
) -> go.Figure:
    """Panes over the window, with the shade over what may still change."""
    window = view.window
    if view.incomplete_from_s is not None:
        shapes = [*shapes, _shade(max(view.incomplete_from_s, window.start_s), window.end_s, 0.08)]
    return _drawn(panes, title, (window.start_s, window.end_s), clock, height, shapes)


def _drawn(
    panes: Sequence[Pane],
    title: str,
    span_s: tuple[int, int],
    clock: Clock,
    height: int,
    shapes: Sequence[dict[str, Any]],
) -> go.Figure:
    """Panes above each other, which share their axis of time: a moment that is pointed at is told of all of them. Nothing is dragged."""
    layout = chart_layout(title, height=height, legend=True, unified=True)
    across, up = layout.pop("xaxis"), layout.pop("yaxis")
    places, words = time_ticks(*span_s, clock)
    last = "y" if len(panes) == 1 else f"y{len(panes)}"
    layout |= {
        "dragmode": False,
        "barmode": "relative",
        "bargap": 0,
        "shapes": list(shapes),
        "hoversubplots": "axis" if len(panes) > 1 else None,
        "xaxis": across
        | {
            "type": "date",
            "tickvals": [_moment(place / 1000) for place in places],
            "ticktext": words,
            "range": [_moment(at) for at in span_s],
            "fixedrange": True,
            "showgrid": False,
            "anchor": last,
            "hoverformat": "%d %b %H:%M UTC",
        },
    }
    free = 1.0 - APART * (len(panes) - 1)
    whole, top = sum(pane.share for pane in panes), 1.0
    for place, pane in enumerate(panes, 1):
        low = top - free * pane.share / whole
        scale = {"rangemode": "tozero", "fixedrange": True, "nticks": 5, "domain": [max(low, 0.0), top], "anchor": "x"}
        told = {"title": up["title"] | {"text": pane.unit}}
        layout[f"yaxis{place if place > 1 else ''}"] = up | told | scale | dict(pane.more)
        for trace in pane.traces:
            trace.yaxis = "y" if place == 1 else f"y{place}"
        top = low - APART
    return go.Figure(data=[trace for pane in panes for trace in pane.traces], layout=layout)


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
