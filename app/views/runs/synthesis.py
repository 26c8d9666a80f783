"""Questions written from the documents, on the Runs page: what to write, and how far that is."""

from contextlib import closing

import streamlit as st

from app.permitting.roles import Role
from app.runs.synthesis import MOST_QUESTIONS, Of, SynthesisPlan, SynthesisStep, Writer
from app.runs.synthesis_words import outcome_words, progress_words, rejected_words
from app.views.kit import state
from app.views.kit.html import note_html, show
from app.views.kit.layout import backstage
from app.views.kit.markdown import message
from app.views.kit.visitor import only
from app.views.kit.ways import show_way
from app.views.kit.work import shown_work
from pipeline.errors import RaglassError

OF: dict[Of, str] = {"all": "All documents", "builtin": "The built-in articles", "added": "Documents that were added"}

WRITERS: dict[Writer, str] = {"templates": "Templates", "model": "The backend's generator"}


def show_synthesis() -> None:
    """The form, and the work that goes on."""
    with backstage("synthesis"), st.expander("Write questions from the documents"):
        show(
            note_html(
                "Each is checked: a reader must find the expected answer in the chunk alone. They are marked as synthetic wherever they "
                "are asked; people may ask otherwise. Templates read English."
            )
        )
        services = state.services()
        usable = services.backends.usable()
        usual = services.settings.backend_name
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input("Name of the dataset", "synthetic", key="synthesis-name", max_chars=60, width=220)
            backend = st.selectbox(
                "Backend", usable, index=usable.index(usual) if usual in usable else 0, key="synthesis-backend"
            )
            corpus = st.selectbox("From", list(OF), format_func=OF.__getitem__, key="synthesis-corpus")
            writer = st.selectbox("Written by", list(WRITERS), format_func=WRITERS.__getitem__, key="synthesis-writer")
            count = st.number_input("Questions", 1, MOST_QUESTIONS, 100, key="synthesis-count", width=120)
            seed = st.number_input("Seed", 0, 1_000_000, 0, key="synthesis-seed", width=100)
        disabled = not name.strip() or backend is None
        if st.button("Write them", icon=":material/edit_note:", **only(Role.EDITOR, disabled=disabled)):
            _write(SynthesisPlan(name.strip(), backend or "", corpus, int(count), int(seed), writer))


def _write(plan: SynthesisPlan) -> None:
    last: SynthesisStep | None = None
    kept = "What is decided is kept; the same button goes on from there."
    try:
        with (
            closing(state.services().synthesis.write(plan)) as steps,
            shown_work("Reading the documents …", kept, "synthesis") as tell,
        ):
            for last in steps:
                tell(len(last.tally.kept), last.tally.wanted, progress_words(last))
    except RaglassError as error:
        st.error(message(str(error)), icon=":material/error:")
        return
    if last is None or last.version is None:
        return
    st.success(message(outcome_words(last)), icon=":material/check:")
    for line in rejected_words(last.tally):
        show(note_html(line))
    show_way("Open it", "table_view", "open-synthesis", to="runs", dataset=last.version.name)
