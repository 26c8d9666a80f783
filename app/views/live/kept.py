"""What the Live page shows, kept until a refresh may show something new."""

import streamlit as st

from app.alerting.alarms import Preview
from app.alerting.rules import Rule
from app.live.reading import LiveChoice
from app.live.rows import LiveView
from app.views.kit import state
from metrics.cloudwatch import FRESH_S
from metrics.logs import LogLine


def live_view(choice: LiveChoice) -> LiveView:
    """What the Live page shows; worked out again only once a refresh may show something new."""
    return _live_view(choice, state.services().live.version(choice))


@st.cache_resource(max_entries=30, show_spinner=False)
def _live_view(choice: LiveChoice, version: str) -> LiveView:
    return state.services().live.read(choice)


@st.cache_resource(max_entries=100, ttl=60, show_spinner=False)
def preview(rule: Rule) -> Preview:
    """What a rule would have done in the last day; worked out again after a minute. Raises RaglassError."""
    return state.services().alarms.preview(rule)


@st.cache_data(max_entries=100, ttl=FRESH_S, show_spinner=False)
def lines_of(trace_id: str) -> tuple[LogLine, ...]:
    """The log lines that name a trace; looked for again after FRESH_S, since some come late. Raises RaglassError."""
    found = state.find_trace(trace_id)
    return () if found is None else state.services().live.lines_of(found[0]).lines
