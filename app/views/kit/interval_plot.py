"""Means with their intervals, a row each: what every figure of a run is drawn as."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from app.views.kit.charts import chart_layout
from app.views.kit.style import ink

PERCENT = ".0%"
"""How an axis of shares is labelled."""

WHOLE = {"minallowed": 0, "maxallowed": 1}
"""How far an axis of shares reaches: Plotly would draw beyond what there can be."""

LABEL_ROOM = 24
"""Pixels at the right of an axis of shares: Plotly leaves out the label of its end, 100 %, where half of it would not fit."""


@dataclass(frozen=True, slots=True)
class Row:
    """A mean with its interval."""

    label: str
    """What stands beside it; markup is the caller's."""
    value: float | None
    """The mean; None is drawn as nothing."""
    low: float | None
    """Lower end; None where there is no interval."""
    high: float | None
    """Upper end."""
    colour: str
    """Of the dot."""
    words: str
    """What pointing at it says."""


def interval_plot(
    title: str, rows: Sequence[Row], *, row_height: int = 40, at_zero: bool = False, in_percent: bool = False
) -> go.Figure:
    """Rows from the top. at_zero: whether a line stands at 0, for differences. in_percent: whether the axis is, of shares."""
    figure = go.Figure(
        go.Scatter(
            x=[row.value for row in rows],
            y=list(range(len(rows))),
            mode="markers",
            marker={"size": 10, "color": [row.colour for row in rows]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [_reach(row.value, row.high) for row in rows],
                "arrayminus": [_reach(row.low, row.value) for row in rows],
                "color": ink(),
                "thickness": 1.2,
            },
            customdata=[row.words for row in rows],
            hovertemplate="%{customdata}<extra></extra>",
            cliponaxis=False,
        )
    )
    if at_zero:
        figure.add_vline(x=0, line={"color": ink(), "width": 1, "dash": "dot"})
    figure.update_layout(**chart_layout(title, height=110 + row_height * len(rows)))
    labels = [row.label for row in rows]
    figure.update_yaxes(autorange="reversed", fixedrange=True, tickvals=list(range(len(rows))), ticktext=labels)
    figure.update_xaxes(fixedrange=True, tickformat=PERCENT if in_percent else None)
    if in_percent and not at_zero:
        figure.update_xaxes(autorangeoptions=WHOLE)
        figure.update_layout(margin_r=LABEL_ROOM)
    return figure


def _reach(low: float | None, high: float | None) -> float:
    return 0.0 if low is None or high is None else max(0.0, high - low)
