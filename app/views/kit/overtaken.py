"""Addresses that the browser had not heard of when it asked for a run.

A page writes its address while it runs, and the browser hears of it a moment later. What is pressed in that moment comes with
the address from before (Streamlit 1.67): taken at its word, it would set every widget back to what it showed before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

import streamlit as st
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext, get_script_run_ctx

Address = Mapping[str, list[str]]

HEARD_S = 2.0
"""After so long the browser has heard of an address: an older one is meant."""

_KEPT = "overtaken-addresses"


@dataclass
class _Written:
    """What the session knows of the addresses of the page that it is on."""

    page: str
    newest: Address
    left: list[tuple[Address, float]] = field(default_factory=list)
    """Addresses that were written over, and when."""


def settle() -> None:
    """Before the address is read: make it the newest, where the browser had not heard of that one. A step back is taken at its word."""
    context, written = get_script_run_ctx(), _written()
    if context is None or written is None:
        return
    now = monotonic()
    written.left = [(old, since) for old, since in written.left if now - since < HEARD_S]
    said = _said()
    if context.is_history_navigation:
        written.left.clear()
    elif any(old == said and _came(context, said, written.newest) for old, _ in written.left):
        st.query_params.from_dict(written.newest)


def note() -> None:
    """After the address was written: it is the newest of its page."""
    context, written = get_script_run_ctx(), _written()
    if context is None:
        return
    said = _said()
    if written is None:
        st.session_state[_KEPT] = _Written(context.page_script_hash, said)
    elif said != written.newest:
        written.left = [(old, since) for old, since in written.left if old != said]
        written.left.append((written.newest, monotonic()))
        written.newest = said


def _written() -> _Written | None:
    """What is known of the page that this run is for."""
    context: ScriptRunContext | None = get_script_run_ctx()
    kept: _Written | None = st.session_state.get(_KEPT)
    return kept if kept is not None and context is not None and kept.page == context.page_script_hash else None


def _said() -> Address:
    return {name: st.query_params.get_all(name) for name in st.query_params}


def _came(context: ScriptRunContext, said: Address, newest: Address) -> bool:
    """Whether the browser came with what is said now: it was not written during this run."""
    with context.session_state.query_params() as params:
        told = {name: params.get_initial_value(name) for name in {*said, *newest}}
    return all(value == _single(said.get(name)) for name, value in told.items())


def _single(texts: list[str] | None) -> list[str] | str | None:
    """A parameter's texts as Streamlit tells of them."""
    return texts[0] if texts and len(texts) == 1 else texts
