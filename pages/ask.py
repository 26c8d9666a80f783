"""Ask: a question in; the answer, the chunks it stood on, how far to trust it and where the time went."""

import streamlit as st

from app.kit.glossary import explained
from app.views.asking.page import answer_live, asking_settings, question_box
from app.views.kit import state
from app.views.kit.html import note_html, show
from app.views.kit.markdown import message
from app.views.traces.detail import MISSING_TRACE, show_trace
from pipeline.errors import RaglassError

st.title("Ask", anchor=False)

services = state.services()
to_question = asking_settings(services)
trace_id = st.query_params.get("trace")
asked_now = question_box(services, trace_id)
live = st.empty()  # there on every run, so that nothing below moves on the next one
# An earlier trace leaves the page while another question is answered.
opened = st.container() if asked_now is None else st.empty()

try:
    if asked_now is not None:
        asked = answer_live(services, to_question(asked_now), live)
        trace_id = asked.trace.trace_id
        if asked.not_stored is not None:
            state.remember_unstored(asked.trace, asked.not_stored)
            st.warning(message(asked.not_stored), icon=":material/warning:")
        st.query_params.pop("span", None)  # of the trace that was open before
        st.query_params["trace"] = trace_id
        state.note_trace_in_box(trace_id)
    if trace_id:
        found = state.find_trace(trace_id)
        with opened if asked_now is None else opened.container():
            if found is None:
                st.info(MISSING_TRACE)
            else:
                show_trace(*found)
    else:
        show(
            note_html(
                "Type a question, or take an example. You will see the answer, how far to trust it, what it stands on, and where the "
                "time went.",
                f"{explained('chunk', 'confidence', 'stage')} Add your own documents on the Corpus page.",
            )
        )
except RaglassError as error:
    live.empty()
    st.error(message(str(error)), icon=":material/error:")
