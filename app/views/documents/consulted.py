"""The documents by use: a table that opens the traces for which one was consulted, and those that no question ever consulted."""

from typing import TYPE_CHECKING

import streamlit as st

from app.documents.words import SINCE_S
from app.kit.numbers import MISSING, percent, share
from app.kit.wording import ASKERS
from app.views.kit import state
from app.views.kit.address import Write
from app.views.kit.html import chart_title_html, note_html, show
from app.views.kit.table import Column, Row, number_cell, show_table, way

if TYPE_CHECKING:
    from app.documents.consulted import Counted, Use
    from backends.local.corpus import LocalCorpus

COLUMNS = (
    Column("document", "Document", "question", width_rem=18),
    Column("asked", "Questions", "number", local=True, help="For which a chunk of it was retrieved."),
    Column("answered", "Answered", "number", local=True),
    Column("abstained", "Abstained", "number", local=True, help="The generator found no answer in the chunks."),
    Column("failed", "Failed", "number", local=True),
    Column("confidence", "Confidence", "number", local=True, help="Mean confidence of these questions."),
    Column("up", "Rated up", "number", local=True, help="Of people, for these answers."),
    Column("down", "Rated down", "number", local=True, help="Of people, for these answers."),
    Column("chunks", "Chunks", "number", local=True, help="In the index."),
)

NEVER = (COLUMNS[0], COLUMNS[-1])

FRESH_S = 15
"""Seconds for which what was counted is shown again, whoever looks."""

MEANING = (
    "A document is consulted when a chunk of it is retrieved for a question, whether or not the answer uses it. Questions are counted "
    "by whole days, UTC; those of traces that are deleted are taken back. What has no chunk of its own in the index is not counted: a file "
    "that could not be read, or a document whose text another one has."
)


def show_consulted(corpus: "LocalCorpus", backend: str, write: Write) -> None:
    """How each document was used."""
    from app.documents.consulted import LISTED, expression_of, read_consulted

    with st.container(horizontal=True, vertical_alignment="bottom"):
        since = st.selectbox("In the last", list(SINCE_S), key="since", on_change=write, width=150)
        asked_by = st.selectbox("Asked by", list(ASKERS), key="asked_by", on_change=write, width=150)
    found = read_consulted(corpus, _counted(backend, since, ASKERS[asked_by]))
    show(chart_title_html(found.headline))
    show(note_html("A click on a document opens the traces for which it was consulted.", MEANING))
    if found.used:
        done = show_table(
            COLUMNS,
            [
                _row(use, way("traces", expression=expression_of(use.document_id), backends=backend))
                for use in found.used
            ],
            key="consulted",
            label="Documents that were consulted, a row each",
            file_name="documents-consulted.csv",
        )
        if done.opened is not None:
            chosen = {"expression": expression_of(done.opened), "backends": backend}
            st.switch_page("../pages/traces.py", query_params=chosen)
    if found.never:
        first = f", the first {LISTED}" if found.never_total > LISTED else ""
        with st.expander(f"{found.rest}{first}"):
            done = show_table(
                NEVER,
                [_row(use, way("corpus", document=use.document_id)) for use in found.never],
                key="never-consulted",
                label="Documents that no question consulted, a row each",
            )
            if done.opened is not None:
                st.query_params["document"] = done.opened
                st.rerun()


@st.cache_data(ttl=FRESH_S, max_entries=20, show_spinner=False)
def _counted(backend: str, since: str, origin: str | None) -> "Counted":
    """What the store says, which goes through every trace that is rated."""
    from app.documents.consulted import count_consulted

    return count_consulted(state.store(), backend, since, origin)


def _row(use: "Use", href: str) -> Row:
    ends, told = use.ends, zip(("up", "down"), use.thumbs, strict=True)
    return Row(
        use.document_id,
        {
            "document": use.title,
            "asked": number_cell(ends.asked, f"{ends.asked:,}"),
            "answered": number_cell(ends.answered, share(ends.answered, ends.asked)),
            "abstained": number_cell(ends.abstained, share(ends.abstained, ends.asked)),
            "failed": number_cell(ends.failed, share(ends.failed, ends.asked)),
            "confidence": number_cell(ends.mean_confidence, percent(ends.mean_confidence)),
            **{name: number_cell(thumbs, f"{thumbs:,}" if any(use.thumbs) else MISSING) for name, thumbs in told},
            "chunks": number_cell(use.chunks, f"{use.chunks or 0:,}"),
        },
        href,
    )
