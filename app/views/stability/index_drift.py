"""How far an index, or an embedder, is from another: a form, and what was measured."""

import json
from dataclasses import asdict

import streamlit as st

from app.services import Services
from app.stability.drift_words import INDEX_HEADS, INDEX_NOTES, index_rows, side_words
from app.stability.index_drift import CHUNKS, MeasuredIndexes, embedder_steps, folder_steps
from app.stability.steps import Steps
from app.views.kit import state
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show, table_html
from app.views.kit.layout import backstage
from app.views.kit.markdown import literal
from app.views.kit.visitor import refused
from app.views.stability.comparing import begin, show_comparison, why_busy
from pipeline.errors import InputError

EMBEDDER, FOLDER = "Another embedder", "Another data folder"


def show_index_drift() -> None:
    """The form, the work while it goes on, and what came of it."""
    services = state.services()
    jobs = services.comparisons.indexes
    names = services.backends.usable()
    local = [name for name in names if name.startswith("local/")]
    usual = services.settings.backend_name
    with backstage("index-against"):
        against = st.segmented_control("Compare with", (EMBEDDER, FOLDER), default=EMBEDDER, key="index-against")
    with backstage("index-drift"), st.form("index-form", border=False, enter_to_submit=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.selectbox("The index of", local, index=local.index(usual) if usual in local else 0)
            other, folder = None, ""
            if against == FOLDER:
                folder = st.text_input("Data folder", placeholder="the RAGLASS_DATA_DIR of the other", width=360)
            else:
                other = st.selectbox("The embedder of", [each for each in local if each != name] or local)
            chunks = st.number_input("Chunks", 3, 20_000, CHUNKS, width=120, disabled=against == FOLDER)
        pressed = st.form_submit_button(
            "Compare", type="primary", icon=":material/compare_arrows:", **refused(why_busy(jobs))
        )
    if pressed:
        jobs.forget()  # what is wrong with the form is said without what came of another
        begin(jobs, _steps(services, str(name), other, folder, int(chunks)))
    found = show_comparison(jobs, "Opening both sides …", "index-drift")
    if found is not None:
        _show(found)
    elif jobs.job is None:
        st.info("The same chunks by two sets of vectors: what a search would notice of a change of embedder or index.")


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
