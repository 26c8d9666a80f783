"""Adding documents: the upload box, and an indexing job while it runs and after it ended."""

from typing import TYPE_CHECKING

import streamlit as st

from app.documents.words import index_text, progress_text
from app.services import Services
from app.views.kit import state
from app.views.kit.markdown import literal
from pipeline.errors import InputError

if TYPE_CHECKING:
    from app.documents.indexing import JobState, Upload
    from backends.local.corpus import CorpusState, LocalCorpus

REFRESH_S = 0.7


def upload_box(services: Services, corpus: "LocalCorpus") -> None:
    """Takes files and starts a job over them."""
    from app.documents.indexing import Upload
    from backends.local.documents import SUFFIXES

    with st.form("upload", clear_on_submit=True, border=False):
        limit = services.settings.max_file_mb
        files = st.file_uploader(
            f"Add documents: {', '.join(SUFFIXES)}",
            accept_multiple_files=True,
            max_upload_size=limit,
            key="files",
        )
        sent = st.form_submit_button("Add and index", type="primary", icon=":material/upload_file:")
    if sent and not files:
        st.info("Choose one or more files first.")
    elif sent:
        start(services, corpus, [Upload(file.name, file.getvalue()) for file in files])


def start(services: Services, corpus: "LocalCorpus", uploads: "list[Upload]", *, rebuild: bool = False) -> None:
    """Start a job, unless one is running."""
    try:
        services.indexing.start(corpus, uploads, rebuild=rebuild)
    except InputError as error:
        st.warning(literal(str(error)))


def show_index_state(services: Services, corpus: "LocalCorpus", found: "CorpusState") -> None:
    """Whether the index covers the documents, and what to press if it does not."""
    running = services.indexing.running
    if found.manifest is None:
        st.warning(literal(found.problem or "No index."), icon=":material/warning:")
    elif found.stale and not running:
        st.warning("Documents were added or removed since the index was built.", icon=":material/update:")
    if running:
        return
    with st.container(horizontal=True):
        if (found.stale or found.manifest is None) and st.button(
            "Index now", type="primary", icon=":material/play_arrow:"
        ):
            start(services, corpus, [])
            st.rerun()
        if st.button(
            "Rebuild", icon=":material/refresh:", help="Build the index anew. Vectors already computed are used again."
        ):
            start(services, corpus, [], rebuild=True)
            st.rerun()


def show_job(services: Services) -> None:
    """The job, followed while it runs; its outcome once it ended."""
    job = services.indexing.job
    if job is None:
        return
    if job.running:
        _follow()
        return
    show_outcome(job.state)
    st.button("Dismiss", on_click=services.indexing.forget)


@st.fragment(run_every=REFRESH_S)
def _follow() -> None:
    job = state.services().indexing.job
    if job is None or not job.running:
        st.rerun()
    st.progress(fraction(job.state), text=literal(progress_text(job.state)))
    if st.button("Stop", icon=":material/stop:", help="What is embedded so far is kept; Index now goes on from there."):
        job.stop()


def fraction(found: "JobState") -> float:
    """How much of the present step is done, in [0, 1]."""
    if found.phase == "reading":
        return found.files_done / max(found.files_total, 1)
    return found.progress.done / max(found.progress.total, 1) if found.progress else 0.0


def show_outcome(found: "JobState") -> None:
    """How a job ended, bad files included."""
    match found.phase:
        case "done":
            say = st.warning if found.outcome.errors else st.success
            say("  \n".join(map(literal, index_text(found).splitlines())), icon=":material/info:")
        case "stopped":
            st.info(
                "Stopped. The previous index is in place and what was embedded is kept: Index now goes on from there.",
                icon=":material/pause:",
            )
        case _:
            st.error(literal(found.message), icon=":material/error:")
    for file, message in found.outcome.errors:
        named = message if message.startswith(file) else f"{file}: {message}"
        st.error(literal(named), icon=":material/description:")
