"""Charts under a title that says what is seen, which may be a sentence: it wraps where Plotly's would be cut off."""

import plotly.graph_objects as go
import streamlit as st

from app.views.kit.markdown import literal
from app.views.kit.style import CHART_CONFIG, ink


def show_titled(title: str, figure: go.Figure, *, key: str, alt: str) -> None:
    """A figure without a title of its own. title: as it is to be read; alt: what the figure shows, for those who do not see it."""
    st.markdown(f"**{literal(title)}**")
    st.plotly_chart(figure, config=CHART_CONFIG, key=key, alt=alt)


def stack_bars(figure: go.Figure) -> None:
    """Bars on each other, with a legend above them in the bars' order."""
    legend = {"orientation": "h", "y": 1.0, "yanchor": "bottom", "traceorder": "normal", "font": {"color": ink()}}
    figure.update_layout(barmode="stack", showlegend=True, legend=legend)
