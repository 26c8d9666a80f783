"""What the Overview reads, kept for some seconds, whoever looks."""

import time
from collections.abc import Sequence

import streamlit as st

from app.overview.readiness import FOREVER_S, Behind, Problems, Readiness
from app.overview.reading import SPANS, Concern, Pace, live_choice, read_concerns, read_pace, read_recent
from app.overview.words import NOWHERE_ELSE, Elsewhere, Verdict, last_pair, verdict_of
from app.quality.recent import RuleWindow, read_window
from app.runs.leaderboard import asked_alone
from app.views.kit import state
from metrics.queries import TraceRow
from metrics.runs import StoredRun
from pipeline.errors import InputError, RaglassError

FRESH_S = 15
"""Seconds for which what was read is shown again."""

RUNS = 20
"""Runs among which the one before the last is looked for."""


def problems() -> Problems | None:
    """What keeps this process from answering; None while that is not known."""
    return _readiness().read()


@st.cache_resource(show_spinner=False)
def _readiness() -> Readiness:
    return Readiness(lambda: state.services().check_ready())


def recent(whose: str) -> Sequence[TraceRow]:
    """The newest questions; read again once something stored has changed."""
    return _recent(whose, state.store().version())


@st.cache_data(max_entries=5, show_spinner=False)
def _recent(whose: str, version: str) -> Sequence[TraceRow]:
    return read_recent(state.store(), whose)


@st.cache_data(ttl=FRESH_S, max_entries=10, show_spinner=False)
def pace(span: str, whose: str) -> Pace:
    """How the stretch went."""
    return read_pace(state.store(), span, whose, time.time())


@st.cache_data(ttl=FRESH_S, max_entries=10, show_spinner=False)
def concerns(span: str, whose: str) -> list[Concern]:
    """What needs a look."""
    return read_concerns(state.store(), span, whose, time.time())


@st.cache_data(ttl=FRESH_S, max_entries=10, show_spinner=False)
def quality(span: str) -> list[RuleWindow]:
    """What the rules say of all backends."""
    now_s = time.time()
    return read_window(state.store(), now_s - SPANS[span], now_s)


@st.cache_data(ttl=FRESH_S, max_entries=10, show_spinner=False)
def shares(found: Pace, span: str) -> dict[str, float]:
    """Where the time goes."""
    return dict(state.services().live.shares(live_choice(found, span))) if found.backend else {}


@st.cache_data(ttl=FRESH_S, max_entries=2, show_spinner=False)
def runs() -> list[StoredRun]:
    """The newest runs that somebody began for themselves."""
    return asked_alone(state.services().evaluations.newest(RUNS))


def verdict(found: list[StoredRun]) -> Verdict | None:
    """Whether the last run may take the place of the one before; None where that is not known within a moment."""
    pair = last_pair(found)
    if pair is None:
        return None
    before, last = pair
    return _verdict(before.run_id, before.version, last.run_id, last.version).read()


@st.cache_resource(max_entries=10, show_spinner=False)
def _verdict(first: str, first_version: str, second: str, second_version: str) -> Behind[Verdict | None]:
    evaluations = state.services().evaluations

    def judge() -> Verdict | None:
        try:
            return verdict_of(evaluations.compare(first, second))
        except InputError:
            return None

    return Behind(judge, fresh_s=FOREVER_S)


def elsewhere() -> Elsewhere:
    """CloudWatch's alarms, which are never waited for."""
    if "cloudwatch" not in state.services().live.sources:
        return NOWHERE_ELSE
    return _elsewhere().read(0.0) or NOWHERE_ELSE


@st.cache_resource(show_spinner=False)
def _elsewhere() -> Behind[Elsewhere]:
    live = state.services().live

    def ask() -> Elsewhere:
        try:
            return Elsewhere(live.alarms())
        except RaglassError:
            return Elsewhere(unread=True)

    return Behind(ask)
