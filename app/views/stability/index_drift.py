"""How far an index, or an embedder, is from another: a form, and what was measured."""

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import streamlit as st

from app.services import Services
from app.stability.drift import USUAL_EMBEDDER
from app.stability.drift_words import INDEX_HEADS, INDEX_NOTES, index_rows, side_words
from app.stability.index_drift import CHUNKS, MeasuredIndexes, embedder_steps, folder_steps
from app.stability.steps import Steps
from app.views.kit import address, state
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show, table_html
from app.views.kit.layout import backstage
from app.views.kit.markdown import literal
from app.views.kit.visitor import refused
from app.views.stability.comparing import begin, show_comparison, why_busy
from pipeline.errors import InputError

AGAINST = EMBEDDER, FOLDER = "Another embedder", "Another data folder"

MOST_CHUNKS = 20_000
"""Chunks that may be embedded by both."""


def show_index_drift() -> None:
    """The form, the work while it goes on, and what came of it."""
    services = state.services()
    jobs = services.comparisons.indexes
    steps = _form(services, why_busy(jobs))
    if steps is not None:
        jobs.forget()  # what is wrong with the form is said without what came of another
        begin(jobs, steps())
    found = show_comparison(jobs, "Opening both sides …", "index-drift")
    if found is not None:
        _show(found)
    elif jobs.job is None:
        st.info(
            "Compares two sets of vectors of the same chunks: how much a search would notice of another embedder or index."
        )


def _form(services: Services, busy: str) -> Callable[[], Steps[MeasuredIndexes]] | None:
    """What to hold against what, kept in the address; once it is pressed, what begins it."""
    local = [name for name in services.backends.usable() if name.startswith("local/")]
    write = _follow_form(services, local)
    with backstage("index-drift"):
        against = st.segmented_control("Compare with", AGAINST, key="index_against", on_change=write) or EMBEDDER
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.selectbox("The index of", local, key="index_of", on_change=write)
            other, folder = None, ""
            if against == FOLDER:
                folder = st.text_input(
                    "Data folder",
                    placeholder="the RAGLASS_DATA_DIR of the other",
                    key="index_folder",
                    on_change=write,
                    width=360,
                )
            else:
                other = st.selectbox(
                    "The embedder of",
                    _others(local, name),
                    key="index_other",
                    on_change=write,
                    placeholder="Choose one",
                    help="Its model is fetched first where it is not on this machine.",
                )
            chunks = st.number_input(
                "Chunks", 3, MOST_CHUNKS, key="index_chunks", on_change=write, width=120, disabled=against == FOLDER
            )
        lacking = "Choose a backend whose embedder is to be compared." if against == EMBEDDER and other is None else ""
        pressed = st.button("Compare", type="primary", icon=":material/compare_arrows:", **refused(busy or lacking))
    return partial(_steps, services, str(name), other, folder, int(chunks)) if pressed else None


def _follow_form(services: Services, local: list[str]) -> address.Write:
    usual = services.settings.backend_name
    indexes = address.choice(local, usual if usual in local else next(iter(local), None))
    others = _others(local, indexes.value(st.query_params.get_all("index_of")))
    return address.follow(
        "index-form",
        {
            "index_against": address.choice(AGAINST, EMBEDDER),
            "index_of": indexes,
            "index_other": address.choice(others, USUAL_EMBEDDER if USUAL_EMBEDDER in others else None),
            "index_folder": address.words(),
            "index_chunks": address.number(CHUNKS, 3, MOST_CHUNKS),
        },
    )


def _others(local: list[str], name: str | None) -> list[str]:
    """What an index can be compared with."""
    return [each for each in local if each != name]


def _steps(services: Services, name: str, other: str | None, folder: str, chunks: int) -> Steps[MeasuredIndexes]:
    corpus = services.backends.corpus
    if other is not None:
        return embedder_steps(corpus, name, other, chunks=chunks)
    if not folder.strip():
        raise InputError("No folder is given. Write the data folder whose index is to be compared.")
    return folder_steps(corpus, name, services.premises.check_path(folder))


def _show(found: MeasuredIndexes) -> None:
    for line in side_words(found):
        st.write(literal(line))
    show(table_html(INDEX_HEADS, index_rows(found), "index-drift"))
    show(note_html(" ".join(INDEX_NOTES)))
    show_download("Download comparison as JSON", json.dumps(asdict(found), indent=1), "index-drift.json")
