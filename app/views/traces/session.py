"""A session as a conversation: its questions and answers in the order in which they were asked, each with a way to its trace."""

import streamlit as st

from app.views.kit.html import note_html, show
from app.views.kit.markdown import literal
from app.views.kit.ways import show_way
from app.views.traces.html import turn_html
from app.views.traces.list import show_paging
from metrics.queries import TracePage

TURNS = 20
"""Questions on one page."""


def show_session(session: str, page: TracePage) -> None:
    """The conversation, a page of it."""
    st.title("Session", anchor=False)
    if not page.rows:
        st.info("This store has no trace of this session. The link may have been cut, or its traces were deleted.")
        return
    services = ", ".join(sorted({row.service or row.backend for row in page.rows}))
    shown = f"{len(page.rows)} of {page.matched} questions" if page.next or page.previous else f"{page.matched} asked"
    show(note_html(f"{session}: {shown}, answered by {services}. An answer's beginning is shown; its trace has all."))
    for row in page.rows:
        show(turn_html(row))
        opening = f"Open the trace of {literal(row.question[:60])}" if row.question else "Open the trace"
        show_way(opening, "link", f"to-{row.trace_id}", trace=row.trace_id)
    show_paging(page)
