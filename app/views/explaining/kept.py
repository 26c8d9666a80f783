"""What a browser tab keeps of explanations, so that a rerun of the page need not read them again."""

from typing import Any

import streamlit as st

from app.views.kit import state
from explain.attention import Picture
from explain.counterfactuals import Diagnosed
from explain.explained import Explained
from explain.sources import Unit

KEPT_EXPLANATIONS = 20
"""Explanations that a browser tab remembers."""

Key = tuple[str, str]
"""A trace's id, and the backend that stood in for the one that answered, or nothing."""


def known_explanation(trace_id: str, unit: Unit, stand_in: str = "") -> Explained | None:
    """What this browser tab knows of why an answer came out as it did, whole or in part. stand_in: as `Explained` has it."""
    kept: Explained | None = _kept((trace_id, stand_in), unit)
    return kept


def remember_explanation(found: Explained, unit: Unit) -> None:
    """Keep an explanation, so that a rerun of the page need not read it again."""
    keep_of(found, unit, found)


def known_diagnosis(found: Explained) -> Diagnosed | None:
    """The last diagnosis of what is explained: one of this browser tab, or one that is kept with the trace."""
    kept: Diagnosed | None = kept_of(found, "diagnosis")
    return kept or state.services().explanations.diagnosis_of(found.trace.trace_id, found.stand_in)


def remember_diagnosis(found: Explained, diagnosed: Diagnosed) -> None:
    """Keep a diagnosis for as long as the explanation is kept."""
    keep_of(found, "diagnosis", diagnosed)


def kept_of(found: Explained, what: str) -> Any:
    """What this browser tab keeps beside an explanation, by name; None if nothing."""
    return _kept(_key(found), what)


def keep_of(found: Explained, what: str, value: object) -> None:
    """Keep something beside an explanation; of many, the newest KEPT_EXPLANATIONS."""
    kept: dict[Key, dict[str, object]] = st.session_state.setdefault("explained", {})
    kept.setdefault(_key(found), {})[what] = value
    while len(kept) > KEPT_EXPLANATIONS:
        kept.pop(next(iter(kept)))


def _kept(key: Key, what: str) -> Any:
    return st.session_state.get("explained", {}).get(key, {}).get(what)


def _key(found: Explained) -> Key:
    return found.trace.trace_id, found.stand_in


def known_picture(found: Explained) -> Picture | None:
    """The picture of the attention that an answer was given with, if it is the one that this browser tab keeps."""
    kept_key, picture = st.session_state.get("attention-picture", (None, None))
    known: Picture | None = picture if kept_key == _key(found) else None
    return known


def remember_picture(found: Explained, picture: Picture) -> None:
    """Keep a picture, which can take 32 MB: of one answer only."""
    st.session_state["attention-picture"] = (_key(found), picture)
