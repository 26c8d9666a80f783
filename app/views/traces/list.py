"""The list of traces: filters, a table of one page, paging."""

from typing import Any

import streamlit as st

from app.kit.wording import LOW, when
from app.traces.filters import FEEDBACK, OUTCOMES, SINCE_S, SORTS, TraceFilters
from app.views.kit import address
from app.views.kit.html import note_html, show
from metrics.queries import MAX_SEARCH_CHARS, TracePage, TraceRow

PAGE_SIZE = 50

TABLE_HEIGHT, FEW_ROWS = 520, 12
"""A longer list scrolls in a frame of this many pixels, so that what is below it stays in reach."""

MAX_SLOWER_MS = 900_000
"""The longest deadline."""

RATINGS = {1: "👍", -1: "👎", 0: ""}


def choose_filters(backends: list[str]) -> TraceFilters:
    """The filters, kept in the address, so that a link, back and forward find them again."""
    write = address.follow(
        "traces",
        {
            "search": address.words(),
            "sort": address.choice(list(SORTS), "newest"),
            "since": address.choice(list(SINCE_S)),
            "outcome": address.choice(list(OUTCOMES)),
            "feedback": address.choice(list(FEEDBACK)),
            "slower_ms": address.number(0, 0, MAX_SLOWER_MS),
            "backends": address.several(backends),
            "low_confidence": address.flag(),
        },
    )
    change: dict[str, Any] = {"on_change": write, "args": ("after",)}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Search question, answer and note", key="search", type="search", max_chars=MAX_SEARCH_CHARS, **change
        )
        st.selectbox("Sort", list(SORTS), key="sort", width=190, **change)
    with st.expander("Filters", key="filters"), st.container(horizontal=True, vertical_alignment="bottom"):
        any_of: dict[str, Any] = {"placeholder": "any", "width": 150, **change}
        st.selectbox("Asked in the last", list(SINCE_S), key="since", index=None, **any_of)
        st.selectbox("Outcome", list(OUTCOMES), key="outcome", index=None, **any_of)
        st.selectbox("Feedback", list(FEEDBACK), key="feedback", index=None, **any_of)
        st.number_input("Slower than, ms", 0, MAX_SLOWER_MS, step=100, key="slower_ms", width=150, **change)
        st.multiselect("Backend", backends, key="backends", **(any_of | {"width": 230}))
        st.toggle(f"Confidence below {LOW:.0%}", key="low_confidence", **change)
    chosen = st.session_state
    return TraceFilters(
        search=chosen["search"],
        backends=tuple(chosen["backends"]),
        since=chosen["since"] or "",
        slower_ms=float(chosen["slower_ms"]),
        outcome=chosen["outcome"] or "",
        feedback=chosen["feedback"] or "",
        low_confidence=chosen["low_confidence"],
        sort=chosen["sort"] or "newest",
    )


def show_list(page: TracePage) -> None:
    """The table, and what can be done with the rows that are picked."""
    stored = "" if page.matched == page.total else f", {page.total} stored"
    shown = f"{len(page.rows)} of {page.matched} traces{' that match' if stored else ''}{stored}."
    show(note_html(f"{shown} Pick one row to open it, two to compare them."))
    actions = st.container(horizontal=True)
    picked = st.dataframe(
        [_cells(row) for row in page.rows],
        key="table",
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        height=TABLE_HEIGHT if len(page.rows) > FEW_ROWS else "content",
        column_config={
            "confidence": st.column_config.NumberColumn(format="percent"),
            "duration, ms": st.column_config.NumberColumn(format="%.3g"),
            "top cosine": st.column_config.NumberColumn(format="%.3f", width="small"),
            "question": st.column_config.TextColumn(width="medium"),
            "answer": st.column_config.TextColumn(width="medium"),
        },
        alt="Traces, a row each",
    )
    rows = [page.rows[number] for number in picked.selection.rows if number < len(page.rows)]
    with actions:
        _show_picked(rows)
    show_paging(page)


def _cells(row: TraceRow) -> dict[str, Any]:
    return {
        "question": row.question,
        "answer": row.answer,
        "outcome": row.outcome,
        "confidence": None if row.confidence is None else round(row.confidence, 2),
        "duration, ms": row.duration_ms,
        "asked": when(row.asked_at),
        "top cosine": row.top_score,
        "feedback": RATINGS[row.rating],
        "note": row.note,
        "backend": row.backend,
        "trace": row.trace_id,
    }


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
    """Links that stream the whole filtered set, however large."""
    address = filters.to_address()
    with st.container(horizontal=True):
        for name in ("csv", "jsonl"):
            st.link_button(f"Export {name.upper()}", f"/export/traces.{name}?{address}", icon=":material/download:")
