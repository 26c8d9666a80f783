"""Runs: labelled questions answered and judged; start, watch, stop, go on; study one, compare two to five; and the datasets asked."""

import streamlit as st

from app.views.kit import state
from app.views.kit.address import back_to_list
from app.views.kit.markdown import message
from app.views.runs.compared import show_compared
from app.views.runs.datasets import LISTED, show_dataset, show_datasets, show_way_to_datasets
from app.views.runs.detail import show_run
from app.views.runs.listed import show_runs
from app.views.runs.page import follow_run, start_form
from app.views.runs.several import show_several
from pipeline.errors import RaglassError

run_id, named = (st.query_params.get(name) for name in ("run", "dataset"))
others = st.query_params.get_all("with")
try:
    if run_id:
        st.button("All runs", icon=":material/arrow_back:", on_click=back_to_list)
        if len(others) > 1:
            show_several((run_id, *others))
        elif others:
            show_compared(run_id, others[0])
        else:
            show_run(run_id)
    elif named or st.query_params.get("list") == LISTED:
        with st.container(horizontal=True):
            st.button("All runs", icon=":material/arrow_back:", on_click=back_to_list)
            if named:
                show_way_to_datasets()
        if named:
            show_dataset(named)
        else:
            show_datasets()
    else:
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
            st.title("Runs", anchor=False, width="content")
            show_way_to_datasets()
        follow_run()
        start_form()
        show_runs(state.services().evaluations.newest())
except RaglassError as error:
    st.error(message(str(error)), icon=":material/error:")
