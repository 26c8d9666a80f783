"""Adding documents: the upload box, how long it will take, and what becomes of a file whose name is there already."""

from typing import TYPE_CHECKING

import streamlit as st

from app.documents.words import (
    NAMED,
    clash_words,
    estimate_sentence,
    formats_words,
    there_words,
    unread_words,
)
from app.permitting.roles import Role
from app.services import Services
from app.views.documents.indexing import start
from app.views.kit.html import note_html, show
from app.views.kit.markdown import literal
from app.views.kit.visitor import only

if TYPE_CHECKING:
    from app.documents.indexing import Sending
    from backends.local.corpus import LocalCorpus
    from backends.local.documents import DocumentLibrary

REPLACE, KEEP_BOTH = "Replace", "Keep both"


def upload_box(services: Services, corpus: "LocalCorpus") -> None:
    """Takes files, says how long they will take, and starts a job over them."""
    from app.documents.estimate import estimate
    from app.documents.indexing import prepare
    from backends.local.documents import SUFFIXES, format_of

    # A new key empties the box once its files are sent.
    box = f"files-{st.session_state.setdefault('sent_files', 0)}"
    chosen = st.file_uploader(
        "Add documents",
        accept_multiple_files=True,
        max_upload_size=services.settings.max_file_mb,
        key=box,
        **only(Role.EDITOR),
    )
    show(note_html(formats_words(), f"Files that end in {', '.join(SUFFIXES)}."))
    files = [file for file in chosen if format_of(file.name) is not None]
    if unread := [file.name for file in chosen if format_of(file.name) is None]:
        st.warning(literal(unread_words(unread)), icon=":material/block:")
    sending = prepare(corpus.library, [(file.name, file.getvalue()) for file in files])
    found = estimate(corpus, [(file.name, file.size) for file in files])
    if found.files:
        show(note_html(estimate_sentence(found)))
    settled = _settle_clashes(corpus.library, sending)
    disabled = not files or settled is None
    if st.button(
        "Add and index", type="primary", icon=":material/upload_file:", **only(Role.EDITOR, disabled=disabled)
    ):
        st.session_state["sent_files"] += 1
        if services.indexing.running:
            st.toast("Stored: the job that is running goes on with them.", icon=":material/inventory_2:")
        start(services, corpus, () if settled is None else settled.uploads)
        st.rerun()


def _settle_clashes(library: "DocumentLibrary", sending: "Sending") -> "Sending | None":
    """Ask, where a name is there already, what is to become of what is there; None until that is said."""
    if not sending.clashes:
        return sending
    # Another choice for other files: what was said of one name is not said of the next.
    key = f"clash-{'/'.join(sending.clashes)}"
    chosen = st.radio(literal(clash_words(sending.clashes)), [REPLACE, KEEP_BOTH], index=None, horizontal=True, key=key)
    for name in sending.clashes[:NAMED]:
        show(note_html(there_words(name, library.of_file(name))))
    if chosen is None:
        return None
    return sending.keeping_both() if chosen == KEEP_BOTH else sending
