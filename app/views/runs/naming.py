"""A run's name, note and tags: shown, and to be changed."""

import streamlit as st

from app.permitting.roles import Role
from app.runs.naming import (
    MOST_NAME,
    MOST_NOTE,
    MOST_TAGS,
    all_tags,
    given_name,
    name_run,
    note_run,
    run_name,
    run_note,
    run_tags,
    tag_run,
    usual_name,
)
from app.views.kit import state
from app.views.kit.markdown import literal
from app.views.kit.visitor import only
from metrics.runs import StoredRun
from pipeline.errors import RaglassError

PROBLEM = "run_problem"
"""In the session: what could not be done with a run, said once."""


def show_naming(run: StoredRun) -> None:
    """The run's name as the page's title, its tags and note, and a form that changes them."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.title(literal(run_name(run)), anchor=False, width="content")
        with st.popover("Name, note, tags", icon=":material/edit:", type="tertiary", key="backstage-naming"):
            _show_form(run)
    if run_tags(run):
        st.markdown(" ".join(f":gray-badge[{literal(tag)}]" for tag in run_tags(run)))
    if run_note(run):
        st.write(literal(run_note(run)))


def _show_form(run: StoredRun) -> None:
    known = all_tags(state.services().evaluations.newest())
    with st.form(f"naming-{run.run_id}", border=False):
        st.text_input(
            "Name", given_name(run), max_chars=MOST_NAME, placeholder=usual_name(run), key=f"run-name-{run.run_id}"
        )
        st.text_area("Note", run_note(run), max_chars=MOST_NOTE, key=f"run-note-{run.run_id}")
        st.multiselect(
            "Tags",
            known,
            list(run_tags(run)),
            accept_new_options=True,
            max_selections=MOST_TAGS,
            placeholder="choose or write",
            key=f"run-tags-{run.run_id}",
        )
        st.form_submit_button("Keep", type="primary", on_click=_keep, args=(run.run_id,), **only(Role.EDITOR))


def _keep(run_id: str) -> None:
    log = state.store().runs
    try:
        name_run(log, run_id, st.session_state[f"run-name-{run_id}"])
        note_run(log, run_id, st.session_state[f"run-note-{run_id}"])
        tag_run(log, run_id, st.session_state[f"run-tags-{run_id}"])
    except RaglassError as error:
        st.session_state[PROBLEM] = str(error)
