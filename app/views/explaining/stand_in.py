"""Which backend explains an answer that the one that gave it cannot explain, and what can be shown where none does."""

import streamlit as st

from app.explaining.grounded import grounded_trace
from app.views.explaining.asking_again import offer_asking_again
from app.views.explaining.panels import show_grounding
from app.views.kit import state
from app.views.kit.markdown import message
from app.views.traces.detail import show_answer
from pipeline.errors import RaglassError
from pipeline.types import Trace

WITH = "with"
"""What the address calls it."""


def choose_stand_in(trace: Trace) -> str:
    """The backend that stands in, kept in the address; empty for none. Of an answer of ours it is asked only where the address has one."""
    return _choose(trace) if trace.origin == "application" or WITH in st.query_params else ""


def offer_stand_in(trace: Trace) -> None:
    """Let one be chosen for an answer whose own backend cannot explain it, unless that was asked already."""
    if WITH not in st.query_params:
        _choose(trace)


def _choose(trace: Trace) -> str:
    explanations = state.services().explanations
    asked = st.query_params.get(WITH, "")
    usual = asked or next(iter(explanations.stood_in(trace.trace_id)), "")
    options = ["", *explanations.stand_ins(trace)]

    key = f"explain-with-{trace.trace_id}"

    def write() -> None:
        chosen = st.session_state[key]
        if chosen:
            st.query_params[WITH] = chosen
        else:
            st.query_params.pop(WITH, None)

    nobody = "nobody: words alone" if trace.origin == "application" else trace.backend
    chosen = st.selectbox(
        "Explain with",
        options,
        index=options.index(usual) if usual in options else 0,
        format_func=lambda name: name or nobody,
        key=key,
        on_change=write,
        help="A backend that scores the same answer over the same chunks, in place of the model that gave it.",
        width=320,
    )
    return chosen or ""


def show_unexplained(trace: Trace, why: str, *, failed: bool = False) -> None:
    """An answer that nobody explains: what its words and those of its chunks say by themselves, and what asking again would.

    why: why nobody does, and what would. failed: whether the backend that was to stand in could not.
    """
    show_answer(trace)
    if failed:
        st.warning(message(why), icon=":material/warning:")
    else:
        st.info(message(why), icon=":material/group:")
    st.header("Do the chunks say it?", anchor=False)
    try:
        show_grounding(grounded_trace(trace))
    except RaglassError as error:
        st.info(message(str(error)))
    offer_asking_again(trace)
