"""What every study's view shares: the job that is followed, tables with their notes, and files to take away."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from app.kit.numbers import rough_time
from app.kit.wording import when
from app.lab.catalogue import Lab
from app.lab.records import LabRecord
from app.lab.report import Picture
from app.lab.tables import Table
from app.permitting.roles import Role
from app.views.kit import address, state
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show
from app.views.kit.markdown import literal, message
from app.views.kit.presenting import is_presenting
from app.views.kit.studied import show_studied
from app.views.kit.style import printed
from app.views.kit.visitor import only, refused
from app.views.runs.source import Source
from pipeline.errors import RaglassError

REFRESH_S = 1.0
"""How often a study that goes on is looked at."""

MOST_ID_CHARS = 20
"""Of a result that is not there, as it is named."""

ELSEWHERE_S = 3.0
"""How often it is looked whether another process is still at a study."""

RESULT = "result"
"""In the address: the id of the result that is shown."""

PLAN_MEANING = (
    "Says how long this would take and, where that is known, what it would cost. Nothing begins before you press Start, "
    "which then stands below."
)

PLANNED = "It is planned: press Start above."
"""What is said where nothing was studied yet, once a plan stands."""

BEGUN, ENDED = (
    "Nothing is known of it yet. What is measured comes here part by part.",
    "Nothing was known of it when it ended. Go on with it, or plan another above.",
)
"""What is said of a study without results, while it goes on and after."""


def offer_start(
    lab: Lab,
    name: str,
    plan: Mapping[str, Any],
    source: Source | None = None,
    lines: Callable[[Mapping[str, Any]], Sequence[str]] | None = None,
    problem: str = "",
) -> None:
    """What a study would take, and a button that starts it once that has been said of the very plan that the form holds.

    source: where the dataset comes from, if the plan does not say. lines: what else is told of a checked plan.
    problem: why the form cannot be read; it is said below the button, which stays, since a text is read once it is left.
    """
    held = _held(name)
    asked = json.dumps([plan, "" if source is None else source.key], sort_keys=True, default=str)
    pressed = st.button(
        "Plan",
        icon=":material/calculate:",
        key=f"lab-{name}-tell",
        **(refused("" if source is None else source.refusal, help=PLAN_MEANING) | only(Role.EDITOR)),
    )
    if problem:
        st.session_state.pop(held, None)
        st.error(message(problem), icon=":material/error:")
        return
    if pressed:
        st.session_state.pop(held, None)
        try:
            st.session_state[held] = asked, *_tell(lab, name, plan, source, lines)
        except RaglassError as error:
            st.error(message(str(error)), icon=":material/error:")
    kept = st.session_state.get(held)
    if kept is not None and kept[0] == asked:
        _, whole, words, more = kept
        _show_told(lab, name, whole, words, more)
    else:
        st.session_state.pop(held, None)  # the form says something else now


def _show_told(lab: Lab, name: str, whole: Mapping[str, Any], words: str, more: Sequence[str]) -> None:
    """What a checked plan would take, and the button that starts it. whole: the plan as it would be run. more: what else is told."""
    st.info(message(words), icon=":material/schedule:")
    busy = lab.jobs.job is not None and lab.jobs.job.running
    if st.button(
        "Start",
        type="primary",
        icon=":material/play_arrow:",
        key=f"lab-{name}-start",
        **only(Role.EDITOR, disabled=busy),
    ):
        try:
            job = lab.start(name, whole)
        except RaglassError as error:
            st.error(message(str(error)), icon=":material/error:")
            return
        st.session_state.pop(_held(name), None)
        st.query_params[RESULT] = job.record.record_id
        st.rerun()
    if busy:
        show(note_html("A study is going on. Another can start once it has ended or was stopped."))
    if more:
        st.code("\n".join(more), language=None)


def _held(name: str) -> str:
    """Where the session keeps what was told of a study's plan."""
    return f"lab-{name}-told"


def _tell(
    lab: Lab,
    name: str,
    plan: Mapping[str, Any],
    source: Source | None,
    lines: Callable[[Mapping[str, Any]], Sequence[str]] | None,
) -> tuple[Mapping[str, Any], str, Sequence[str]]:
    """The plan as it would be run, what it would take, and what else is told of it. Raises RaglassError where it cannot be run."""
    whole = dict(plan) if source is None else {**plan, "dataset": source.settle()}
    state.services().premises.check_plan(whole)
    checked = lab.check(name, whole)
    return whole, lab.study(name).estimate(lab.parts, checked), tuple(lines(checked) if lines is not None else ())


def follow_job() -> None:
    """The study that is going on in this process, followed; why the last one failed."""
    job = state.services().lab.jobs.job
    if job is None:
        return
    if job.running:
        _follow()
    elif job.record.status == "failed":
        st.error(message(job.record.problem), icon=":material/error:")


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
            **refused(job.refusal_to_stop(), help="What was measured is kept; the study can be gone on with."),
        )


def show_none(name: str, said: str, how: str) -> None:
    """Say that nothing was studied yet, and what to do next, except to an audience, which sees no form. how: before anything is planned."""
    st.info(said if is_presenting() else f"{said} {PLANNED if _held(name) in st.session_state else how}")


def choose_record(lab: Lab, name: str) -> LabRecord | None:
    """The study of a kind that is shown: the one that the address names, else the newest. Says where there is none that it names."""
    records = lab.records.newest(name)
    write = address.follow("lab-result", {RESULT: address.words()})
    wanted = st.session_state[RESULT]
    if wanted and all(record.record_id != wanted for record in records):
        st.info(message(unknown_words(wanted, some=bool(records))), icon=":material/info:")
    if not records:
        return None
    labelled = {
        f"{when(record.started_at)} · {lab.records.standing(record)} · {record.record_id}": record for record in records
    }
    key = f"lab-{name}-record"

    def choose() -> None:
        st.session_state[RESULT] = labelled[st.session_state[key]].record_id
        write()

    shown = next((label for label, record in labelled.items() if record.record_id == wanted), next(iter(labelled)))
    # A study's standing changes, and with it the labels, so that the widget is told anew which one is chosen.
    st.session_state[key] = shown
    st.selectbox("Result", list(labelled), key=key, on_change=choose)
    return labelled[shown]


def unknown_words(record_id: str, *, some: bool) -> str:
    """That the address names a result which is not there. some: whether the study has others."""
    return f"This study has no result {record_id[:MOST_ID_CHARS]}. {'The newest is shown.' if some else 'It may have been removed.'}"


Charts = Callable[[LabRecord], Sequence[go.Figure]]
"""Makes the main charts of a result, each with its title."""


def show_record(lab: Lab, record: LabRecord, charts: Charts) -> tuple[Table, ...]:
    """A study's standing, a way to go on with it, and its files; gives its tables, to be drawn. charts: of the report."""
    job = lab.jobs.job
    going = job is not None and job.running
    followed = job is not None and going and job.record.record_id == record.record_id
    attended = followed or lab.records.is_attended(record.record_id)
    if followed:
        pass
    elif attended:
        _await_other(record)
    elif record.status != "finished":
        _offer_resume(lab, record, busy=going)
    tables = tuple(lab.tables(record))
    if not tables:
        st.info(BEGUN if attended else ENDED)
        return ()
    with st.container(horizontal=True):
        for form, label in (("csv", "CSV"), ("json", "JSON"), ("md", "Markdown"), ("html", "Report")):
            show_download(
                label,
                partial(_report, lab, record, charts) if form == "html" else partial(lab.export, record, form),
                f"raglass-{record.study}-{record.record_id}.{form}",
                key=f"{record.record_id}-{form}",
            )
    return tables


def _report(lab: Lab, record: LabRecord, charts: Charts) -> str:
    with printed():
        return lab.export(record, "html", [_picture(figure) for figure in charts(record)])


def _picture(figure: go.Figure) -> Picture:
    title = figure.layout.title.text or ""
    # Streamlit's own template has colours that only its pages know.
    return Picture(title, figure.update_layout(title=None, template="plotly_white").to_json())


@st.fragment(run_every=ELSEWHERE_S)
def _await_other(record: LabRecord) -> None:
    """Say that another process is at a study; show what came of it once it is not, or has kept more."""
    records = state.services().lab.records
    if not records.is_attended(record.record_id) or record not in records.newest(record.study):
        st.rerun()
    st.info(
        "Another process is at this study: a shell, or another dashboard. What follows is what it has kept so far.",
        icon=":material/sync:",
    )


def _offer_resume(lab: Lab, record: LabRecord, *, busy: bool) -> None:
    """Say that a study was stopped or failed, with a button that goes on with it."""
    st.warning(
        message(record.problem or "This study was stopped before its end: what follows is what is known."),
        icon=":material/pause:",
    )
    if st.button(
        "Go on with it",
        icon=":material/play_arrow:",
        key=f"resume-{record.record_id}",
        **only(Role.EDITOR, disabled=busy),
    ):
        try:
            lab.jobs.start(lab.resume(record.record_id))
        except RaglassError as error:
            st.error(message(str(error)), icon=":material/error:")
        else:
            st.rerun()


def show_table(table: Table) -> None:
    """A table under its title, with its note."""
    st.header(literal(table.title), anchor=False)
    show_studied(table, f"lab-{table.name}")
    if table.note:
        show(note_html(table.note))
