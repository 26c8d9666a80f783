"""A job that goes on in the background: how far it is, buttons that pause and stop it, and why one came to nothing, to whoever began it."""

from typing import Protocol

import streamlit as st

from app.views.kit.html import note_html, show
from app.views.kit.markdown import literal, message
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

    @property
    def kept(self) -> str:
        """What becomes of it where it is stopped, in a sentence."""
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


class Ends(Protocol):
    """A job that ends, perhaps early."""

    @property
    def running(self) -> bool:
        """Whether it is still at work."""
        ...

    @property
    def problem(self) -> str:
        """Why it ended early; empty if it did not."""
        ...


REFRESH_S = 1.0
"""How often a job that goes on is looked at."""


def note_begun(kind: str, job: Ends) -> None:
    """Remember that it was this session that began a job. kind: tells it from jobs of another kind."""
    st.session_state[_begun(kind)] = job


def begun_problem(kind: str) -> str:
    """Why the job that this session began last came to nothing; empty where it did not, and for everyone else."""
    job: Ends | None = st.session_state.get(_begun(kind))
    return "" if job is None or job.running else job.problem


def show_problem(kind: str) -> None:
    """The same, on the page."""
    problem = begun_problem(kind)
    if problem:
        st.error(message(problem), icon=":material/error:")


def _begun(kind: str) -> str:
    return f"begun-{kind}"


def show_going_on(job: GoesOn, share: float, words: str, *, key: str = "") -> None:
    """A bar with words, and the buttons. share: how much is done, from 0 to 1. key: tells it from others on the page."""
    st.progress(share, literal(words))
    if job.stopping:
        show(note_html("Stopping once what is under way is done."))
        return
    why = job.refusal_to_stop()
    with st.container(horizontal=True):
        if job.paused:
            st.button("Go on", icon=":material/play_arrow:", on_click=job.go_on, key=f"go-on{key}", **refused(why))
        else:
            pausing = "Nothing more is begun until you go on; what is under way is ended. The models stay loaded."
            st.button(
                "Pause", icon=":material/pause:", on_click=job.pause, key=f"pause{key}", **refused(why, help=pausing)
            )
        st.button("Stop", icon=":material/stop:", on_click=job.stop, key=f"stop{key}", **refused(why, help=job.kept))
    if job.paused:
        show(note_html("Paused. It waits for as long as the dashboard runs."))
