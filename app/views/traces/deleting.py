"""Deleting the trace that is open, once it was asked whether that is meant."""

import streamlit as st

from app.permitting.roles import Role
from app.traces.changing import delete_traces
from app.views.kit import state
from app.views.kit.markdown import message
from app.views.kit.visitor import only
from pipeline.errors import RaglassError

PROBLEM = "deleting_problem"
"""Where what kept a trace from being deleted waits for the next run, which shows it."""

HELD = (
    "It was not deleted: a run or a study holds this trace, and its tables would lose the trace behind a row. "
    "If that is meant: raglass traces delete {} --with-runs"
)


def show_deleting(trace_id: str) -> None:
    """A button that asks before it deletes."""
    with st.popover("Delete", icon=":material/delete:", key=f"ask-delete-{trace_id}"):
        st.write(
            "This trace goes for good, with its rating, its note and what was explained of it. Its application may send it again."
        )
        st.button("Delete this trace", key=f"delete-{trace_id}", on_click=_delete, args=(trace_id,), **only(Role.ADMIN))
    problem = st.session_state.pop(PROBLEM, None)
    if problem:
        st.error(message(problem), icon=":material/error:")


def _delete(trace_id: str) -> None:
    try:
        done = delete_traces(state.store(), [trace_id])
    except RaglassError as error:
        st.session_state[PROBLEM] = str(error)
        return
    if done.run:
        st.session_state[PROBLEM] = HELD.format(trace_id)
        return
    for name in ("trace", "span"):
        st.query_params.pop(name, None)
    st.toast("The trace is deleted")
