"""Charts: one look for all, titles that wrap above them, scales that one outlier cannot flatten, and the figures behind each.

A maker builds a figure with `chart_layout`, every text from outside through `chart_text`; a page shows it with `show_chart`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, overload

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from app.kit.numbers import count, three_figures
from app.kit.wording import when
from app.views.kit.html import chart_title_html, note_html, show, table_html
from app.views.kit.style import ink, paper

CHART_CONFIG: dict[str, Any] = {"displaylogo": False, "displayModeBar": False, "responsive": True}

CLEAR = "rgba(0,0,0,0)"

LEGEND: dict[str, Any] = {
    "orientation": "h",
    "x": 0,
    "xanchor": "left",
    "y": 1.0,
    "yanchor": "bottom",
    "traceorder": "normal",
}
"""Above the picture, in the order in which things are drawn; it wraps, and the picture makes room for it."""

OUTLYING = 3.0
"""Times what nineteen of twenty values stay below: a value beyond would flatten the others."""

ROOM = 1.25
"""How far a scale goes beyond what nineteen of twenty values stay below, where it is cut."""

FEWEST = 5
"""Fewer values than these are shown whole."""

HEAD = 1.16
"""How far a cut scale goes beyond its upper end: there stand the words for what it leaves out, clear of the legend above."""

BEYOND = "beyond the scale"
"""Tells the marks of what a scale leaves out from what is drawn."""

MOST_ROWS = 200
"""Rows of figures behind a chart."""

COUNTED = 3
"""Ticks above 0 of a scale of counts, at most."""


def chart_text(words: str) -> str:
    """Words for a chart's label, name or pop-up: Plotly would read markup and templates in them, links among it."""
    return words.replace("<", "‹").replace(">", "›").replace("&", "＆").replace("%{", "％{")


def chart_layout(title: str, *, height: int, legend: bool = False, unified: bool = False) -> dict[str, Any]:
    """A Plotly layout that both themes share: no frame, transparent ground, room for every label.

    title: shown above the picture by `show_chart`. legend: whether one stands above. unified: whether pointing at a place tells of
    everything that is drawn there, in one box.
    """
    axis = {
        "tickfont": {"color": ink()},
        "title": {"font": {"color": ink(), "size": 12}, "standoff": 8},
        "automargin": True,
        "gridcolor": "rgba(128,128,128,.22)",
        "zerolinecolor": "rgba(128,128,128,.4)",
    }
    return {
        "title": {"text": title, "x": 0, "xanchor": "left", "font": {"size": 15}},
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 12, "b": 8},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"color": ink()},
        "xaxis": dict(axis),
        "yaxis": dict(axis),
        "showlegend": legend,
        "legend": LEGEND | {"font": {"color": ink()}},
        "hovermode": "x unified" if unified else "closest",
        "hoverlabel": {"namelength": -1},
    }


def utc_times(epoch_s: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Times as a date axis draws them in UTC: of plain numbers it makes the browser's own time.

    epoch_s: in seconds since the epoch.
    """
    return np.asarray(epoch_s * 1000.0).astype("datetime64[ms]")


def show_chart(
    figure: go.Figure,
    *,
    key: str,
    alt: str,
    title: str | None = None,
    behind: "Behind | bool" = True,
    **more: Any,
) -> Any:
    """Draw a figure under its title; gives what `st.plotly_chart` gives.

    alt: what it shows, for those who do not see it. title: where the figure has none of its own, or another. behind: the figures that
    are offered beneath it; True reads them off the figure, False offers none. more: as `st.plotly_chart` takes it.
    """
    told = (figure.layout.title.text or "") if title is None else title
    figure.update_layout(title=None)
    if told:
        show(chart_title_html(told))
    drawn = st.plotly_chart(figure, key=key, alt=alt, **({"config": CHART_CONFIG} | more))
    if behind is not False:
        _show_behind(figure, behind, key)
    return drawn


@dataclass(frozen=True, slots=True)
class Behind:
    """The figures of a chart as a table."""

    heads: Sequence[str]
    """What its columns are."""
    rows: Sequence[Sequence[str]]
    """As they are read; the first of each names the row."""


def _show_behind(figure: go.Figure, behind: "Behind | bool", key: str) -> None:
    """A fold with the figures, which are made when it is opened."""
    with st.expander("Figures", key=f"{key}-figures", type="compact", on_change="rerun") as fold:
        if not fold.open:
            return
        told = behind if isinstance(behind, Behind) else figures_of(figure)
        show(table_html(told.heads, told.rows[:MOST_ROWS], f"{key}-figures"))
        if len(told.rows) > MOST_ROWS:
            show(note_html(f"The first {MOST_ROWS} of {count(len(told.rows), 'row')}."))


def figures_of(figure: go.Figure) -> Behind:
    """What a figure draws, a row for each point: of what, where, and how much."""
    rows = []
    for trace in figure.data:
        if trace.type == "heatmap":
            rows += [
                (_said(row), _said(column), _said(value))
                for row, values in zip(_places(trace.y, trace.z), trace.z, strict=True)
                for column, value in zip(_places(trace.x, values), values, strict=True)
            ]
        elif getattr(trace, "x", None) is not None and getattr(trace, "y", None) is not None:
            if trace.hoverinfo in ("skip", "none") or trace.meta == BEYOND:
                continue
            axis = figure.layout[f"yaxis{(trace.yaxis or 'y')[1:]}"]
            read_x, read_y = _reader(figure.layout.xaxis), _reader(axis)
            unit = f", {axis.title.text}" if figure.layout.hoversubplots and axis.title.text else ""
            name = f"{trace.name or ''}{unit}"
            rows += [(name, read_x(x), read_y(y)) for x, y in zip(trace.x, trace.y, strict=True)]
    named = _named(figure)
    across, up = named("xaxis"), "Figure" if figure.layout.hoversubplots else named("yaxis")
    heads = ("Drawn", across, up) if any(row[0] for row in rows) else (across, up)
    return Behind(heads, rows if len(heads) == 3 else [row[1:] for row in rows])


def _named(figure: go.Figure) -> Callable[[str], str]:
    usual = {"xaxis": "Where", "yaxis": "Figure"}
    return lambda axis: figure.layout[axis].title.text or usual[axis]


def _reader(axis: Any) -> Callable[[Any], str]:
    """How a value on an axis is said: by its tick's words, where only such values are on it, or as a moment, UTC."""
    if axis.type == "date":
        return _moment_said
    if axis.ticktext is not None and axis.tickvals is not None:
        words = dict(zip(axis.tickvals, axis.ticktext, strict=True))
        return lambda value: words[value].replace("<br>", ", ") if value in words else _said(value)
    return _said


def _moment_said(value: Any) -> str:
    """A place on a date axis, as Plotly takes it: a time of `utc_times`, or milliseconds since the epoch."""
    in_ms = float(value) if isinstance(value, int | float) else float(np.datetime64(value, "ms").astype(np.int64))
    return when(in_ms / 1000)


def _places(names: Any, values: Any) -> Sequence[Any]:
    return range(1, len(values) + 1) if names is None else names


def _said(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "—"
    try:
        number = float(value)
        return f"{number:,.0f}" if number.is_integer() else three_figures(number)
    except (TypeError, ValueError):
        return str(value)


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a scale ends that outliers cannot flatten."""

    top: float
    """Its upper end."""
    beyond: int
    """How many values lie beyond."""
    highest: float
    """The largest of them."""


def count_ticks(highest: float, below: float = 0.0) -> dict[str, Any]:
    """Whole numbers as ticks, a few of them. below: the highest count of what is drawn downward, whose ticks say how many, too."""
    step = _whole_step(max(highest, below), COUNTED)
    ticks = range(-(int(below) // step) * step, int(highest) + 1, step)
    return {"tickvals": list(ticks), "ticktext": [f"{abs(tick):,}" for tick in ticks]}


def _whole_step(highest: float, most: int) -> int:
    """The step between ticks of a count: 1, 2 or 5, or ten times that and so on, so that there are no more than so many above 0."""
    step, factors = 1, cycle((2.0, 2.5, 2.0))
    while highest // step > most:
        step = int(step * next(factors))
    return step


def robust_scale(values: Sequence[float | None]) -> Scale | None:
    """Where to cut a scale that begins at 0; None where the whole of it reads well. Zeros, as of a time without a question, say nothing."""
    known = sorted(value for value in values if value and math.isfinite(value))
    if len(known) < FEWEST:
        return None
    usual = known[int(0.95 * (len(known) - 1))]
    if usual <= 0 or known[-1] <= OUTLYING * usual:
        return None
    top = ROOM * usual
    return Scale(top, sum(value > top for value in known), known[-1])


def cut_scale(
    figure: go.Figure,
    points: Sequence[tuple[Any, float | None]],
    say: Callable[[float], str],
    *,
    axis: str = "y",
    reach: float = 0.0,
) -> None:
    """Cut a figure's vertical scale where outliers would flatten the rest, with a mark for each of them and words for all.

    points: all that is drawn, its place across and its value. say: a value in words. axis: whose scale, where there are several. reach: a
    value that the scale shows in any case.
    """
    scale = robust_scale([value for _, value in points])
    if scale is None:
        return
    top = max(scale.top, reach)
    beyond = [(place, value) for place, value in points if value is not None and value > top]
    if not beyond:
        return
    figure.update_layout({f"yaxis{axis[1:]}": {"range": [0, top * HEAD], "autorange": False}})
    figure.add_scatter(
        x=[place for place, _ in beyond],
        y=[top] * len(beyond),
        yaxis=axis,
        mode="markers",
        marker={"symbol": "triangle-up", "size": 9, "color": ink()},
        customdata=[say(value) for _, value in beyond],
        hovertemplate="%{customdata}, beyond the scale<extra></extra>",
        showlegend=False,
        cliponaxis=False,
        meta=BEYOND,
    )
    figure.add_annotation(
        text=f"▲ {len(beyond):,} beyond, up to {chart_text(say(scale.highest))}",
        xref="paper",
        yref=f"{axis} domain",
        x=1,
        y=1,
        xanchor="right",
        yanchor="top",
        showarrow=False,
        font={"color": ink(), "size": 12},
        bgcolor=paper(),
    )


@dataclass(frozen=True, slots=True)
class Unit:
    """In what durations are drawn."""

    name: str
    """`ms`, `s` or `min`."""
    in_ms: float
    """How many milliseconds one has."""

    @overload
    def of(self, value_ms: float) -> float: ...
    @overload
    def of(self, value_ms: None) -> None: ...
    @overload
    def of(self, value_ms: float | None) -> float | None: ...
    def of(self, value_ms: float | None) -> float | None:
        """A duration in this unit."""
        return None if value_ms is None else value_ms / self.in_ms


def time_unit(longest_ms: float) -> Unit:
    """The unit in which durations up to this one read well."""
    return Unit("ms", 1.0) if longest_ms < 1_000 else Unit("s", 1e3) if longest_ms < 120_000 else Unit("min", 60e3)
