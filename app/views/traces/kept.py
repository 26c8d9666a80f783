"""Pages of traces, kept until something stored has changed."""

import streamlit as st

from app.traces.filters import TraceFilters
from app.views.kit import state
from metrics.labels import LabelKind
from metrics.queries import TracePage, TraceQuery
from metrics.sessions import SessionPosition, SessionRow


def trace_backends() -> list[str]:
    """Names of the backends that have stored traces."""
    return _backends(state.store().version())


def trace_page(filters: TraceFilters, after: str | None, limit: int) -> TracePage:
    """A page of traces; read again only once something stored has changed."""
    return _page(filters.to_query(), after, limit, state.store().version())


def trace_labels(kind: LabelKind) -> list[str]:
    """Tags, models, kinds of spans or services that stored traces have."""
    return _labels(kind, state.store().version())


@st.cache_data(max_entries=200, show_spinner=False)
def _labels(kind: LabelKind, version: str) -> list[str]:
    return state.store().labels(kind)


def session_page(session: str, after: str | None, limit: int) -> TracePage:
    """A page of a conversation's traces, the first asked first."""
    return _page(TraceQuery(session=session, descending=False), after, limit, state.store().version())


def session_rows(before: SessionPosition | None, limit: int) -> list[SessionRow]:
    """Conversations beyond a place in their list, the one last spoken in first."""
    return _sessions(before, limit, state.store().version())


@st.cache_data(max_entries=200, show_spinner=False)
def _sessions(before: SessionPosition | None, limit: int, version: str) -> list[SessionRow]:
    return state.store().sessions(before=before, limit=limit)


@st.cache_data(max_entries=200, show_spinner=False)
def _backends(version: str) -> list[str]:
    return state.store().backends()


@st.cache_data(max_entries=200, show_spinner=False)
def _page(query: TraceQuery, after: str | None, limit: int, version: str) -> TracePage:
    return state.store().page(query, after=after, limit=limit)
