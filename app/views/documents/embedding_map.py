"""The embedding map: chunks as points, near where they mean alike, and a question dropped among them."""

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from app.kit.numbers import count, percent
from app.views.kit.charts import chart_layout, chart_text

if TYPE_CHECKING:
    from backends.local.corpus import CorpusMap

GROUP_COLOURS = (
    "#56b4e9",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#0072b2",
    "#d55e00",
    "#7a68c8",
    "#8c96a0",
    "#a6761d",
    "#66a61e",
)
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "pentagon", "triangle-down")
"""A shape a subject, so that colour is not all that tells them apart."""

SNIPPET = 90


def group_of(document_id: str) -> str:
    """What a document is coloured by: its subject in the built-in corpus, or `added`."""
    return document_id.split("/")[0] if "/" in document_id else "added"


def embedding_map(corpus_map: "CorpusMap", question: tuple[str, float, float] | None = None) -> go.Figure:
    """A point a chunk, coloured by subject; the question, if given as (text, x, y), as a star."""
    groups = sorted({group_of(chunk.document_id) for chunk in corpus_map.chunks})
    figure = go.Figure()
    for number, group in enumerate(groups):
        members = [
            (point, chunk)
            for point, chunk in zip(corpus_map.points, corpus_map.chunks, strict=True)
            if group_of(chunk.document_id) == group
        ]
        figure.add_trace(
            go.Scattergl(
                x=[float(point[0]) for point, _ in members],
                y=[float(point[1]) for point, _ in members],
                mode="markers",
                name=chart_text(group),
                marker={
                    "size": 8,
                    "opacity": 0.75,
                    "color": GROUP_COLOURS[number % len(GROUP_COLOURS)],
                    "symbol": SYMBOLS[number % len(SYMBOLS)],
                },
                customdata=[[chart_text(chunk.title), chart_text(chunk.text[:SNIPPET])] for _, chunk in members],
                hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]} …<extra></extra>",
            )
        )
    if question is not None:
        label, x, y = question
        figure.add_trace(
            go.Scattergl(
                x=[x],
                y=[y],
                mode="markers",
                name="your question",
                marker={"size": 18, "symbol": "star", "color": "#d55e00", "line": {"width": 1.5, "color": "#ffffff"}},
                hovertemplate=f"{chart_text(label)}<extra></extra>",
            )
        )
    shown = count(len(corpus_map.chunks), "chunk")
    title = f"{shown}, {percent(corpus_map.projection.explained)} of their variance"
    figure.update_layout(**chart_layout(title, height=520, legend=True))
    figure.update_xaxes(showticklabels=False, zeroline=False, title="first principal component")
    figure.update_yaxes(showticklabels=False, zeroline=False, title="second principal component")
    return figure
