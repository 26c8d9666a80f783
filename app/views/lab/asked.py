"""What the forms of studies of questions share, and their charts."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from app.kit.numbers import percent
from app.lab.catalogue import Lab
from app.lab.one_by_one import Row
from app.lab.records import LabRecord
from app.lab.side_by_side import figure
from app.views.kit import address, interval_plot
from app.views.kit.charts import chart_layout, chart_text, show_chart
from app.views.kit.style import LATENCY_COLOUR, OUTCOME_COLOURS, ink
from app.views.runs.source import Source

SHOWN_QUESTIONS = 100
"""What the form draws unless told otherwise: enough for a first look, soon answered."""


MOST_QUESTIONS = 1_000_000
"""That can be drawn."""

MOST_CHARS = 1_500
"""Of a text in a form, for its address: some programs cut a link after 2,000."""


def asked_fields(lab: Lab, name: str) -> dict[str, address.Field]:
    """What `ask_which` asks for, by its name in the address."""
    return {
        f"{name}_limit": address.number(SHOWN_QUESTIONS, 0, MOST_QUESTIONS),
        f"{name}_top_k": address.number(lab.parts.settings.top_k, 1, 100),
    }


def names_of(usual: Sequence[str]) -> address.Field:
    """What `names_field` asks for. usual: the names unless others are given."""
    return address.words("\n".join(usual), MOST_CHARS)


def ask_which(name: str, write: address.Write) -> tuple[Source, dict[str, Any]]:
    """Widgets for the questions: where they are from, how many are drawn, how many chunks are retrieved."""
    source = Source()
    with st.container(horizontal=True):
        limit = st.number_input(
            "Questions drawn",
            0,
            MOST_QUESTIONS,
            key=f"{name}_limit",
            on_change=write,
            width=160,
            help="0 for all of them.",
        )
        top_k = st.number_input("Chunks", 1, 100, key=f"{name}_top_k", on_change=write, width=120)
    return source, {"limit": int(limit) or None, "top_k": int(top_k)}


def names_field(label: str, name: str, write: address.Write, help_: str) -> list[str]:
    """Names, a line each. name: in the address."""
    text = st.text_area(label, key=name, on_change=write, help=help_, height=130)
    return [line.strip() for line in text.splitlines() if line.strip()]


def draw(charts: Sequence[go.Figure], name: str, record: LabRecord) -> None:
    """Charts of a study's result, each told by its title. name: the study's."""
    for place, made in enumerate(charts):
        show_chart(made, key=f"{name}-{place}-{record.record_id}", alt=made.layout.title.text)


def shares_chart(title: str, rows: Sequence[Row], measures: Sequence[tuple[str, str]]) -> go.Figure:
    """Figures with intervals, a row for each way and measure; the ways told apart by their names, the measures by colour."""
    colours = (LATENCY_COLOUR, OUTCOME_COLOURS["answered"], "#e69f00")
    lines = []
    for row in rows:
        for place, (measure, label) in enumerate(measures):
            found = figure(row, measure)
            words = f"{chart_text(row['name'])}: {label} {percent(found.value, 1)}"
            if found.low is not None:
                words += f", {percent(found.low, 1)} to {percent(found.high, 1)}"
            name = f"{chart_text(row['name'])} · {label}" if len(measures) > 1 else chart_text(row["name"])
            colour = colours[place % len(colours)]
            lines.append(interval_plot.Row(name, found.value, found.low, found.high, colour, words))
    return interval_plot.interval_plot(chart_text(title), lines, row_height=28, in_percent=True)


def boxes_chart(title: str, groups: Sequence[tuple[str, str, Sequence[float]]], *, axis: str) -> go.Figure:
    """Distributions as boxes. groups: a label, a colour and values."""
    made = go.Figure()
    for label, colour, values in groups:
        made.add_trace(go.Box(x=list(values), name=chart_text(label), marker={"color": colour}, boxpoints=False))
    made.update_layout(**chart_layout(chart_text(title), height=130 + 42 * len(groups)))
    made.update_xaxes(title={"text": axis}, fixedrange=True)
    made.update_yaxes(autorange="reversed", fixedrange=True)
    return made


def scatter_chart(
    title: str, points: Sequence[tuple[str, float, float]], *, x: str, y: str, marked: str = ""
) -> go.Figure:
    """Named points: a label, x and y, the latter a share. marked: the label that stands out."""
    middle = sum(each[1] for each in points) / max(len(points), 1)
    colours = [LATENCY_COLOUR if label == marked else OUTCOME_COLOURS["answered"] for label, _, _ in points]
    made = go.Figure(
        go.Scatter(
            x=[each[1] for each in points],
            y=[each[2] for each in points],
            text=[chart_text(each[0]) for each in points],
            mode="markers+text",
            textposition=["top left" if each[1] > middle else "top right" for each in points],
            textfont={"color": ink()},
            marker={"size": 11, "color": colours},
            hovertemplate="%{text}: %{x:,.3~g}, %{y:.1%}<extra></extra>",
            cliponaxis=False,
        )
    )
    made.update_layout(**chart_layout(chart_text(title), height=380))
    made.update_xaxes(title={"text": x}, fixedrange=True)
    made.update_yaxes(title={"text": y}, fixedrange=True, tickformat=".1%")
    return made
