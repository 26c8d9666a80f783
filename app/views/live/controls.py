"""What the Live page shows: whose questions of which backend, over which window; kept in the address."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.kit.wording import ASKERS, PEOPLE, backend_words
from app.live.log_lines import LEVELS
from app.live.reading import MEASURES, PERIODS, REFRESHES, WINDOWS, LiveChoice, describe_choice
from app.views.kit import address, state
from app.views.kit.html import note_html, show
from app.views.kit.layout import backstage
from app.views.kit.presenting import is_presenting

LATEST_S = 4_000_000_000
"""A time that no period begins after."""


@dataclass(frozen=True, slots=True)
class Controls:
    """What was chosen, and what writes it into the address."""

    choice: LiveChoice
    """What to show."""
    refresh_s: int | None
    """Seconds between refreshes; None while paused."""
    write: Callable[..., None]
    """For the widgets that are drawn further down."""


def choose() -> Controls:
    """Source, backend, who asks, window, period and refresh."""
    live = state.services().live
    sources = live.sources
    source = st.query_params.get("source", sources[0])
    backends = live.backends(source if source in sources else sources[0])
    write = address.follow(
        "live",
        {
            "source": address.choice(sources, sources[0]),
            "answered_by": address.choice(backends, backends[0] if backends else None),
            "asked_by": address.choice(list(ASKERS), PEOPLE),
            "window": address.choice(list(WINDOWS), "1 hour"),
            "period": address.choice(list(PERIODS), "auto"),
            "refresh": address.choice(list(REFRESHES), "15 s"),
            "measure": address.choice(list(MEASURES), "mean"),
            "at": address.number(0, 0, LATEST_S),
            "log": address.flag(),
            "level": address.choice(list(LEVELS), "all"),
            "find": address.words(),
        },
    )
    chosen = st.session_state
    choice = LiveChoice(
        source=chosen["source"] if chosen["source"] in sources else sources[0],
        backend=chosen["answered_by"] or "",
        window=chosen["window"],
        period=chosen["period"],
        measure=chosen["measure"],
        asked_by=chosen["asked_by"],
    )
    _draw(choice, backends, sources, write)
    if is_presenting() and choice.backend:
        show(note_html(describe_choice(choice)))
    return Controls(choice, REFRESHES[chosen["refresh"]], write)


def _draw(choice: LiveChoice, backends: list[str], sources: list[str], write: Callable[..., None]) -> None:
    change: dict[str, Any] = {"on_change": write, "width": 125}
    with backstage("live"), st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("Window", list(WINDOWS), key="window", **change)
        if choice.tells_askers:
            st.selectbox("Asked by", list(ASKERS), key="asked_by", **change)
        st.selectbox("Backend", backends, format_func=backend_words, key="answered_by", **(change | {"width": 260}))
        st.selectbox("Refresh every", list(REFRESHES), key="refresh", **change)
        st.selectbox("Period", list(PERIODS), key="period", **change)
        if len(sources) > 1:
            st.selectbox("Read from", sources, key="source", **(change | {"width": 150}))
