"""Asking again without each chunk, below an answer that its backend cannot score: what it would take, a button, and what came of it."""

from contextlib import closing

import streamlit as st

from app.explaining.regenerated import Regenerated, regenerate
from app.explaining.regenerated_words import (
    HEADS,
    button_words,
    estimate_words,
    further_words,
    headline,
    progress_words,
    reply_rows,
)
from app.views.kit import state
from app.views.kit.html import note_html, show, table_html
from app.views.kit.markdown import literal, message
from app.views.kit.work import shown_work
from pipeline.errors import InputError, RaglassError
from pipeline.types import Trace

KEPT = "asked-again"
"""Under which name a browser tab keeps the last result: of one answer only."""


def offer_asking_again(trace: Trace) -> None:
    """All of it, for an answer whose backend can be asked over given chunks; nothing for any other."""
    playground = state.services().playground
    if playground.why_not_as_recorded(trace) is not None:
        return
    st.header("What does it say without a chunk?", anchor=False)
    try:
        label, estimate = button_words(trace), estimate_words(trace)
    except InputError as error:
        st.info(message(str(error)))
        return
    show(note_html(estimate))
    if st.button(label, icon=":material/refresh:", key=f"ask-again-{trace.trace_id}"):
        _ask(trace)
    kept_id, found = st.session_state.get(KEPT, ("", None))
    if found is not None and kept_id == trace.trace_id:
        _show(found)


def _ask(trace: Trace) -> None:
    steps = regenerate(trace, state.services().playground.ask_as_recorded)
    st.session_state.pop(KEPT, None)
    try:
        with closing(steps), shown_work("Asking again …", "What was answered is shown.", KEPT) as tell:
            for found in steps:
                st.session_state[KEPT] = (trace.trace_id, found)
                tell(len(found.replies), len(found.plan), progress_words(found))
    except RaglassError as error:
        st.error(message(str(error)), icon=":material/error:")


def _show(found: Regenerated) -> None:
    st.write(literal(headline(found)))
    show(table_html(HEADS, reply_rows(found), "asked-again"))
    for said in further_words(found):
        show(note_html(said))
