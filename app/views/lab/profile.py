"""The profile of a dataset and its corpus: what to look at, and what was found."""

from functools import partial

import plotly.graph_objects as go
import streamlit as st

from app.lab.catalogue import Lab
from app.lab.records import LabRecord
from app.views.kit import address, state
from app.views.kit.charts import chart_text
from app.views.kit.layout import backstage
from app.views.lab import frame
from app.views.runs.profile import length_bars, lengths_title, show_bars, type_bars
from app.views.runs.source import Source


def _charts(lab: Lab, record: LabRecord) -> list[go.Figure]:
    """Questions by type, and their lengths."""
    found = record.result or {}
    if "questions" not in found:
        return []
    title = next(table.title for table in lab.tables(record) if table.name == "types")
    lengths = found["questions"]["lengths"]
    types = type_bars(found["questions"]["types"]).update_layout(title_text=chart_text(title))
    return [types, *(length_bars(each).update_layout(title_text=lengths_title(each)) for each in lengths)]


def show_study(lab: Lab) -> None:
    """A form, and a profile with its bars and tables."""
    services = state.services()
    usable = services.backends.usable()
    with (
        backstage("study"),
        st.expander(
            "Profile a dataset",
            expanded=not lab.records.newest("profile"),
            key="lab-form",
        ),
    ):
        source = Source()
        with st.container(horizontal=True, vertical_alignment="bottom"):
            usual = services.settings.backend_name
            write = address.follow(
                "lab-profile",
                {
                    "profile_backend": address.choice(usable, usual if usual in usable else next(iter(usable), None)),
                    "profile_top_k": address.number(services.settings.top_k, 1, 100),
                },
            )
            backend = st.selectbox("Backend", usable, key="profile_backend", on_change=write)
            top_k = st.number_input("Chunks in a prompt", 1, 100, key="profile_top_k", on_change=write, width=170)
        frame.offer_start(lab, "profile", {"backend": backend, "top_k": int(top_k)}, source)
    record = frame.choose_record(lab, "profile")
    if record is None:
        frame.show_none("profile", "No profile yet.", "Press Plan: the built-in questions need no file.")
        return
    tables = frame.show_record(lab, record, partial(_charts, lab))
    if record.result is not None:
        show_bars(record.result, {table.name: table for table in tables}, key="profile")
    for table in tables:
        frame.show_table(table)
