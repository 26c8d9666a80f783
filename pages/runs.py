"""Runs: labelled questions answered and judged; start, watch, stop, go on; study one by question type, or two against each other."""

import streamlit as st

from app.views.kit import state
from app.views.kit.markdown import literal
from app.views.runs.compared import show_compared
from app.views.runs.detail import show_run
from app.views.runs.page import follow_run, show_runs, start_form
from pipeline.errors import RaglassError

run_id, other_id = st.query_params.get("run"), st.query_params.get("with")
try:
    if run_id:
        st.button("All runs", icon=":material/arrow_back:", on_click=st.query_params.clear)
        if other_id:
            show_compared(run_id, other_id)
        else:
            show_run(run_id)
    else:
        st.title("Runs", anchor=False)
        follow_run()
        start_form()
        show_runs(state.services().evaluations.newest())
except RaglassError as error:
    st.error(literal(str(error)), icon=":material/error:")
