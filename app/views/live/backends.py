"""All backends and services of the Live page's window in a small table, from which one is chosen."""

import time
from dataclasses import replace

import streamlit as st

from app.kit.numbers import percent
from app.kit.wording import backend_words
from app.live.backends import BackendPace, BackendPaces, backends_words, read_backends
from app.live.reading import LiveChoice
from app.views.kit import state
from app.views.kit.html import note_html, show
from app.views.kit.table import Cell, Column, Row, number_cell, show_table, time_cell, way
from app.views.live.controls import Controls

COLUMNS = (
    Column("backend", "Backend", local=True),
    Column("asked", "Asked", "number", local=True),
    Column("failed", "Failed", "number", local=True),
    Column("p95", "p95", "number", local=True, help="95 of 100 questions took less."),
)


def show_backends(controls: Controls) -> None:
    """The table, or that the chosen backend is the only one. A click chooses another."""
    choice = controls.choice
    found = _read(replace(choice, measure="mean"), state.services().live.version(choice))
    words = backends_words(choice, found)
    if not found.rows:
        if words:
            show(note_html(words))
        return

    def choose(backend: str) -> None:
        st.session_state["answered_by"], st.session_state["at"] = backend, 0
        controls.write()

    done = show_table(
        COLUMNS,
        [_row(choice, each) for each in found.rows],
        key="live-backends",
        label="Backends and services in the window, a row each",
        on_open=choose,
        current=choice.backend,
    )
    if done.opened is not None:
        st.rerun()  # all of the page: this part of it began with the other choice
    show(note_html(words))


@st.cache_resource(max_entries=30, show_spinner=False)
def _read(choice: LiveChoice, version: str) -> BackendPaces:
    return read_backends(state.store(), choice, time.time())


def _row(choice: LiveChoice, each: BackendPace) -> Row:
    failed = f"{each.failed:,} ({percent(each.failed_share, 1)})" if each.failed else "0"
    cells: dict[str, Cell | str] = {
        "backend": backend_words(each.backend),
        "asked": number_cell(each.asked, f"{each.asked:,}"),
        "failed": number_cell(each.failed, failed),
        "p95": time_cell(each.p95_ms),
    }
    there = way("live", answered_by=each.backend, asked_by=choice.asked_by, window=choice.window)
    return Row(each.backend, cells, href=there)
