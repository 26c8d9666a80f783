"""Explain: which chunks an answer stands on, how much of it came from them at all, and whether that can be believed."""

import streamlit as st

from app import state
from app.views import text
from app.views.explanation import ask_for_a_trace, score_and_show
from app.views.trace import MISSING_TRACE
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
    st.error(text.literal(str(error)), icon=":material/error:")
