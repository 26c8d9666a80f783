"""Explain: which chunks an answer stands on, how much of it came from them at all, and whether that can be believed."""

import streamlit as st

from app.views.explaining.page import ask_for_a_trace, score_and_show
from app.views.kit import state
from app.views.kit.markdown import message
from app.views.traces.detail import MISSING_TRACE
from pipeline.errors import RaglassError

trace_id = st.query_params.get("trace")
try:
    if not trace_id:
        st.title("Explain", anchor=False)
        ask_for_a_trace()
    elif (found := state.find_trace(trace_id)) is None:
        st.info(MISSING_TRACE)
    else:
        score_and_show(found[0])
except RaglassError as error:
    st.error(message(str(error)), icon=":material/error:")
