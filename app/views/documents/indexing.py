"""The state of the index, and an indexing job while it runs and after it ended."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from app.documents.words import (
    estimate_sentence,
    estimate_words,
    index_text,
    missing_words,
    progress_text,
)
from app.permitting.roles import Role
from app.services import Services
from app.views.kit import state
from app.views.kit.html import note_html, show
from app.views.kit.layout import backstage
from app.views.kit.markdown import literal, message
from app.views.kit.visitor import only, refused
from pipeline.errors import RaglassError

if TYPE_CHECKING:
    from app.documents.indexing import Upload
    from app.documents.job import JobState
    from app.documents.listing import Attention
    from backends.local.corpus import CorpusState, LocalCorpus
    from backends.local.documents import Source
    from backends.local.manifest import Manifest

REFRESH_S = 0.7


def start(
    services: Services,
    corpus: "LocalCorpus",
    uploads: "Sequence[Upload]" = (),
    *,
    sources: "Sequence[Source]" = (),
    rebuild: bool = False,
) -> None:
    """Start a job, or give it to the one that is running."""
    try:
        services.indexing.start(corpus, uploads, sources=sources, rebuild=rebuild)
    except RaglassError as error:
        st.warning(message(str(error)))


def show_index_state(
    services: Services, corpus: "LocalCorpus", found: "CorpusState", attention: "Attention", *, running: bool
) -> None:
    """Whether the index covers the documents and, unless a job is running, what to press if it does not."""
    if found.manifest is None:
        st.warning(message(found.problem or "No index."), icon=":material/warning:")
    if running:
        return
    behind = found.stale or found.manifest is None or bool(attention.waiting)
    if found.stale:
        st.warning("Documents were added or removed since the index was built.", icon=":material/update:")
    if behind:
        _show_estimate(corpus, attention)
    if found.manifest is not None:
        _show_choice(corpus, found.manifest)
    with backstage("index"), st.container(horizontal=True):
        if behind and st.button("Index now", type="primary", icon=":material/play_arrow:", **only(Role.EDITOR)):
            start(services, corpus)
            st.rerun()
        if st.button(
            "Rebuild",
            icon=":material/refresh:",
            **only(Role.ADMIN, help="Build the index anew. Vectors already computed are used again."),
        ):
            start(services, corpus, rebuild=True)
            st.rerun()


def _show_choice(corpus: "LocalCorpus", manifest: "Manifest") -> None:
    """The kind of index that was chosen in the Lab, where the next build differs from what is there, and the way back."""
    choice = corpus.index_choice
    words = manifest.pending(choice)
    if words:
        st.info(message(f"{words}."), icon=":material/tune:")
    if choice is not None and st.button(
        "Choose the index automatically",
        icon=":material/undo:",
        **only(Role.ADMIN, help=f"{choice.name} was chosen in the Lab. Without it, builds choose by themselves again."),
    ):
        from app.documents.choosing import choose_automatically  # Where documents are kept elsewhere there is no FAISS.

        choose_automatically(corpus)
        st.rerun()


def _show_estimate(corpus: "LocalCorpus", attention: "Attention") -> None:
    """How long Index now would take."""
    from app.documents.estimate import estimate

    files = [(file.name, file.size) for file in attention.waiting]
    found = estimate(corpus, files, attention.pending_chars)
    if found.files or found.documents:
        show(note_html(f"Index now takes {estimate_words(found)}."))


def show_job(services: Services) -> None:
    """The job, followed while it runs; its outcome once it ended."""
    job = services.indexing.job
    if job is None:
        return
    if job.running:
        _follow()
        return
    show_outcome(job.state)
    _offer_asking(job.state)
    st.button("Dismiss", on_click=services.indexing.forget, **only(Role.EDITOR))


def _offer_asking(found: "JobState") -> None:
    """The way to Ask, once new documents can be asked about."""
    if found.phase == "done" and found.outcome.documents:
        words = "Ask about it" if found.outcome.documents == 1 else "Ask about them"
        st.page_link("../pages/ask.py", label=words, icon=":material/search:")


@st.fragment(run_every=REFRESH_S)
def _follow() -> None:
    job = state.services().indexing.job
    if job is None or not job.running:
        st.rerun()
    found = job.state
    st.progress(fraction(found), text=literal(progress_text(found)))
    if found.estimate is not None and found.phase == "reading":
        show(note_html(estimate_sentence(found.estimate)))
    # One button, whose words change: a second one in its place would lose the keyboard's focus.
    st.button(
        "Stopping…" if found.stopping else "Stop",
        key="stop-indexing",
        icon=":material/stop:",
        on_click=job.stop,
        **refused(
            job.refusal_to_stop(),
            disabled=found.stopping,
            help="What is read and embedded so far is kept; Index now goes on from there.",
        ),
    )


def fraction(found: "JobState") -> float:
    """How much of the present step is done, in [0, 1]."""
    if found.phase in ("looking", "reading"):
        return min(found.files_done / max(found.files_total, 1), 1.0)
    return found.progress.done / max(found.progress.total, 1) if found.progress else 0.0


def show_outcome(found: "JobState") -> None:
    """How a job ended; the files that were not read, or not surely, stand under *Needs a look* alone."""
    outcome = found.outcome
    words = "  \n".join(map(literal, index_text(found, shell=False).splitlines()))
    if outcome.failed or outcome.doubts:
        words += "  \n*Needs a look* says which files, and why."
    match found.phase:
        case "done":
            say = st.warning if outcome.failed or outcome.doubts or outcome.missing else st.success
            say(words, icon=":material/info:")
        case "stopped":
            st.info(words, icon=":material/pause:")
        case _:
            st.error(message(found.message), icon=":material/error:")
    for each in outcome.missing:
        st.warning(message(missing_words(each, shell=False)), icon=":material/folder_off:")
