"""The list of sessions: conversations, the one last spoken in first; a row opens its conversation."""

import json
from collections.abc import Sequence

import streamlit as st

from app.kit.numbers import count
from app.kit.wording import when
from app.views.kit.html import note_html, show
from app.views.kit.table import Column, Row, number_cell, show_table, way
from app.views.kit.ways import show_way
from metrics.sessions import SessionPosition, SessionRow
from pipeline.errors import InputError

LISTED = "sessions"
"""What `list` is in the address of this list."""

SESSIONS = 50
"""Sessions on one page."""

COLUMNS = (
    Column("session", "Session", width_rem=12),
    Column("service", "Service"),
    Column("questions", "Questions", "number"),
    Column("errors", "Errors", "number"),
    Column("last", "Last asked", "time"),
    Column("first", "First asked", "time"),
)

NO_SESSIONS = (
    "No trace names a session. An application names one by `session.id` on a span (OpenInference), `gen_ai.conversation.id` "
    "(OpenTelemetry) or as its framework has it; its questions are then listed here as a conversation."
)


def show_way_to_sessions() -> None:
    """The way to this list."""
    show_way("Sessions", "forum", "to-sessions", list=LISTED)


def read_position(after: str | None) -> SessionPosition | None:
    """The place in the list that an address names. Raises InputError for one that is none."""
    if after is None:
        return None
    try:
        last_at, session = json.loads(after)
        return float(last_at), str(session)
    except (ValueError, TypeError):
        raise InputError("This link's place in the list of sessions cannot be read. Begin at its first page.") from None


def show_sessions(rows: Sequence[SessionRow], *, later: bool) -> None:
    """A page of the list. rows: up to one more than a page has, which says that there are more. later: whether it is not the first."""
    st.title("Sessions", anchor=False)
    shown = rows[:SESSIONS]
    if not shown:
        st.info("No more sessions." if later else NO_SESSIONS)
    else:
        show(
            note_html(
                f"{count(len(shown), 'session')}, the one last spoken in first. A click on a row opens its conversation."
            )
        )
        show_table(COLUMNS, [_row(row) for row in shown], key="sessions", label="Sessions, a row each", on_open=_open)
    if later or len(rows) > len(shown):
        with st.container(horizontal=True):
            st.button("First page", disabled=not later, on_click=_turn, args=(None,))
            last = shown[-1].position if len(rows) > len(shown) else None
            st.button("Next page", disabled=last is None, on_click=_turn, args=(last,))


def _row(row: SessionRow) -> Row:
    return Row(
        row.session,
        {
            "session": row.session,
            "service": row.service if row.services < 2 else f"{row.service} and {row.services - 1:,} more",
            "questions": number_cell(row.traces, f"{row.traces:,}"),
            "errors": number_cell(row.errors, f"{row.errors:,}"),
            "last": when(row.last_at),
            "first": when(row.first_at),
        },
        way("traces", session=row.session),
    )


def _open(session: str) -> None:
    st.query_params.from_dict({"session": session})


def _turn(last: SessionPosition | None) -> None:
    st.query_params.from_dict({"list": LISTED, **({} if last is None else {"after": json.dumps(last)})})
