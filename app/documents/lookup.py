"""What a person names: a document by its id or source, a file, or a source; to be shown, or to be removed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from app.documents.owning import file_of, may_remove_all, refusal_of, require_sender
from app.permitting.acting import record
from backends.local.corpus import LocalCorpus
from backends.local.documents import BUILT_IN, Document, DocumentLibrary, builtin_documents, path_key
from backends.local.index import IndexedChunk
from pipeline.errors import InputError

TargetKind = Literal["source", "folder", "file", "waiting", "document"]


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be removed."""

    kind: TargetKind
    """A followed source with all of its documents, a folder in one, a file with all of its, a file that waits to be read, or one
    document."""
    name: str
    """The source's or file's path, the number of the waiting file, or the document's id."""
    words: str
    """Its path or title."""
    documents: int
    """How many documents go with it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A document with its chunks."""

    document: Document
    """The document."""
    chunks: tuple[IndexedChunk, ...]
    """Its chunks in the index; none where it is not in it yet, or others have its text."""
    same: tuple[IndexedChunk, ...] | None = None
    """Chunks of other documents that answer for one in the index that has none of its own; None for another."""
    problem: str = ""
    """Why its file could not be read when it had changed."""


def find_target(library: DocumentLibrary, text: str) -> Target:
    """What a text names. Raises InputError where that is nothing, or a document that is built in."""
    for name in _names(text):
        if library.sources.get(name) is not None:
            return Target("source", name, name, library.sources.counts().get(name, (0, 0))[1])
        for waiting in library.uploads.waiting():
            if waiting.path == name:
                return Target("waiting", str(waiting.sequence), name, 0)
        if (file := library.sources.file(name)) is not None and not file.removed:
            return Target("file", name, name, len(library.of_file(name)))
        if (one := library.of_source(name)) is not None:
            return Target("document", one.document_id, one.title, 1)
        if inside := library.sources.files_in(name):
            return Target("folder", name, name, sum(len(library.of_file(path)) for path in inside))
    if (document := library.get(text)) is not None:
        return Target("document", text, document.title, 1)
    if any(each.document_id == text for each in builtin_documents()) or text == BUILT_IN:
        raise InputError(f"{text} is built in. RAGLASS_BUILTIN_CORPUS=0 leaves the built-in articles out.")
    raise InputError(_nothing(text))


def remove_target(library: DocumentLibrary, target: Target) -> int:
    """Remove it; how many documents went. The index answers from them until it is built again.

    Takes whoever sent it, or an admin. Raises NotPermitted, StoreError.
    """
    path = path_of(library, target)
    require_sender(path)
    gone = _remove(library, target)
    record("removed a document" if target.kind == "document" else f"removed a {target.kind} of documents", path)
    return gone


def refusal_to_remove(library: DocumentLibrary, target: Target) -> str:
    """Why who is acting may not remove it; empty if they may."""
    return "" if may_remove_all() else refusal_of(path_of(library, target))


def path_of(library: DocumentLibrary, target: Target) -> str:
    """The path of the file, or the folder, that a target is or lies in."""
    match target.kind:
        case "waiting":
            return next((each.path for each in library.uploads.waiting() if str(each.sequence) == target.name), "")
        case "document":
            return file_of(library, target.name)
        case _:
            return target.name


def _remove(library: DocumentLibrary, target: Target) -> int:
    match target.kind:
        case "source":
            return library.sources.remove(target.name)
        case "folder":
            return sum(library.sources.forget(path, removed=True) for path in library.sources.files_in(target.name))
        case "file":
            return library.sources.forget(target.name, removed=True)
        case "waiting":
            library.uploads.done(int(target.name))
            return 0
        case "document":
            return int(library.remove(target.name))


def show_documents(corpus: LocalCorpus, text: str) -> list[Shown]:
    """The documents that a text names, by id or by source, with their chunks.

    Raises InputError where there are none, with the reason where it names a file that waits or failed.
    """
    library = corpus.library
    ids = [text]
    why = ""
    for name in _names(text):
        why = why or _without_document(library, name)
        ids += [each.document_id for each in library.of_file(name)]
        ids += [one.document_id] if (one := library.of_source(name)) is not None else []
    found = [document for each in dict.fromkeys(ids) if (document := library.get(each)) is not None]
    found = found or [each for each in builtin_documents() if each.document_id == text]
    if not found:
        raise InputError(why or _nothing(text))
    indexed = corpus.indexed()
    return [replace(_shown(corpus, each, indexed), problem=why) for each in found]


def open_document(corpus: LocalCorpus, document_id: str) -> Shown | None:
    """A document by its id, one that was removed and is still in the index too; None where there is none."""
    document = corpus.library.get(document_id)
    if document is not None:
        return _shown(corpus, document, corpus.indexed())
    chunks = tuple(corpus.index.chunks_of(document_id)) if corpus.has_index() else ()
    return Shown(Document(document_id, chunks[0].title, "", chunks[0].source), chunks) if chunks else None


def _shown(corpus: LocalCorpus, document: Document, indexed: Mapping[str, int]) -> Shown:
    match indexed.get(document.document_id):
        case None:
            return Shown(document, ())
        case 0:
            return Shown(document, (), tuple(corpus.same_chunks(document)))
        case _:
            return Shown(document, tuple(corpus.index.chunks_of(document.document_id)))


def _without_document(library: DocumentLibrary, name: str) -> str:
    """Why a file has not given what it holds now: it waits or failed. Empty for another."""
    if any(waiting.path == name for waiting in library.uploads.waiting()):
        return f"{name} waits to be read: run `raglass index`."
    file = library.sources.file(name)
    return (file.problem or "") if file is not None else ""


def _names(text: str) -> list[str]:
    """A text as it is, and as the path that it may be."""
    try:
        return list(dict.fromkeys((text, path_key(Path(text).expanduser().resolve()))))
    except (OSError, ValueError, RuntimeError):
        return [text]


def _nothing(text: str) -> str:
    return f"There is no document, file or source {text!r}. `raglass corpus list --search WORD` finds them."
