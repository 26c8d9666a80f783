"""How far an index, or an embedder, is from another: a form, and what was measured."""

import json
from dataclasses import asdict

import streamlit as st

from app.stability.drift import CHUNKS, MeasuredIndexes, compare_embedders, compare_folders
from app.stability.drift_words import INDEX_HEADS, INDEX_NOTES, index_rows, progress_words, side_words
from app.views.kit import state
from app.views.kit.downloads import show_download
from app.views.kit.following import LEAVING_STOPS
from app.views.kit.html import note_html, show, table_html
from app.views.kit.layout import backstage
from app.views.kit.markdown import literal
from app.views.kit.work import NOTHING_KEPT, shown_work
from pipeline.errors import InputError

EMBEDDER, FOLDER = "Another embedder", "Another data folder"


def show_index_drift() -> None:
    """The form, the work while it goes on, and what came of it."""
    names = state.services().backends.usable()
    local = [name for name in names if name.startswith("local/")]
    usual = state.services().settings.backend_name
    with backstage("index-against"):
        against = st.segmented_control("Compare with", (EMBEDDER, FOLDER), default=EMBEDDER, key="index-against")
    with backstage("index-drift"), st.form("index-form", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.selectbox("The index of", local, index=local.index(usual) if usual in local else 0)
            other, folder = None, ""
            if against == FOLDER:
                folder = st.text_input("Data folder", placeholder="the RAGLASS_DATA_DIR of the other", width=360)
            else:
                other = st.selectbox("The embedder of", [each for each in local if each != name] or local)
            chunks = st.number_input("Chunks", 3, 20_000, CHUNKS, width=120, disabled=against == FOLDER)
        pressed = st.form_submit_button("Compare", type="primary", icon=":material/compare_arrows:")
    if pressed:
        st.session_state["index_drift"] = None
        st.session_state["index_drift"] = _measure(str(name), other, folder, int(chunks))
    found: MeasuredIndexes | None = st.session_state.get("index_drift")
    if found is None:
        st.info("The same chunks by two sets of vectors: what a search would notice of a change of embedder or index.")
        return
    _show(found)


def _measure(name: str, other: str | None, folder: str, chunks: int) -> MeasuredIndexes:
    services = state.services()
    if other is None:
        if not folder.strip():
            raise InputError("No folder is given. Write the data folder whose index is to be compared.")
        return compare_folders(services.backends.corpus, name, services.premises.check_path(folder))
    with shown_work(f"Opening both embedders … {LEAVING_STOPS}", NOTHING_KEPT, "index-drift") as tell:
        return compare_embedders(
            services.backends.corpus,
            name,
            other,
            chunks=chunks,
            on_progress=lambda done, total: tell(done, total, f"{progress_words(done, total)}. {LEAVING_STOPS}"),
        )


def _show(found: MeasuredIndexes) -> None:
    for line in side_words(found):
        st.write(literal(line))
    show(table_html(INDEX_HEADS, index_rows(found), "index-drift"))
    show(note_html(" ".join(INDEX_NOTES)))
    show_download("Download comparison as JSON", json.dumps(asdict(found), indent=1), "index-drift.json")
