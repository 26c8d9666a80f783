"""What needs a look, file by file: waiting, pending, failed, read in part, doubtful; and the folders that are followed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from app.documents.words import attention_words, file_name, source_words
from app.kit.numbers import count, size
from app.permitting.roles import Role
from app.services import Services
from app.views.documents.html import standing_html
from app.views.documents.indexing import start
from app.views.kit.html import note_html, show
from app.views.kit.visitor import only, refused

if TYPE_CHECKING:
    from app.documents.listing import Attention, Listed
    from app.documents.lookup import TargetKind
    from backends.local.corpus import CorpusState, LocalCorpus
    from backends.local.documents import DocumentLibrary, DocumentSummary

SHOWN = 10
"""Rows of each kind at first, and how many more at a press."""


def find_attention(corpus: "LocalCorpus", found: "CorpusState") -> "Attention":
    """What needs a look, as much of it as is shown."""
    from app.documents.listing import needs_attention

    return needs_attention(corpus, found, _rows_shown())


def show_attention(library: "DocumentLibrary", found: "Attention", *, running: bool) -> None:
    """Every file that waits or failed and every document that is pending or was not surely read in full, with its reason and Remove.

    running: whether a job is at work, which may be reading any file that waits.
    """
    if not found.total:
        return
    with st.expander(f"Needs a look: {attention_words(found)}", expanded=True, key="attention"):
        for file in found.waiting[: _rows_shown()]:
            show_row(
                "waiting",
                file.path,
                size(file.size),
                (),
                f"waiting-{file.sequence}",
                removing(library, "waiting", str(file.sequence)),
                disabled=running,
            )
        for document in found.pending:
            _show_pending(library, document)
        for failed in found.failed:
            remove = removing(library, "file", failed.path)
            name = file_name(failed.path)
            detail = failed.path if failed.path != name else ""
            show_row("failed", name, detail, (failed.problem or "",), f"failed-{failed.path}", remove)
        for each in found.doubtful[: _rows_shown()]:
            _show_doubtful(library, each)
        shown = max(len(found.waiting), len(found.pending_chars), found.failed_total, len(found.doubtful))
        if shown > _rows_shown():
            st.button("Show more", key="attention-more", on_click=_show_more)


def show_sources(services: Services, corpus: "LocalCorpus", *, running: bool) -> None:
    """The folders and files that are followed, each with Read again and Remove."""
    from app.documents.listing import list_sources

    sources = list_sources(corpus.library)
    if not sources:
        return
    title = f"{count(len(sources), 'folder or file', 'folders and files')} followed"
    with st.expander(title, key="sources"):
        show(note_html("Given to raglass index in a shell. Read again follows what is new, changed, renamed or gone."))
        shown = st.session_state.get("sources_shown", SHOWN)
        for each in sources[:shown]:
            root = each.source.root
            with st.container(horizontal=True, vertical_alignment="center", key=f"row-{root}"):
                show(standing_html("", root, source_words(each), ()))
                if st.button(
                    "Read again",
                    key=f"again-{root}",
                    icon=":material/sync:",
                    **only(
                        Role.EDITOR,
                        disabled=running or not each.readable,
                        help=None if each.readable else "It is not there, or this process may not read it.",
                    ),
                ):
                    start(services, corpus, sources=[each.source])
                    st.rerun()
                remove_button(
                    f"remove-{root}",
                    "The folder is followed no longer, and its documents leave the corpus. The files stay where they are.",
                    removing(corpus.library, "source", root),
                )
        if len(sources) > shown:
            st.button("Show more", key="sources-more", on_click=_show_more_sources)


def show_row(
    standing: str,
    title: str,
    detail: str,
    reasons: tuple[str, ...],
    key: str,
    remove: "Removing",
    document_id: str = "",
    *,
    disabled: bool = False,
) -> None:
    """One file or document, and a button that removes it."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"row-{key}"):
        show(standing_html(standing, title, detail, reasons, document_id))
        remove_button(
            f"remove-{key}", "It leaves the corpus. To have it back, add its file again.", remove, disabled=disabled
        )


@dataclass(frozen=True, slots=True)
class Removing:
    """Something that can be removed."""

    do: Callable[[], object]
    """Removes it."""
    why_not: str
    """Why whoever uses the page may not; empty if they may."""


def removing(library: "DocumentLibrary", kind: "TargetKind", name: str) -> Removing:
    """A document, a file or a source, by what `Target` calls it."""
    from app.documents.lookup import Target, refusal_to_remove, remove_target

    target = Target(kind, name, name, 0)
    return Removing(partial(remove_target, library, target), refusal_to_remove(library, target))


def remove_button(key: str, words: str, remove: Removing, *, disabled: bool = False) -> None:
    """Asks before it removes; the index keeps answering from a document until it is built again."""
    with st.popover("Remove", icon=":material/delete:", key=f"ask-{key}", **refused(remove.why_not, disabled=disabled)):
        st.write(words)
        if st.button("Remove it", key=key, disabled=bool(remove.why_not)):
            remove.do()
            st.rerun()


def _show_doubtful(library: "DocumentLibrary", found: "Listed") -> None:
    """A document or, where it has no id, the archive that documents lie in."""
    if found.document_id is None:
        remove = removing(library, "file", found.file)
        detail = found.source if found.source != found.title else ""
        show_row(found.state, found.title, detail, found.reasons, f"archive-{found.source}", remove)
        return
    show_row(
        found.state,
        found.title,
        f"{found.source} · {count(found.chars or 0, 'character')}",
        found.reasons,
        f"{found.state}-{found.document_id}",
        removing(library, "document", found.document_id),
        found.document_id,
    )


def _show_pending(library: "DocumentLibrary", document: "DocumentSummary") -> None:
    show_row(
        "pending",
        document.title,
        f"{document.source} · {count(document.chars, 'character')}",
        document.doubts,
        f"pending-{document.document_id}",
        removing(library, "document", document.document_id),
        document.document_id,
    )


def _rows_shown() -> int:
    number: int = st.session_state.get("attention_shown", SHOWN)
    return number


def _show_more() -> None:
    st.session_state["attention_shown"] = _rows_shown() + SHOWN


def _show_more_sources() -> None:
    st.session_state["sources_shown"] = st.session_state.get("sources_shown", SHOWN) + SHOWN
