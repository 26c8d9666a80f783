"""A closer look at one period of the Live page: its traces, and the log lines of the one that is picked; or all of a quiet window."""

import streamlit as st

from app.kit.clock import DAY_S, Clock
from app.kit.numbers import count, milliseconds
from app.live.rows import LiveView
from app.views.kit import state
from app.views.kit.clock import their_clock
from app.views.kit.html import note_html, show
from app.views.kit.table import Cell, Column, Row, show_table, status_cell, time_cell, way
from app.views.live.controls import Controls
from app.views.live.log import show_lines_of
from metrics.queries import TraceRow

TRACES = (
    Column("question", "Question", "question", local=True, width_rem=16),
    Column("time", "Time", "number", local=True),
    Column("outcome", "Outcome", "status", local=True),
    Column("failed", "Failed stage"),
    Column("asked", "Asked", "time", local=True),
)


def show_period(view: LiveView, controls: Controls) -> None:
    """Which period to look into, and its traces."""
    worst, clock = dict(view.slowest), their_clock()
    at = int(st.session_state.get("at") or 0)
    days = view.window.end_s - view.window.start_s > DAY_S

    def label(start_s: int) -> str:
        p95 = f", p95 {milliseconds(worst[start_s])}" if start_s in worst else ""
        return f"{clock.time(start_s, days=days)}{p95}" if start_s else "none"

    offered = {label(start_s): start_s for start_s in (0, *worst, *([at] if at else []))}

    def look() -> None:
        st.session_state["at"] = offered.get(st.session_state["look"], 0)
        controls.write()

    # The labels change with each refresh, so that the widget is told anew which one is chosen.
    st.session_state["look"] = label(at)
    st.selectbox("Look into a period (the slowest first)", list(offered), key="look", on_change=look, width=380)
    if at:
        _show_traces(controls, at, clock)


def show_all(view: LiveView, controls: Controls) -> None:
    """Every trace of a window with few questions."""
    page, clock = state.services().live.traces(controls.choice, view.window.start_s, view.window.end_s), their_clock()
    if not page.rows:
        return
    show(note_html(f"{count(page.matched.value, 'trace')} in this window, the slowest first. A click on one opens it."))
    done = show_table(
        TRACES, [_row(row, clock) for row in page.rows], key="window-traces", label="Traces of the window, a row each"
    )
    if done.opened is not None:
        st.switch_page("../pages/traces.py", query_params={"trace": done.opened})


def _show_traces(controls: Controls, at: int, clock: Clock) -> None:
    page = state.services().live.traces(controls.choice, at)
    on_aws = controls.choice.source == "cloudwatch"
    if not page.rows:
        elsewhere = " They were asked elsewhere." if on_aws else ""
        show(note_html(f"This dashboard stored no trace of this period.{elsewhere}"))
        return
    shown = f"{len(page.rows)} of {count(page.matched.value, 'trace')} in this period, the slowest first. A click on one opens it"
    show(note_html(f"{shown}; tick one for its log lines." if on_aws else f"{shown}."))
    done = show_table(
        TRACES,
        [_row(row, clock) for row in page.rows],
        key="period-traces",
        label="Traces of the period, a row each",
        picks=int(on_aws),
    )
    if done.opened is not None:
        st.switch_page("../pages/traces.py", query_params={"trace": done.opened})
    for trace_id in done.picked:
        show_lines_of(trace_id)


def _row(row: TraceRow, clock: Clock) -> Row:
    return Row(
        row.trace_id,
        {
            "question": row.question,
            "time": time_cell(row.duration_ms),
            "outcome": status_cell(row.outcome, "bad" if row.error_kind else "quiet" if row.abstained else "good"),
            "failed": row.error_stage or "",
            "asked": Cell(clock.time(row.asked_at), row.asked_at),
        },
        way("traces", trace=row.trace_id),
    )
