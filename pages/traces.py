"""Traces: every question that was asked; search, filter, open, compare, export; and sessions, each a conversation."""

import streamlit as st

from app.views.comparing.comparison import show_comparison
from app.views.kit import state
from app.views.kit.html import note_html, show
from app.views.kit.markdown import message
from app.views.runs.picking import show_picking
from app.views.traces.detail import MISSING_TRACE, show_trace
from app.views.traces.filters import choose_filters
from app.views.traces.kept import session_page, session_rows, trace_page
from app.views.traces.list import PAGE_SIZE, show_exports, show_list
from app.views.traces.saved import opened_view, show_views
from app.views.traces.session import TURNS, show_session
from app.views.traces.sessions import LISTED, SESSIONS, read_position, show_sessions, show_way_to_sessions
from pipeline.errors import RaglassError

trace_id, other_id = st.query_params.get("trace"), st.query_params.get("with")
session, after = st.query_params.get("session"), st.query_params.get("after")
try:
    if trace_id:
        st.button("All traces", icon=":material/arrow_back:", on_click=st.query_params.clear)
        found = state.find_trace(trace_id)
        other = state.find_trace(other_id) if other_id else None
        if found is None or (other_id and other is None):
            st.info(MISSING_TRACE)
        elif other is not None:
            st.title("Two traces", anchor=False)
            show_comparison(found[0], other[0])
        else:
            show_trace(*found, titled=True)
    elif session:
        with st.container(horizontal=True):
            st.button("All traces", icon=":material/arrow_back:", on_click=st.query_params.clear)
            show_way_to_sessions()
        show_session(session, session_page(session, after, TURNS))
    elif st.query_params.get("list") == LISTED:
        st.button("All traces", icon=":material/arrow_back:", on_click=st.query_params.clear)
        show_sessions(session_rows(read_position(after), SESSIONS + 1), later=after is not None)
    else:
        top = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom")
        top.title("Traces", anchor=False, width="content")
        view = opened_view()
        filters = choose_filters(view)
        with top, st.container(horizontal=True, width="content", vertical_alignment="center"):
            show_way_to_sessions()
            show_views(filters, view)
        if filters is not None:
            page = trace_page(filters, after, PAGE_SIZE)
            if page.total.value == 0:
                st.info(
                    "No question has been asked yet. Ask one on the Ask page, or with `raglass ask`; or let an application of yours "
                    "send its traces here, as docs/ingest.md has it."
                )
            elif not page.rows:
                show(
                    note_html(
                        f"None of {page.total} traces matches. Clear the search or a filter, or all of them under Filters."
                    )
                )
            else:
                show_list(page, filters.sort)
                show_exports(filters)
                show_picking(filters, page)
except RaglassError as error:
    st.error(message(str(error)), icon=":material/error:")
    if after:
        st.button("First page", on_click=st.query_params.pop, args=("after",))
    elif st.query_params.get("view"):
        st.button("All traces", on_click=st.query_params.clear)
