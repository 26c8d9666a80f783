"""The list of traces: a table of one page, paging, exports."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from app.kit.numbers import fixed, percent
from app.kit.wording import CONFIDENCE, LOW, when
from app.traces.filters import TraceFilters
from app.views.kit import state
from app.views.kit.html import note_html, show
from app.views.kit.table import (
    Cell,
    Column,
    Row,
    Tone,
    choose_columns,
    confidence_cell,
    number_cell,
    show_table,
    stage_cell,
    status_cell,
    time_cell,
    way,
)
from app.views.traces.html import NO_QUESTION
from metrics.queries import TracePage, TraceRow

PAGE_SIZE = 50

RATINGS = {1: "▲ up", -1: "▼ down", 0: ""}

UNSURE = "unsure"
"""Of an answer that is more probably wrong than right by its own confidence, calibrated or not."""

TONES: Mapping[str, Tone] = {"answered": "good", UNSURE: "warn", "abstained": "quiet", "no answer": "quiet"}
"""By what came of a question; whatever else did is an error."""

COLUMNS = (
    Column("question", "Question", "question"),
    Column("outcome", "Outcome", "status"),
    Column("confidence", "Confidence", "number", help=CONFIDENCE, up="least confident", down="most confident"),
    Column("time", "Time", "number", up="fastest", down="slowest"),
    Column("stages", "Stages", "bars", help="Where the time went; the longest of this page fills the lane."),
    Column("asked", "Asked", "time", up="oldest", down="newest"),
    Column("source", "Asked by", help="A person, a run, a load test, or another application by its name."),
    Column("answer", "Answer", "question"),
    Column("score", "Top cosine", "number", up="worst top score", down="best top score", shown=False),
    Column("feedback", "Rating"),
    Column("note", "Note", "question"),
    Column("backend", "Backend", shown=False),
    Column("trace", "Trace", shown=False),
)


def show_list(page: TracePage, order: str) -> None:
    """The table, and what can be done with the rows that are ticked. order: a key of SORTS, which the page has."""
    stored = "" if page.matched == page.total else f", {page.total} stored"
    one = page.matched.value == 1
    match = f" that {'matches' if one else 'match'}" if stored else ""
    shown = f"{len(page.rows)} of {page.matched} {'trace' if one else 'traces'}{match}{stored}."
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        show(note_html(f"{shown} A click on a row opens it; tick two to compare them."))
        actions = st.container(horizontal=True, width="content")
        with actions:
            columns = choose_columns(columns_of(page.rows), "traces")
    longest_ms = max(map(_length_ms, page.rows), default=0.0)
    done = show_table(
        columns,
        [_row(row, longest_ms) for row in page.rows],
        key="table",
        label="Traces, a row each",
        on_open=_open,
        order=order,
        on_order=_sort,
        picks=2,
    )
    # Always there, so that the table never moves.
    with actions:
        st.button(
            "Compare the two traces",
            icon=":material/compare_arrows:",
            type="tertiary",
            disabled=len(done.picked) != 2,
            on_click=_open,
            args=done.picked,
        )
    show_paging(page)


def columns_of(rows: Sequence[TraceRow]) -> list[Column]:
    """The columns; how sure the answer is, and what people said of it, at first only where that tells rows apart.

    The score is a cosine where Raglass itself retrieved; what an application's is, only that knows.
    """
    telling = {
        "confidence": any(row.confidence is not None for row in rows),
        "feedback": any(row.rating for row in rows),
        "note": any(row.note for row in rows),
    }
    foreign = any(row.origin == "application" for row in rows)
    heads = {"score": "Top score"} if foreign else {}
    return [
        replace(column, shown=telling.get(column.name, column.shown), head=heads.get(column.name, column.head))
        for column in COLUMNS
    ]


def _row(row: TraceRow, longest_ms: float) -> Row:
    cells: dict[str, Cell | str] = {
        "question": row.question or NO_QUESTION,
        "answer": row.answer,
        "outcome": outcome_cell(row),
        "confidence": confidence_cell(row.confidence, abstained=row.abstained),
        "time": time_cell(row.duration_ms),
        "stages": stage_cell(row.stage_ms, longest_ms),
        "asked": Cell(when(row.asked_at)),
        "source": source_of(row),
        "score": number_cell(row.top_score, fixed(row.top_score, 3)),
        "feedback": RATINGS[row.rating],
        "note": row.note,
        "backend": row.backend,
        "trace": row.trace_id,
    }
    return Row(row.trace_id, cells, way("traces", trace=row.trace_id))


def _length_ms(row: TraceRow) -> float:
    """How much of the lane a row's bars take: stages that ran at once can come to more than the whole took."""
    return max(row.duration_ms, sum(row.stage_ms.values()))


def source_of(row: TraceRow) -> str:
    """Who asked: a person, a run, a load test, or another application by its name."""
    return row.service or ("load test" if row.origin == "load" else row.origin)


def outcome_cell(row: TraceRow) -> Cell:
    """What came of a question, with the stage that failed."""
    outcome = _outcome(row)
    title = f"Confidence below {percent(LOW)}" if outcome == UNSURE else _failing(row)
    return status_cell(outcome, TONES.get(outcome, "bad"), title)


def _failing(row: TraceRow) -> str:
    return f"{row.error_kind} in {row.error_stage}" if row.error_kind and row.error_stage else ""


def _outcome(row: TraceRow) -> str:
    """What came of it; an application may have done something else than to answer, as making its index."""
    silent = row.origin == "application" and row.outcome == "answered" and not row.answer
    doubtful = row.outcome == "answered" and row.confidence is not None and round(row.confidence, 2) < LOW
    return "no answer" if silent else UNSURE if doubtful else row.outcome


def _open(*ids: str) -> None:
    """Put one trace, or two, into the address: an entry of its own in the browser's history, so that back returns here."""
    st.query_params.from_dict(dict(zip(("trace", "with"), ids, strict=False)))


def _sort(order: str) -> None:
    """Put the order into the address, and begin at the first page of it."""
    kept = {name: st.query_params.get_all(name) for name in st.query_params if name not in ("sort", "after")}
    st.query_params.from_dict({**kept, "sort": order})


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
