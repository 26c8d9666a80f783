"""What the browser session remembers, and the way to the process's services."""

import streamlit as st

from app import services as process
from app.services import Services
from metrics.queries import StoredTrace
from metrics.store import TraceStore
from pipeline.types import Trace


def services() -> Services:
    """This process's services."""
    return process.services()


def store() -> TraceStore:
    """The trace store."""
    return services().store


def remember_unstored(trace: Trace, why: str) -> None:
    """Keep a trace that could not be stored, with the reason, for as long as this browser tab lives."""
    st.session_state.setdefault("unstored", {})[trace.trace_id] = trace
    st.session_state.setdefault("why_unstored", {})[trace.trace_id] = why


def why_unstored(trace_id: str) -> str | None:
    """Why a trace could not be stored; None for one that was."""
    reasons: dict[str, str] = st.session_state.get("why_unstored", {})
    return reasons.get(trace_id)


def find_trace(trace_id: str) -> tuple[Trace, StoredTrace | None] | None:
    """A trace by id, with its stored form, which is None if it could not be stored."""
    kept: dict[str, Trace] = st.session_state.get("unstored", {})
    if trace_id in kept:
        return kept[trace_id], None
    stored = store().get(trace_id)
    return None if stored is None else (stored.trace, stored)


def leave_question(question: str) -> None:
    """Leave a question for the Ask page, which asks it when it opens."""
    st.session_state["handed-question"] = question


def take_question() -> str | None:
    """The question that another page left for Ask, once; None without one."""
    question: str | None = st.session_state.pop("handed-question", None)
    return question


def trace_in_box() -> str | None:
    """The trace whose question stands in the box of the Ask page."""
    shown: str | None = st.session_state.get("box_trace")
    return shown


def note_trace_in_box(trace_id: str | None) -> None:
    """Note that the box shows the question of this trace."""
    st.session_state["box_trace"] = trace_id
