"""Chunkings side by side, on the page."""

import plotly.graph_objects as go
import streamlit as st

from app.lab.catalogue import Lab
from app.lab.chunkings import USUAL
from app.lab.records import LabRecord
from app.lab.side_by_side import figure, good_rows
from app.views.kit import address
from app.views.kit.layout import backstage
from app.views.lab.asked import ask_which, asked_fields, draw, names_field, names_of, scatter_chart
from app.views.lab.frame import choose_record, offer_start, show_none, show_record, show_table


def show_study(lab: Lab) -> None:
    """The form, and what came out."""
    with (
        backstage("study"),
        st.expander("Start a study", expanded=not lab.records.newest("chunks")),
    ):
        _show_form(lab)
    record = choose_record(lab, "chunks")
    if record is None:
        show_none(
            "chunks",
            "No way of cutting was studied yet.",
            "Press Plan: over the built-in corpus, the usual six take a few minutes.",
        )
        return
    tables = show_record(lab, record, charts)
    draw(charts(record), "chunks", record)
    for table in tables:
        show_table(table)


def charts(record: LabRecord) -> list[go.Figure]:
    """Right answers against words, where there are two ways of cutting to tell apart."""
    result = record.result
    if result is None or len(rows := good_rows(result)) < 2:
        return []
    points = [(row["name"], figure(row, "words").value or 0.0, figure(row, "correct").value or 0.0) for row in rows]
    title = "Right answers against the words that a question reads: up and to the left is better"
    return [scatter_chart(title, points, x="words a question reads", y="right answers", marked=result["in_use"])]


def _show_form(lab: Lab) -> None:
    write = address.follow("lab-chunks", {**asked_fields(lab, "chunks"), "chunks_names": names_of(USUAL)})
    source, plan = ask_which("chunks", write)
    named = names_field(
        "Ways of cutting, a line each",
        "chunks_names",
        write,
        "Where a chunk ends (heading, paragraph, sentence, page), its size in characters, and how many it repeats of the one before.",
    )
    offer_start(lab, "chunks", {**plan, "chunkings": named}, source)
