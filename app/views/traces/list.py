"""The list of traces: a table of one page, paging, exports."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.kit.wording import MISSING, when
from app.traces.filters import TraceFilters
from app.views.kit import state
from app.views.kit.html import note_html, show
from app.views.traces.html import NO_QUESTION
from metrics.queries import TracePage, TraceRow

PAGE_SIZE = 50

TABLE_HEIGHT, FEW_ROWS = 520, 12
"""A longer list scrolls in a frame of this many pixels, so that what is below it stays in reach."""

RATINGS = {1: "👍", -1: "👎", 0: ""}


def show_list(page: TracePage) -> None:
    """The table, and what can be done with the rows that are picked."""
    stored = "" if page.matched == page.total else f", {page.total} stored"
    shown = f"{len(page.rows)} of {page.matched} traces{' that match' if stored else ''}{stored}."
    show(note_html(f"{shown} Pick one row to open it, two to compare them."))
    actions = st.container(horizontal=True)
    score = st.column_config.NumberColumn(format="%.4g", width="small")
    picked = st.dataframe(
        _cells(page.rows),
        placeholder=MISSING,
        key="table",
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        height=TABLE_HEIGHT if len(page.rows) > FEW_ROWS else "content",
        column_config={
            "confidence": st.column_config.NumberColumn(format="percent"),
            "duration, ms": st.column_config.NumberColumn(format="%.3g"),
            "top cosine": score,
            "top score": score,
            "question": st.column_config.TextColumn(width="medium"),
            "answer": st.column_config.TextColumn(width="medium"),
        },
        alt="Traces, a row each",
    )
    rows = [page.rows[number] for number in picked.selection.rows if number < len(page.rows)]
    with actions:
        _show_picked(rows)
    show_paging(page)


def _cells(rows: Sequence[TraceRow]) -> list[dict[str, Any]]:
    """What the table shows; of whence a question came, and how sure the answer is, only where that tells rows apart.

    The score is a cosine where Raglass itself retrieved; what an application's is, only that knows.
    """
    score = "top score" if any(row.origin == "application" for row in rows) else "top cosine"
    cells = [_row_cells(row, score) for row in rows]
    for column, common in (("origin", "person"), ("service", ""), ("confidence", None)):
        if all(cell[column] == common for cell in cells):
            for cell in cells:
                del cell[column]
    return cells


def _row_cells(row: TraceRow, score: str) -> dict[str, Any]:
    return {
        "question": row.question or NO_QUESTION,
        "answer": row.answer,
        "service": row.service,
        "outcome": _outcome(row),
        "confidence": None if row.confidence is None else round(row.confidence, 2),
        "duration, ms": row.duration_ms,
        "asked": when(row.asked_at),
        score: row.top_score,
        "feedback": RATINGS[row.rating],
        "note": row.note,
        "origin": row.origin,
        "backend": row.backend,
        "trace": row.trace_id,
    }


def _outcome(row: TraceRow) -> str:
    """What came of it; an application may have done something else than to answer, as making its index."""
    silent = row.origin == "application" and row.outcome == "answered" and not row.answer
    return "no answer" if silent else row.outcome


def _show_picked(rows: list[TraceRow]) -> None:
    """What can be done with the picked rows. Both buttons are always there, so that the table never moves."""
    ids = [row.trace_id for row in rows]
    for label, wanted in (("Open the trace", 1), ("Compare the two traces", 2)):
        st.button(label, disabled=len(ids) != wanted, on_click=_open, args=tuple(ids))


def _open(*ids: str) -> None:
    """Put one trace, or two, into the address: an entry of its own in the browser's history, so that back returns here."""
    st.query_params.from_dict(dict(zip(("trace", "with"), ids, strict=False)))


def show_paging(page: TracePage) -> None:
    """Buttons to the pages before and after."""
    with st.container(horizontal=True):
        for label, cursor in (("Previous page", page.previous), ("Next page", page.next)):
            st.button(label, disabled=cursor is None, on_click=_turn, args=(cursor,))


def _turn(cursor: str) -> None:
    st.query_params["after"] = cursor


def show_exports(filters: TraceFilters) -> None:
    """Links that stream the whole filtered set, however large. Each holds a pass, since a link shows no key."""
    address, guard = filters.to_address(), state.services().guard
    with st.container(horizontal=True):
        for name in ("csv", "jsonl"):
            link = guard.sign(f"/export/traces.{name}", address)
            st.link_button(f"Export {name.upper()}", link, icon=":material/download:")
