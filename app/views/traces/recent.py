"""Questions asked of late, to go on with: a menu of them, on the pages that take a question or open its trace."""

from collections.abc import Callable

import streamlit as st

from app.kit.plain import one_line, shortened
from app.traces.filters import TraceFilters
from app.views.kit.markdown import literal
from app.views.traces.kept import trace_page
from metrics.queries import TraceRow
from pipeline.errors import StoreError

ASKED = ("person",)
"""Origins of questions that somebody asked here."""

OFFERED = 8

READ = 30
"""Traces among which different questions are looked for."""

SHOWN_CHARS = 80


def recent_questions() -> list[TraceRow]:
    """The newest trace of each question that was asked here of late; none where the store cannot be read."""
    try:
        rows = trace_page(TraceFilters(origins=ASKED), None, READ).rows
    except StoreError:
        return []
    newest: dict[str, TraceRow] = {}
    for row in rows:
        newest.setdefault(row.question.strip().lower(), row)
    return list(newest.values())[:OFFERED]


def choose_recent(on_choose: Callable[[str], None], *, unfolded: bool = False) -> None:
    """Offer them. on_choose: called with the trace of the one that was chosen, before the page runs. unfolded: on the page itself."""
    rows = recent_questions()
    if not rows:
        return
    if unfolded:
        st.header("Recent questions", anchor=False)
        place = st.container(key="recent")
    else:
        place = st.popover("Recent questions", icon=":material/history:", type="tertiary", key="recent")
    with place, st.container(gap="xxsmall"):
        for row in rows:
            words = literal(shortened(one_line(row.question), SHOWN_CHARS))
            st.button(words, key=f"recent-{row.trace_id}", type="tertiary", on_click=on_choose, args=(row.trace_id,))
