"""Questions asked of late, to go on with: a table, or a menu, on the pages that take a question or open its trace."""

from collections.abc import Callable

import streamlit as st

from app.kit.plain import one_line, shortened
from app.kit.wording import CONFIDENCE
from app.traces.filters import TraceFilters
from app.views.kit.markdown import literal
from app.views.kit.table import Column, Row, confidence_cell, show_table, time_cell, way
from app.views.traces.html import NO_QUESTION
from app.views.traces.kept import trace_page
from app.views.traces.list import outcome_cell
from metrics.queries import TraceRow
from pipeline.errors import StoreError

ASKED = ("person",)
"""Origins of questions that somebody asked here."""

OFFERED = 8

READ = 30
"""Traces among which different questions are looked for."""

SHOWN_CHARS = 80

ASKED_COLUMNS = (
    Column("question", "Question", "question", width_rem=10),
    Column("outcome", "Outcome", "status"),
    Column("confidence", "Confidence", "number", help=CONFIDENCE),
    Column("time", "Time", "number"),
)
"""Of questions asked of late."""


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


def asked_row(row: TraceRow, page: str) -> Row:
    """A question as a row of a table. page: that opens its trace."""
    return Row(
        row.trace_id,
        {
            "question": row.question or NO_QUESTION,
            "outcome": outcome_cell(row),
            "confidence": confidence_cell(row.confidence, abstained=row.abstained),
            "time": time_cell(row.duration_ms),
        },
        way(page, trace=row.trace_id),
    )


def show_recent(page: str) -> None:
    """Show them on the page itself. page: its path, which opens the trace of the row that is clicked."""
    rows = recent_questions()
    if not rows:
        return
    st.header("Recent questions", anchor=False)
    show_table(
        ASKED_COLUMNS,
        [asked_row(row, page) for row in rows],
        key=f"{page}-recent",
        label="Recent questions, a row each",
        on_open=lambda trace_id: st.query_params.from_dict({"trace": trace_id}),
    )


def choose_recent(on_choose: Callable[[str], None]) -> None:
    """Offer them in a menu. on_choose: called with the trace of the one that was chosen, before the page runs."""
    rows = recent_questions()
    if not rows:
        return
    place = st.popover("Recent questions", icon=":material/history:", type="tertiary", key="recent")
    with place, st.container(gap="xxsmall"):
        for row in rows:
            words = literal(shortened(one_line(row.question), SHOWN_CHARS))
            st.button(words, key=f"recent-{row.trace_id}", type="tertiary", on_click=on_choose, args=(row.trace_id,))
