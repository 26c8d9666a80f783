"""The documents of a corpus and how each stands: waiting, pending, indexed, read in part, doubtful or failed."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from app.documents.doubts import archive_doubts, own_doubts, standing_of
from app.documents.twins import same_words
from backends.local.corpus import CorpusState, LocalCorpus
from backends.local.documents import (
    BUILT_IN,
    DocumentLibrary,
    DocumentSummary,
    KnownFile,
    Source,
    WaitingFile,
    base_name,
    builtin_documents,
)

Standing = Literal["waiting", "failed", "pending", "read in part", "doubtful", "indexed"]
"""`waiting`: sent and not read yet. `pending`: read and not in the index yet. `read in part`: something could not be read.
`doubtful`: read whole, and perhaps wrongly."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A document, or a file that gave none."""

    state: Standing
    """How it stands."""
    document_id: str | None
    """The document's id; None for a file that waits or failed."""
    title: str
    """The document's title, or the file's name."""
    source: str
    """The file, or `built-in`."""
    chars: int | None = None
    """Length of the text."""
    chunks: int | None = None
    """Chunks in the index; None for what is not in it."""
    reasons: tuple[str, ...] = ()
    """Why it failed, what could not be read, or which document answers for it."""
    file: str = ""
    """The file that a document lies in."""

    @property
    def place(self) -> str:
        """The source, short: a file's name with its folder."""
        return "/".join(self.source.split("/")[-2:])


@dataclass(frozen=True, slots=True)
class Listing:
    """Some of the documents that were searched for."""

    rows: tuple[Listed, ...]
    """What waits and what failed first, then the last added first, then what is built in."""
    total: int
    """How many there are in all."""
    waiting: int = 0
    """Files among them that wait to be read, and are no documents yet."""
    failed: int = 0
    """Files among them that could not be read, and are no documents."""


@dataclass(frozen=True, slots=True)
class Attention:
    """What is not as it should be."""

    waiting: tuple[WaitingFile, ...]
    """Files that were sent and are not read yet, the smallest first."""
    pending: tuple[DocumentSummary, ...]
    """The first documents that are not in the index yet."""
    pending_chars: tuple[int, ...]
    """The length of every document that is not in the index yet."""
    failed: tuple[KnownFile, ...]
    """The first files that could not be read."""
    failed_total: int
    """How many there are."""
    doubtful: tuple[Listed, ...]
    """Documents, and archives by their path, that were read in part or not surely, the last added first."""

    @property
    def total(self) -> int:
        """How many there are of all kinds."""
        return len(self.waiting) + len(self.pending_chars) + self.failed_total + len(self.doubtful)


@dataclass(frozen=True, slots=True)
class ListedSource:
    """A folder or file that is followed."""

    source: Source
    """Which."""
    files: int
    """Files that it gave."""
    documents: int
    """Documents that they gave."""
    readable: bool
    """Whether this process may read it now."""


def list_sources(library: DocumentLibrary) -> list[ListedSource]:
    """Every folder and file that is followed, folders first."""
    counts = library.sources.counts()
    found = [
        ListedSource(source, *counts.get(source.root, (0, 0)), os.access(source.root, os.R_OK))
        for source in library.sources.all()
    ]
    return sorted(found, key=lambda each: (os.path.isfile(each.source.root), each.source.root))


def list_documents(corpus: LocalCorpus, search: str = "", limit: int = 50, *, builtin: bool = True) -> Listing:
    """The first documents. search: literal text of the title or source, in any case. builtin: whether with the built-in ones."""
    library, chunks = corpus.library, corpus.indexed()
    failed = library.sources.failed(library.sources.count_failed())
    files = [Listed("waiting", None, file.name, file.path) for file in library.uploads.waiting()]
    files += [Listed("failed", None, _name(file), file.path, reasons=(file.problem or "",)) for file in failed]
    found = [row for row in files if _holds(row, search)]
    waits = sum(row.state == "waiting" for row in found)
    fails = len(found) - waits
    page = library.page(search, limit=limit)
    found += [_listed(corpus, document, chunks) for document in page.documents]
    articles = builtin_documents() if builtin and corpus.has_builtin else []
    rows = [
        Listed(
            "indexed" if each.document_id in chunks else "pending",
            each.document_id,
            each.title,
            BUILT_IN,
            len(each.text),
            chunks.get(each.document_id),
        )
        for each in articles
    ]
    own = [row for row in rows if _holds(row, search)]
    total = len(found) - len(page.documents) + page.total + len(own)
    return Listing(tuple((found + own)[:limit]), total, waits, fails)


def needs_attention(corpus: LocalCorpus, state: CorpusState, limit: int) -> Attention:
    """What waits, is pending, failed, was read in part or is doubtful; `limit` of what is pending or failed."""
    library = corpus.library
    lengths = library.lengths() if state.stale or state.manifest is None else {}
    indexed = corpus.indexed() if lengths else {}
    pending = {document_id: chars for document_id, chars in lengths.items() if document_id not in indexed}
    return Attention(
        tuple(library.uploads.waiting()),
        tuple(library.summaries(list(pending)[:limit])),
        tuple(pending.values()),
        tuple(library.sources.failed(limit)),
        library.sources.count_failed(),
        tuple(_doubtful(library.doubtful())),
    )


def _doubtful(documents: Iterable[DocumentSummary]) -> Iterator[Listed]:
    """What is told of documents and, where it concerns more than the one, of the archive that they lie in."""
    archives: dict[str, tuple[str, ...]] = {}
    for each in documents:
        if own := own_doubts(each.source, each.doubts):
            yield Listed(
                standing_of(own), each.document_id, each.title, each.source, each.chars, reasons=own, file=each.file
            )
        if about := archive_doubts(each.source, each.doubts):
            archives[each.file] = (*about, *archives.get(each.file, ()))
    for file, about in archives.items():
        yield Listed("read in part", None, base_name(file), file, reasons=about, file=file)


def _listed(corpus: LocalCorpus, document: DocumentSummary, chunks: Mapping[str, int]) -> Listed:
    number = chunks.get(document.document_id)
    own = own_doubts(document.source, document.doubts)
    state: Standing = standing_of(own) if own else "indexed"
    reasons = document.doubts
    if number == 0 and (whole := corpus.library.get(document.document_id)) is not None:
        reasons += (same_words(corpus.same_chunks(whole)),)
    return Listed(
        "pending" if number is None else state,
        document.document_id,
        document.title,
        document.source,
        document.chars,
        number,
        reasons,
        document.file,
    )


def _name(file: KnownFile) -> str:
    return file.path.rsplit("/", 1)[-1]


def _holds(row: Listed, search: str) -> bool:
    return search.strip().casefold() in f"{row.title}\n{row.source}".casefold()
