"""Compare: one question on two backends, or on one with two settings, side by side."""

import streamlit as st

from app.views.comparing.page import answer_live, opened_traces, put_question, show_opened
from app.views.kit import state
from app.views.kit.markdown import message
from pipeline.errors import RaglassError

st.title("Compare", anchor=False)

services = state.services()
try:
    opened = opened_traces()
    verdict = st.empty()
    put = put_question(services, opened)
    # Two places that are there on every run: earlier answers make room while a question is asked, and nothing else moves.
    live, results = st.empty(), st.empty()
    if put is not None:
        answer_live(services, put, opened, live)
        st.rerun()  # as a reload would show it
    with results.container():
        show_opened(opened, verdict)
except RaglassError as error:
    st.error(message(str(error)), icon=":material/error:")
