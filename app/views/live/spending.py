"""Tokens and cost by day on the Live page: a small chart by model, and what there is to say of it."""

from datetime import UTC, datetime

import plotly.graph_objects as go
import streamlit as st

from app.live.spending import OTHERS, Spending, read_spending
from app.views.kit import state
from app.views.kit.charts import chart_layout, chart_text, show_chart
from app.views.kit.html import note_html, show
from app.views.kit.style import STAGE_COLOURS

KEPT_S = 60
"""Seconds that what was read is shown: days change slowly."""

HEIGHT = 240

COLOURS = tuple(STAGE_COLOURS[stage] for stage in ("network", "generate", "retrieve", "rerank", "embed", "gateway"))
"""Of models, those that took most first."""


def show_spending() -> None:
    """The chart of the last days with its words; the words alone where nothing is paid by the token."""
    found = _read_spending()
    if found.points:
        show_chart(spending_chart(found), key="spending-chart", alt=found.title)
    show(note_html(f"{found.words} {found.undrawn_words}".strip()))


@st.cache_data(ttl=KEPT_S, show_spinner=False)
def _read_spending() -> Spending:
    return read_spending(state.services().store)


def spending_chart(found: Spending) -> go.Figure:
    """A bar a day, stacked by model."""
    days = [datetime.fromtimestamp(day, UTC).strftime("%d %b") for day in found.days]
    unit = "$%{y:,.3~r}" if found.priced else "%{y:,.0f} tokens"
    bars = [
        go.Bar(
            x=days,
            y=values,
            name=chart_text(model),
            marker={"color": STAGE_COLOURS["unaccounted"] if model == OTHERS else COLOURS[place], "line": {"width": 0}},
            hovertemplate=f"{unit}<extra>%{{fullData.name}}</extra>",
        )
        for place, (model, values) in enumerate(found.bars().items())
    ]
    layout = chart_layout(found.title, height=HEIGHT, legend=True)
    layout |= {"barmode": "stack", "dragmode": False}
    layout["xaxis"] |= {"type": "category", "fixedrange": True, "nticks": 7}
    layout["yaxis"] |= {"rangemode": "tozero", "fixedrange": True}
    return go.Figure(bars, layout)
