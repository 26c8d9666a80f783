"""The documents of the corpus: one with its chunks, and a searchable, paged list."""

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from app.documents.doubts import own_doubts
from app.documents.twins import same_words
from app.documents.words import chunk_note, listed_words
from app.views.documents.attention import remove_button, removing
from app.views.documents.html import plain_chunk_html
from app.views.documents.listed import show_listed
from app.views.kit.address import Write
from app.views.kit.html import note_html, show
from app.views.kit.markdown import literal, message

if TYPE_CHECKING:
    from backends.local.corpus import LocalCorpus

PAGE_SIZE = 25

WHOSE = ("All", "Mine")
"""Whose documents are listed; `Mine` leaves out what is built in."""


def show_opened(corpus: "LocalCorpus") -> bool:
    """The document that the address names; False where it names none."""
    document_id = st.query_params.get("document")
    if document_id:
        _show_document(corpus, document_id)
        st.divider()
    return bool(document_id)


def show_documents(corpus: "LocalCorpus", write: Write) -> None:
    """Documents in the index and not yet in it, one's own before the built-in ones, to be searched."""
    from app.documents.listing import list_documents

    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input("Search titles and file names", key="search", on_change=write, type="search")
        if corpus.has_builtin:
            st.radio("Whose", WHOSE, key="whose", on_change=write, horizontal=True, label_visibility="collapsed")
    number = st.session_state.get("documents_shown", PAGE_SIZE)
    found = list_documents(corpus, search, number, builtin=st.session_state.get("whose") != "Mine")
    if not found.rows:
        st.info("No document matches. Search for another word, or clear the box.")
        return
    show_listed(found.rows, st.query_params.to_dict(), _open, whole=len(found.rows) == found.total)
    show(note_html(f"{listed_words(found)}. A click on a document shows its chunks."))
    if len(found.rows) < found.total and st.button("Show more"):
        st.session_state["documents_shown"] = number + 4 * PAGE_SIZE
        st.rerun()


def _show_document(corpus: "LocalCorpus", document_id: str) -> None:
    from app.documents.lookup import open_document

    st.button("All documents", icon=":material/arrow_back:", on_click=_close)
    found = open_document(corpus, document_id)
    if found is None:
        st.info("There is no document with this id. It may have been removed.")
        return
    st.header(literal(found.document.title), anchor=False)
    show(note_html(found.document.source))
    for doubt in own_doubts(found.document.source, found.document.doubts):
        st.warning(message(doubt), icon=":material/rule:")
    if corpus.library.get(document_id) is not None:
        _remove_button(corpus, document_id)
    if found.same is not None:
        st.info(message(same_words(found.same)))
    elif not found.chunks:
        st.info("This document is not in the index yet: press Index now.")
    for number, chunk in enumerate(found.chunks, start=1):
        show(plain_chunk_html(number, chunk.text, chunk_note(chunk)))


def _open(document_id: str) -> None:
    st.query_params["document"] = document_id


def _close() -> None:
    st.query_params.pop("document", None)


def _remove_button(corpus: "LocalCorpus", document_id: str) -> None:
    found = removing(corpus.library, "document", document_id)

    def remove() -> None:
        found.do()
        del st.query_params["document"]

    words = "The document is deleted from the data folder. To have it back, add its file again."
    remove_button("remove-document", words, replace(found, do=remove))
