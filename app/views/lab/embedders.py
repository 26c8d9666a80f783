"""Embedders and rerankers side by side, on the page."""

import plotly.graph_objects as go
import streamlit as st

from app.lab.catalogue import Lab
from app.lab.one_by_one import Row
from app.lab.records import LabRecord
from app.lab.side_by_side import good_rows
from app.views.kit import address
from app.views.kit.layout import backstage
from app.views.kit.style import LEVEL_COLOURS
from app.views.lab.asked import ask_which, asked_fields, boxes_chart, draw, names_field, names_of, shares_chart
from app.views.lab.frame import choose_record, offer_start, show_none, show_record, show_table


def show_study(lab: Lab) -> None:
    """The form, and what came out."""
    with (
        backstage("study"),
        st.expander("Start a study", expanded=not lab.records.newest("embedders")),
    ):
        _show_form(lab)
    record = choose_record(lab, "embedders")
    if record is None:
        show_none("embedders", "No embedder was studied yet.", "Name some above, a line each, and press Plan.")
        return
    tables = show_record(lab, record, charts)
    draw(charts(record), "embedders", record)
    for table in tables:
        show_table(table)


def charts(record: LabRecord) -> list[go.Figure]:
    """What is found, and how alike right and wrong pairs are."""
    rows = [] if record.result is None else good_rows(record.result)
    if not rows:
        return []
    title = "Share of questions for which a right chunk is found, by meaning and words"
    return [shares_chart(title, rows, (("recall", "recall"),)), *_pairs(rows)]


def _pairs(rows: list[Row]) -> list[go.Figure]:
    groups: list[tuple[str, str, list[float]]] = []
    for row in rows:
        layout = row.get("layout")
        right = [each for each in row["values"].get("right", ()) if each is not None]
        if layout is not None and right:
            groups.append((f"{row['name']}: right pairs", LEVEL_COLOURS["high"], right))
            groups.append((f"{row['name']}: wrong pairs", LEVEL_COLOURS["low"], layout["wrong"]))
    title = "Right pairs of question and chunk are more alike than wrong ones, where boxes do not overlap"
    return [boxes_chart(title, groups, axis="cosine")] if groups else []


def _show_form(lab: Lab) -> None:
    fields = {"embedders_names": names_of(("embedded",)), "embedders_rerankers": names_of(())}
    write = address.follow("lab-embedders", {**asked_fields(lab, "embedders"), **fields})
    source, plan = ask_which("embedders", write)
    named = names_field(
        "Embedders, a line each",
        "embedders_names",
        write,
        "embedded, a sentence-transformers id or path (needs the research profile's packages), sagemaker: and an endpoint's name, or "
        "openai:MODEL@URL of a server that the settings name, or bedrock:MODEL.",
    )
    rerankers = names_field(
        "Rerankers, a line each",
        "embedders_rerankers",
        write,
        "sentences, or a cross-encoder's id or path; orders what the first embedder found. May stay empty.",
    )
    offer_start(lab, "embedders", {**plan, "embedders": named, "rerankers": rerankers}, source)
