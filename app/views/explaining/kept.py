"""What a browser tab keeps of explanations, so that a rerun of the page need not read them again."""

from typing import Any

import streamlit as st

from app.views.kit import state
from explain.attention import Picture
from explain.counterfactuals import Diagnosed
from explain.explained import Explained
from explain.sources import Unit

KEPT_EXPLANATIONS = 20
"""Traces whose explanations a browser tab remembers."""


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
    return kept or state.services().explanations.diagnosis_of(trace_id)


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


def known_picture(trace_id: str) -> Picture | None:
    """The picture of the attention that a trace's answer was given with, if it is the one that this browser tab keeps."""
    kept_id, picture = st.session_state.get("attention-picture", ("", None))
    found: Picture | None = picture if kept_id == trace_id else None
    return found


def remember_picture(trace_id: str, picture: Picture) -> None:
    """Keep a picture, which can take 32 MB: of one trace only."""
    st.session_state["attention-picture"] = (trace_id, picture)
