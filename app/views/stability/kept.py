"""The results of stability that are kept: their list, and one that the address names."""

import streamlit as st

from app.kit.numbers import share
from app.kit.wording import when
from app.permitting.roles import Role
from app.stability.kept import KeptResult, KeptStability
from app.stability.perturbed import StabilityPlan, StabilityStep
from app.stability.perturbed_words import asked_words
from app.views.kit import state
from app.views.kit.html import note_html, show
from app.views.kit.table import Cell, Column, Row, number_cell, show_table, way
from app.views.kit.visitor import only
from pipeline.errors import RaglassError

RESULT = "result"
"""In the address: the id of the result that is shown."""

PROBLEM = "stability_problem"
"""In the session: why something that was asked for could not be done; said once."""

RESULTS = (
    Column("kept", "Measured", "time", local=True, width_rem=11),
    Column("same", "Answers the same", "number", local=True),
    Column("asked", "Questions", local=True),
    Column("variants", "Variants", "number", local=True),
    Column("dataset", "Of", local=True),
    Column("backend", "Backend", local=True),
    Column("top_k", "Chunks", "number", local=True),
)


def kept_results() -> KeptStability:
    """Those of the data folder."""
    return KeptStability(state.services().settings.data_dir)


def kept_result(kept_id: str) -> tuple[StabilityPlan, StabilityStep]:
    """One of them, which nobody may change. Raises InputError for none."""
    return _kept_result(kept_id, kept_results().version(kept_id))


@st.cache_resource(max_entries=5, show_spinner=False)
def _kept_result(kept_id: str, version: int) -> tuple[StabilityPlan, StabilityStep]:
    return kept_results().find(kept_id)


def shown_id() -> str:
    """The result that is shown: the one that the address names, else what this process measured last, once it has ended; empty for none."""
    job = state.services().stability_jobs.job
    ended = "" if job is None or job.running or job.step is None or not job.step.step.results else job.step.run_id
    return st.query_params.get(RESULT) or ended


def show_kept() -> None:
    """Their list, a row each; the one that is shown can be removed."""
    found = kept_results().listed()
    if not found:
        return
    shown, jobs = shown_id(), state.services().stability_jobs
    st.header("Results that are kept", anchor=False)
    show(note_html("A click on one shows it."))
    show_table(
        RESULTS,
        [_row(each) for each in found],
        key="stability-kept",
        label="Results, a row each",
        on_open=_open,
        current=shown,
    )
    if any(each.kept_id == shown for each in found) and not jobs.is_at(shown):
        st.button(
            "Remove the one that is shown",
            icon=":material/delete:",
            on_click=_remove,
            args=(shown,),
            **only(Role.EDITOR),
        )


def _row(each: KeptResult) -> Row:
    same = each.same / each.variants if each.variants else None
    return Row(
        each.kept_id,
        {
            "kept": Cell(when(each.kept_at), each.kept_at),
            "same": number_cell(same, share(each.same, each.variants)),
            "asked": asked_words(each),
            "variants": number_cell(each.variants, f"{each.variants:,}"),
            "dataset": each.name,
            "backend": each.backend,
            "top_k": number_cell(each.top_k, f"{each.top_k:,}"),
        },
        way("stability", result=each.kept_id),
    )


def _open(kept_id: str) -> None:
    st.query_params[RESULT] = kept_id


def _remove(kept_id: str) -> None:
    try:
        kept_results().remove(kept_id)
    except RaglassError as error:
        st.session_state[PROBLEM] = str(error)
        return
    st.query_params.pop(RESULT, None)
    jobs = state.services().stability_jobs
    if jobs.job is not None and jobs.job.step is not None and jobs.job.step.run_id == kept_id:
        jobs.forget()
