"""What is worked out of runs, kept until a run has other answers. Nobody may change what is handed out."""

from collections.abc import Sequence

import streamlit as st

from app.kit.costs import Spent
from app.runs.by_type import ByType, study_types
from app.runs.compared import ComparedRuns
from app.runs.files import RunFiles, write_files
from app.runs.several import ComparedSeveral
from app.runs.spending import run_spending, runs_spending
from app.views.kit import state
from evaluation.groups import GroupTest, compare_types
from evaluation.scoring import Scored
from evaluation.summary import Summary, in_groups, summarise, summarise_groups
from metrics.runs import StoredRun


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


def run_by_type(run: StoredRun, *, grouped: bool) -> ByType:
    """How what the run measured is spread over types, or their groups."""
    return _run_by_type(run.run_id, run.version, grouped)


def run_spent(run: StoredRun) -> Spent:
    """What a run took and cost by the token."""
    return _run_spent(run.run_id, run.version)


def runs_spent(runs: Sequence[StoredRun]) -> dict[str, Spent]:
    """The same of several runs, by their ids."""
    return _runs_spent(tuple((run.run_id, run.version) for run in runs), list(runs))


def run_files(run: StoredRun) -> RunFiles:
    """What can be taken away of a run."""
    return _run_files(run.run_id, run.shown_version)


def compared(first: str, second: str, max_drop: float) -> ComparedRuns:
    """Two runs against each other. Raises InputError where that cannot be done."""
    one, other = (state.services().evaluations.find(run_id) for run_id in (first, second))
    return _compared(one.run_id, one.shown_version, other.run_id, other.shown_version, max_drop)


def several(ids: Sequence[str], max_drop: float) -> ComparedSeveral:
    """Two to five runs against each other. Raises InputError where that cannot be done."""
    found = [state.services().evaluations.find(run_id) for run_id in ids]
    return _several(tuple(run.run_id for run in found), tuple(run.shown_version for run in found), max_drop)


@st.cache_resource(max_entries=10, show_spinner=False)
def _run_scores(run_id: str, version: str) -> list[Scored]:
    return state.services().evaluations.scores(run_id)


@st.cache_resource(max_entries=10, show_spinner=False)
def _run_summary(run_id: str, version: str) -> list[Summary]:
    return summarise(_run_scores(run_id, version))


@st.cache_resource(max_entries=10, show_spinner=False)
def _run_groups(run_id: str, version: str) -> list[Summary]:
    return summarise_groups(_run_scores(run_id, version))


@st.cache_resource(max_entries=30, show_spinner=False)
def _run_types(run_id: str, version: str, measure: str, grouped: bool) -> GroupTest:
    scores = _run_scores(run_id, version)
    return compare_types(in_groups(scores) if grouped else scores, measure)


@st.cache_resource(max_entries=10, show_spinner=False)
def _run_by_type(run_id: str, version: str, grouped: bool) -> ByType:
    return study_types(_run_scores(run_id, version), grouped=grouped)


@st.cache_resource(max_entries=10, show_spinner=False)
def _run_spent(run_id: str, version: str) -> Spent:
    services = state.services()
    return run_spending(services.store, services.evaluations.find(run_id))


@st.cache_resource(max_entries=10, show_spinner=False)
def _runs_spent(versions: tuple[tuple[str, str], ...], _runs: list[StoredRun]) -> dict[str, Spent]:
    return runs_spending(state.services().store, _runs)


@st.cache_resource(max_entries=5, show_spinner=False)
def _run_files(run_id: str, version: str) -> RunFiles:
    run = state.services().evaluations.find(run_id)
    spent = _run_spent(run_id, version)
    return write_files(run, _run_summary(run_id, version), _run_scores(run_id, version), spent)


@st.cache_resource(max_entries=10, show_spinner=False)
def _several(ids: tuple[str, ...], versions: tuple[str, ...], max_drop: float) -> ComparedSeveral:
    return state.services().evaluations.compare_several(ids, max_drop=max_drop)


@st.cache_resource(max_entries=10, show_spinner=False)
def _compared(first: str, first_version: str, second: str, second_version: str, max_drop: float) -> ComparedRuns:
    return state.services().evaluations.compare(first, second, max_drop=max_drop)
