"""A job that goes on in the background: how far it is, and buttons that pause and stop it."""

from typing import Protocol

import streamlit as st

from app.views.kit.html import note_html, show
from app.views.kit.markdown import literal
from app.views.kit.visitor import refused


class GoesOn(Protocol):
    """A job in the background; see `app.runs.job.RunJob`."""

    @property
    def paused(self) -> bool:
        """Whether it waits to be gone on with."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        ...

    def stop(self) -> None:
        """Ask it to stop."""

    def pause(self) -> None:
        """Ask it to wait."""

    def go_on(self) -> None:
        """Go on after that."""

    def refusal_to_stop(self) -> str:
        """Why whoever uses the page may do none of these; empty if they may."""
        ...


LEAVING_STOPS = "Leaving the page stops it, and nothing of it is kept."
"""Of work that does not go on in the background."""

REFRESH_S = 1.0
"""How often a job that goes on is looked at."""


def show_going_on(job: GoesOn, share: float, words: str) -> None:
    """A bar with words, and the buttons. share: how much is done, from 0 to 1."""
    st.progress(share, literal(words))
    if job.stopping:
        show(note_html("Stopping once what is under way is done."))
        return
    why = job.refusal_to_stop()
    with st.container(horizontal=True):
        if job.paused:
            st.button("Go on", icon=":material/play_arrow:", on_click=job.go_on, **refused(why))
        else:
            pausing = "Nothing more is asked until you go on; what is under way is answered. The models stay loaded."
            st.button("Pause", icon=":material/pause:", on_click=job.pause, **refused(why, help=pausing))
        stopping = "What was answered is kept; it can be gone on with."
        st.button("Stop", icon=":material/stop:", on_click=job.stop, **refused(why, help=stopping))
    if job.paused:
        show(note_html("Paused. It waits for as long as the dashboard runs; what was answered is kept."))
