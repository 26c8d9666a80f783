"""The embedding map: chunks as points, near where they mean alike, and the questions that were asked, or one dropped in, among them."""

from typing import TYPE_CHECKING

import plotly.graph_objects as go
import streamlit as st

from app.kit.numbers import count, percent
from app.views.kit import state
from app.views.kit.address import Write
from app.views.kit.charts import Behind, chart_layout, chart_text, show_chart
from app.views.kit.html import note_html, show

if TYPE_CHECKING:
    from app.documents.asked_map import AskedMap, QuestionVectors
    from backends.local.corpus import CorpusMap, LocalCorpus

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


ENDS = {
    "answered": ("#0072b2", "circle", 7),
    "low confidence": ("#e69f00", "square", 9),
    "abstained": ("#cc79a7", "diamond", 10),
    "failed": ("#d55e00", "x", 10),
}
"""Colour, shape and size of a question by how it ended: what went badly is seen first."""

GROUND = {"size": 5, "opacity": 0.35, "color": "#8c96a0"}
"""Chunks behind questions."""

SHOWN = ("chunks", "chunks and questions")
"""What is on the map, as it stands in the address."""


def show_map(corpus: "LocalCorpus", backend: str, write: Write) -> None:
    """The map with its controls; a click on a question opens its trace."""
    show(
        note_html(
            "Each point is a chunk; chunks that mean alike lie near each other.",
            "Two dimensions keep only part of the picture: the title says how much of the differences between chunks. With questions, the "
            "newest of people are drawn among the chunks, by how they ended: where failures and low confidence gather, documents are "
            "missing or misleading.",
        )
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        what = st.segmented_control("On the map", SHOWN, key="on_map", on_change=write, required=True)
        question = st.text_input(
            "Drop a question in", key="map_question", on_change=write, placeholder="Who proposed that continents drift?"
        )
    placed = (question, *corpus.place(question)) if question.strip() else None
    asked = _read_asked(corpus, backend) if what == SHOWN[1] else None
    drawn = corpus.embedding_map()
    figure = embedding_map(drawn, placed, asked)
    done = show_chart(
        figure, key="map", alt="Embedding map", behind=_behind(drawn, asked), on_select="rerun", selection_mode="points"
    )
    chosen = [point["customdata"] for point in done["selection"]["points"] if len(point.get("customdata") or ()) == 2]
    known = {point.trace_id for point in asked.points} if asked is not None else set()
    opened = next((trace_id for _, trace_id in chosen if trace_id in known), None)
    if opened is not None:
        st.switch_page("../pages/traces.py", query_params={"trace": opened})


def _behind(corpus_map: "CorpusMap", asked: "AskedMap | None") -> Behind:
    """What the map shows, in words: how each question ended, or what each chunk says."""
    if asked is not None:
        return Behind(("Question", "How it ended"), [(point.question[:SNIPPET], point.end) for point in asked.points])
    rows = [(chunk.title, group_of(chunk.document_id), f"{chunk.text[:SNIPPET]} …") for chunk in corpus_map.chunks]
    return Behind(("Document", "Subject", "The chunk's beginning"), rows)


def _read_asked(corpus: "LocalCorpus", backend: str) -> "AskedMap":
    from app.documents.asked_map import read_asked

    with st.spinner("Placing the newest questions …"):
        return read_asked(corpus, state.services().store, backend, "person", _vectors(backend, corpus.embedder))


@st.cache_resource(max_entries=8, show_spinner=False)
def _vectors(backend: str, embedder: str) -> "QuestionVectors":
    from app.documents.asked_map import QuestionVectors

    return QuestionVectors()


def embedding_map(
    corpus_map: "CorpusMap", question: tuple[str, float, float] | None = None, asked: "AskedMap | None" = None
) -> go.Figure:
    """A point a chunk, coloured by subject; the question, if given as (text, x, y), as a star.

    asked: questions that were asked, drawn over chunks that are grey then.
    """
    figure = go.Figure()
    _add_chunks(figure, corpus_map, grey=asked is not None)
    drawn = () if asked is None else asked.points
    for end, (colour, symbol, size) in ENDS.items():
        points = [point for point in drawn if point.end == end]
        if points:
            figure.add_trace(
                go.Scatter(
                    x=[point.x for point in points],
                    y=[point.y for point in points],
                    mode="markers",
                    name=f"{end} ({len(points):,})",
                    marker={"size": size, "color": colour, "symbol": symbol},
                    customdata=[[chart_text(point.question[:SNIPPET]), point.trace_id] for point in points],
                    hovertemplate=f"<b>{end}</b><br>%{{customdata[0]}}<extra></extra>",
                )
            )
    if question is not None:
        label, x, y = question
        figure.add_trace(
            go.Scatter(
                x=[x],
                y=[y],
                mode="markers",
                name="your question",
                marker={"size": 18, "symbol": "star", "color": "#d55e00", "line": {"width": 1.5, "color": "#ffffff"}},
                hovertemplate=f"{chart_text(label)}<extra></extra>",
            )
        )
    shown = count(len(corpus_map.chunks), "chunk")
    kept = (
        f"{shown}; the two dimensions keep {percent(corpus_map.projection.explained)} of the differences between them"
    )
    title = kept if asked is None else asked.headline
    figure.update_layout(**chart_layout(title, height=520, legend=True))
    figure.update_xaxes(showticklabels=False, zeroline=False, title="first principal component")
    figure.update_yaxes(showticklabels=False, zeroline=False, title="second principal component")
    return figure


def _add_chunks(figure: go.Figure, corpus_map: "CorpusMap", *, grey: bool) -> None:
    """The chunks, by subject; or all alike where they are what questions lie on."""
    groups = sorted({"chunks" if grey else group_of(chunk.document_id) for chunk in corpus_map.chunks})
    for number, group in enumerate(groups):
        members = [
            (point, chunk)
            for point, chunk in zip(corpus_map.points, corpus_map.chunks, strict=True)
            if grey or group_of(chunk.document_id) == group
        ]
        marker = {
            "size": 8,
            "opacity": 0.75,
            "color": GROUP_COLOURS[number % len(GROUP_COLOURS)],
            "symbol": SYMBOLS[number % len(SYMBOLS)],
        }
        figure.add_trace(
            go.Scatter(
                x=[float(point[0]) for point, _ in members],
                y=[float(point[1]) for point, _ in members],
                mode="markers",
                name=chart_text(group),
                marker=GROUND if grey else marker,
                customdata=[[chart_text(chunk.title), chart_text(chunk.text[:SNIPPET]), ""] for _, chunk in members],
                hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]} …<extra></extra>",
            )
        )
