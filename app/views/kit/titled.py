"""Charts under a title that says what is seen, which may be a sentence: it wraps where Plotly's would be cut off."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from app.views.kit.markdown import literal
from app.views.kit.style import CHART_CONFIG, ink


def show_titled(title: str, figure: go.Figure, *, key: str, alt: str) -> None:
    """A figure without a title of its own. title: as it is to be read; alt: what the figure shows, for those who do not see it."""
    st.markdown(f"**{literal(title)}**")
    st.plotly_chart(figure, config=CHART_CONFIG, key=key, alt=alt)


def show_apart(figure: go.Figure, *, key: str, alt: str, **more: Any) -> Any:
    """A figure whose own title stands above it, where it wraps. more: as `st.plotly_chart` takes it. Gives what was selected."""
    title = figure.layout.title.text or ""
    figure.update_layout(title=None, margin={"t": 12})
    st.markdown(f"**{literal(title)}**")
    return st.plotly_chart(figure, key=key, alt=alt, **({"config": CHART_CONFIG} | more))


def stack_bars(figure: go.Figure) -> None:
    """Bars on each other, with a legend above them in the bars' order."""
    legend = {"orientation": "h", "y": 1.0, "yanchor": "bottom", "traceorder": "normal", "font": {"color": ink()}}
    figure.update_layout(barmode="stack", showlegend=True, legend=legend)
