"""What streamlit keeps between reruns: the process's services, data that is dear to read, and a page's memory."""

from typing import Any

import streamlit as st

from app import services as use_cases
from app.live.reading import LiveChoice
from app.live.rows import LiveView
from app.runs.compared import ComparedRuns
from app.runs.files import RunFiles, write_files
from app.services import Services
from app.traces.filters import TraceFilters
from evaluation.groups import GroupTest, compare_types
from evaluation.scoring import Scored
from evaluation.summary import Summary, in_groups, summarise, summarise_groups
from explain.counterfactuals import Diagnosed
from explain.explained import Explained
from explain.sources import Unit
from metrics.cloudwatch import FRESH_S
from metrics.logs import LogLine
from metrics.queries import StoredTrace, TracePage, TraceQuery
from metrics.runs import StoredRun
from metrics.store import TraceStore
from pipeline.types import Trace

KEPT_EXPLANATIONS = 20
"""Traces whose explanations a browser tab remembers."""


def services() -> Services:
    """This process's services."""
    return use_cases.services()


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


def known_explanation(trace_id: str, unit: Unit) -> Explained | None:
    """What this browser tab knows of why an answer came out as it did, whole or in part."""
    kept: Explained | None = kept_of(trace_id, unit)
    return kept


def remember_explanation(found: Explained, unit: Unit) -> None:
    """Keep an explanation, so that a rerun of the page need not read it again."""
    keep_of(found.trace.trace_id, unit, found)


def known_diagnosis(trace_id: str) -> Diagnosed | None:
    """The last diagnosis of a trace: one of this browser tab, or one that is kept with the trace."""
    kept: Diagnosed | None = kept_of(trace_id, "diagnosis")
    return kept or services().explanations.diagnosis_of(trace_id)


def remember_diagnosis(trace_id: str, found: Diagnosed) -> None:
    """Keep a diagnosis for as long as the explanation is kept."""
    keep_of(trace_id, "diagnosis", found)


def kept_of(trace_id: str, what: str) -> Any:
    """What this browser tab keeps of a trace, by name; None if nothing."""
    return st.session_state.get("explained", {}).get(trace_id, {}).get(what)


def keep_of(trace_id: str, what: str, value: object) -> None:
    """Keep something of a trace; of many traces, the newest KEPT_EXPLANATIONS."""
    kept: dict[str, dict[str, object]] = st.session_state.setdefault("explained", {})
    kept.setdefault(trace_id, {})[what] = value
    while len(kept) > KEPT_EXPLANATIONS:
        kept.pop(next(iter(kept)))


def box_trace() -> str | None:
    """The trace whose question stands in the box of the Ask page."""
    shown: str | None = st.session_state.get("box_trace")
    return shown


def box_shows(trace_id: str | None) -> None:
    """Note that the box shows the question of this trace."""
    st.session_state["box_trace"] = trace_id


def trace_backends() -> list[str]:
    """Names of the backends that have stored traces."""
    return _backends(store().version())


def trace_page(filters: TraceFilters, after: str | None, limit: int) -> TracePage:
    """A page of traces; read again only once something stored has changed."""
    return _page(filters.to_query(), after, limit, store().version())


def live_view(choice: LiveChoice) -> LiveView:
    """What the Live page shows; worked out again only once a refresh may show something new."""
    return _live_view(choice, services().live.version(choice))


@st.cache_data(max_entries=100, ttl=FRESH_S, show_spinner=False)
def lines_of(trace_id: str) -> tuple[LogLine, ...]:
    """The log lines that name a trace; looked for again after FRESH_S, since some come late. Raises RaglassError."""
    found = find_trace(trace_id)
    return () if found is None else services().live.lines_of(found[0]).lines


@st.cache_resource(max_entries=30, show_spinner=False)
def _live_view(choice: LiveChoice, version: str) -> LiveView:
    return services().live.read(choice)


@st.cache_data(max_entries=200, show_spinner=False)
def _backends(version: str) -> list[str]:
    return store().backends()


@st.cache_data(max_entries=200, show_spinner=False)
def _page(query: TraceQuery, after: str | None, limit: int, version: str) -> TracePage:
    return store().page(query, after=after, limit=limit)


def run_scores(run: StoredRun) -> list[Scored]:
    """The answers of a run, which nobody may change; read again once there are others."""
    return _run_scores(run.run_id, run.version)


def run_summary(run: StoredRun) -> list[Summary]:
    """What a run comes to."""
    return _run_summary(run.run_id, run.version)


def run_groups(run: StoredRun) -> list[Summary]:
    """The same by group of types."""
    return _run_groups(run.run_id, run.version)


def run_types(run: StoredRun, measure: str, *, grouped: bool = False) -> GroupTest:
    """The types of a run against each other, or their groups."""
    return _run_types(run.run_id, run.version, measure, grouped)


def run_files(run: StoredRun) -> RunFiles:
    """What can be taken away of a run."""
    return _run_files(run.run_id, run.version)


def compared(first: str, second: str, max_drop: float) -> ComparedRuns:
    """Two runs against each other. Raises InputError where that cannot be done."""
    one, other = (services().evaluations.find(run_id) for run_id in (first, second))
    return _compared(one.run_id, one.version, other.run_id, other.version, max_drop)


@st.cache_resource(max_entries=10, show_spinner=False)
def _run_scores(run_id: str, version: str) -> list[Scored]:
    return services().evaluations.scores(run_id)


@st.cache_resource(max_entries=50, show_spinner=False)
def _run_summary(run_id: str, version: str) -> list[Summary]:
    return summarise(_run_scores(run_id, version))


@st.cache_resource(max_entries=50, show_spinner=False)
def _run_groups(run_id: str, version: str) -> list[Summary]:
    return summarise_groups(_run_scores(run_id, version))


@st.cache_resource(max_entries=100, show_spinner=False)
def _run_types(run_id: str, version: str, measure: str, grouped: bool) -> GroupTest:
    scores = _run_scores(run_id, version)
    return compare_types(in_groups(scores) if grouped else scores, measure)


@st.cache_resource(max_entries=5, show_spinner=False)
def _run_files(run_id: str, version: str) -> RunFiles:
    run = services().evaluations.find(run_id)
    return write_files(run, _run_summary(run_id, version), _run_scores(run_id, version))


@st.cache_resource(max_entries=10, show_spinner=False)
def _compared(first: str, first_version: str, second: str, second_version: str, max_drop: float) -> ComparedRuns:
    return services().evaluations.compare(first, second, max_drop=max_drop)
