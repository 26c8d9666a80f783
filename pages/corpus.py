"""Corpus: the documents, adding more, the state of the index, and the embedding map."""

import streamlit as st

from app.documents.words import SINCE_S
from app.kit.glossary import explained
from app.kit.wording import ASKERS, corpus_summary
from app.views.asking.page import choose_backend, usual_backend
from app.views.documents.attention import find_attention, show_attention, show_sources
from app.views.documents.consulted import show_consulted
from app.views.documents.embedding_map import SHOWN, show_map
from app.views.documents.indexing import show_index_state, show_job
from app.views.documents.page import WHOSE, show_documents, show_opened
from app.views.documents.uploading import upload_box
from app.views.kit import address, state
from app.views.kit.html import note_html, show
from app.views.kit.layout import backstage, grid
from app.views.kit.markdown import message
from pipeline.errors import RaglassError

TABS = ("Documents", "Consulted", "Embedding map")

st.title("Corpus", anchor=False)
services = state.services()

try:
    backends = services.backends.usable()
    write = address.follow(
        "corpus",
        {
            "backend": address.choice(backends, usual_backend(services, backends)),
            "corpus_tab": address.choice(TABS, TABS[0]),
            "search": address.words(),
            "whose": address.choice(WHOSE, WHOSE[0]),
            "since": address.choice(list(SINCE_S), "month"),
            "asked_by": address.choice(list(ASKERS), "people"),
            "on_map": address.choice(SHOWN, SHOWN[0]),
            "map_question": address.words(),
        },
    )
    with st.sidebar:
        backend = choose_backend(services, backends, write)
    corpus = services.backends.corpus(backend)
    if corpus is None:
        st.info(
            "This backend keeps its documents elsewhere: `raglass ingest` puts the local corpus into a stack's index. "
            "Choose a local backend to see and add documents here."
        )
        st.stop()
    one = show_opened(corpus)
    adding, standing = grid([3, 2], "corpus")
    with adding, backstage("upload"):
        upload_box(services, corpus)
    show_job(services)
    running = services.indexing.running
    found = corpus.state()
    attention = find_attention(corpus, found)
    with standing:
        held, how = corpus_summary(found.manifest, found.builtin_documents, found.added_documents)
        show(note_html(held, f"{how} {explained('chunk', 'embedding')}".strip()))
        show_index_state(services, corpus, found, attention, running=running)
    with backstage("attention"):
        show_attention(corpus.library, attention, running=running)
    show_sources(services, corpus, running=running)
    if not one and found.manifest is None:
        show_documents(corpus, write)
    elif not one:
        documents, used, mapped = st.tabs(TABS, key="corpus_tab", on_change=write)
        if documents.open:
            with documents:
                show_documents(corpus, write)
        if used.open:
            with used:
                show_consulted(corpus, backend, write)
        if mapped.open:
            with mapped:
                show_map(corpus, backend, write)
except RaglassError as error:
    st.error(message(str(error)), icon=":material/error:")
