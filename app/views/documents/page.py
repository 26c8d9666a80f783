"""The documents of the corpus: a searchable, paged list, and one document with its chunks."""

from typing import TYPE_CHECKING

import streamlit as st

from app.kit.wording import count
from app.views.documents.html import documents_html, plain_chunk_html
from app.views.kit.address import Write
from app.views.kit.html import note_html, show
from app.views.kit.markdown import literal

if TYPE_CHECKING:
    from backends.local.corpus import LocalCorpus

PAGE_SIZE = 25


def show_documents(corpus: "LocalCorpus", write: Write) -> None:
    """The list, or the document that the address names."""
    document_id = st.query_params.get("document")
    if document_id:
        _show_document(corpus, document_id)
    else:
        _show_list(corpus, write)


def _show_list(corpus: "LocalCorpus", write: Write) -> None:
    search = st.text_input("Search titles and file names", key="search", on_change=write, type="search")
    number = st.session_state.get("documents_shown", PAGE_SIZE)
    rows = corpus.index.documents(search=search, limit=number + 1)
    if not rows:
        st.info("No document matches. Search for another word, or clear the box.")
        return
    show(documents_html(rows[:number]))
    show(note_html(f"{count(min(len(rows), number), 'document')} of {corpus.index.count_documents(search):,}"))
    if len(rows) > number and st.button("Show more"):
        st.session_state["documents_shown"] = number + 4 * PAGE_SIZE
        st.rerun()


def _show_document(corpus: "LocalCorpus", document_id: str) -> None:
    st.button("All documents", icon=":material/arrow_back:", on_click=_close)
    chunks = corpus.index.chunks_of(document_id)
    stored = corpus.library.get(document_id)
    if not chunks and stored is None:
        st.info("There is no document with this id in the index. It may have been removed.")
        return
    st.subheader(literal(chunks[0].title if chunks else stored.title if stored else ""), anchor=False)
    if stored is not None:
        _remove_button(corpus, document_id)
    if not chunks:
        st.info("This document is not in the index yet: press Index now.")
    for number, chunk in enumerate(chunks, start=1):
        show(
            plain_chunk_html(
                number, chunk.text, f"{count(chunk.sentences, 'sentence')} · {len(chunk.text):,} characters"
            )
        )


def _close() -> None:
    st.query_params.pop("document", None)


def _remove_button(corpus: "LocalCorpus", document_id: str) -> None:
    """Asks before it removes; the index keeps answering from the document until it is built again."""
    with st.popover("Remove from the corpus", icon=":material/delete:"):
        st.write("The document is deleted from the data folder. To have it back, add its file again.")
        if st.button("Remove it"):
            corpus.library.remove(document_id)
            del st.query_params["document"]
            st.rerun()
