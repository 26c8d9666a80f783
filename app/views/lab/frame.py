"""What every study's view shares: the job that is followed, tables with their notes, and files to take away."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from app.kit.wording import rough_time, when
from app.lab.catalogue import Lab
from app.lab.records import LabRecord
from app.lab.tables import Table, table_html
from app.views.kit import state
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show
from app.views.kit.markdown import literal
from pipeline.errors import RaglassError

REFRESH_S = 1.0


def begin(name: str, plan: Mapping[str, Any]) -> None:
    """Start a study and follow it; says why that cannot be done."""
    lab = state.services().lab
    try:
        lab.jobs.start(lab.begin(name, plan))
    except RaglassError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    st.rerun()


def follow_job() -> None:
    """The study that is going on in this process, followed; why the last one failed."""
    job = state.services().lab.jobs.job
    if job is None:
        return
    if job.running:
        _follow()
    elif job.record.status == "failed":
        st.error(literal(job.record.problem), icon=":material/error:")


@st.fragment(run_every=REFRESH_S)
def _follow() -> None:
    job = state.services().lab.jobs.job
    if job is None or not job.running:
        st.rerun()
    step = job.step
    left = "" if step is None or step.left_s is None else f", about {rough_time(step.left_s)} left"
    words = "Beginning …" if step is None else f"{step.doing}{left}"
    st.progress(0.0 if step is None or not step.total else min(step.done / step.total, 1.0), literal(words))
    if job.stopping:
        show(note_html("Stopping at the next step …"))
    else:
        st.button(
            "Stop",
            icon=":material/stop:",
            on_click=job.stop,
            help="What was measured is kept; the study can be gone on with.",
        )


def choose_record(lab: Lab, name: str) -> LabRecord | None:
    """The study of a kind that is shown: the newest, unless another is chosen."""
    records = lab.records.newest(name)
    if not records:
        return None
    ids = [record.record_id for record in records]
    named = {
        record.record_id: f"{when(record.started_at)} · {record.status} · {record.record_id}" for record in records
    }
    chosen = st.selectbox("Result", ids, format_func=named.__getitem__, key=f"lab-{name}-record")
    return next(record for record in records if record.record_id == chosen)


def show_record(lab: Lab, record: LabRecord) -> tuple[Table, ...]:
    """A study's standing, a way to go on with it, and its files; gives its tables, to be drawn."""
    if record.status != "finished" and not (lab.jobs.job is not None and lab.jobs.job.running):
        st.warning(
            literal(record.problem or "This study was stopped before its end: what follows is what is known."),
            icon=":material/pause:",
        )
        if st.button("Go on with it", icon=":material/play_arrow:", key=f"resume-{record.record_id}"):
            try:
                lab.jobs.start(lab.resume(record.record_id))
            except RaglassError as error:
                st.error(literal(str(error)), icon=":material/error:")
            else:
                st.rerun()
    tables = tuple(lab.tables(record))
    if not tables:
        st.info("Nothing is known of it yet.")
        return ()
    with st.container(horizontal=True):
        for form, label in (("csv", "CSV"), ("json", "JSON"), ("md", "Markdown"), ("html", "Report")):
            show_download(
                label,
                partial(lab.export, record, form),
                f"raglass-{record.study}-{record.record_id}.{form}",
                key=f"{record.record_id}-{form}",
            )
    return tables


def show_table(table: Table) -> None:
    """A table under its title, with its note."""
    st.subheader(literal(table.title), anchor=False)
    show(table_html(table))
    if table.note:
        show(note_html(table.note))
