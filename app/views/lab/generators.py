"""Generators side by side, on the page."""

import plotly.graph_objects as go
import streamlit as st

from app.lab.catalogue import Lab
from app.lab.generators import RELIANCE
from app.lab.records import LabRecord
from app.lab.side_by_side import good_rows
from app.views.kit import address
from app.views.kit.layout import backstage
from app.views.lab.asked import MOST_QUESTIONS, ask_which, asked_fields, draw, names_field, names_of, shares_chart
from app.views.lab.frame import choose_record, offer_start, show_none, show_record, show_table


def show_study(lab: Lab) -> None:
    """The form, and what came out."""
    with (
        backstage("study"),
        st.expander("Start a study", expanded=not lab.records.newest("generators")),
    ):
        _show_form(lab)
    record = choose_record(lab, "generators")
    if record is None:
        show_none("generators", "No generator was studied yet.", "Name some above, a line each, and press Plan.")
        return
    tables = show_record(lab, record, charts)
    draw(charts(record), "generators", record)
    for table in tables:
        show_table(table)


def charts(record: LabRecord) -> list[go.Figure]:
    """Right answers, of what was retrieved and of the right chunk."""
    if record.result is None or not (rows := good_rows(record.result)):
        return []
    title = "Right answers from what was retrieved, and from the chunk that holds the answer"
    return [shares_chart(title, rows, (("correct", "retrieved"), ("gold correct", "right chunk")))]


def _show_form(lab: Lab) -> None:
    fields = {
        "generators_names": names_of(("embedded",)),
        "generators_reliance": address.number(RELIANCE, 0, MOST_QUESTIONS),
    }
    write = address.follow("lab-generators", {**asked_fields(lab, "generators"), **fields})
    source, plan = ask_which("generators", write)
    named = names_field(
        "Generators, a line each",
        "generators_names",
        write,
        "embedded, a model's id or path (needs the research profile's packages), openai:MODEL@URL of a server that the settings name, or "
        "bedrock:MODEL.",
    )
    reliance = st.number_input(
        "Answers whose reliance is measured",
        0,
        MOST_QUESTIONS,
        key="generators_reliance",
        on_change=write,
        width=260,
        help="Each takes two more passes of the model.",
    )
    offer_start(lab, "generators", {**plan, "generators": named, "reliance": int(reliance)}, source)
