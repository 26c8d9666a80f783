"""`LocalCorpus`: the documents of the local backend, whether the index covers them, and building it."""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

import corpus
from backends.local.build import OnProgress, build_index, cut_documents, wait_for_build
from backends.local.chunking import Chunking
from backends.local.documents import Document, DocumentLibrary, builtin_documents
from backends.local.embedding_map import FloatArray, Projection, fit_projection, sample_rows
from backends.local.index import IndexedChunk, LocalIndex
from backends.local.index_choice import IndexChoice, read_choice
from backends.local.manifest import CURRENT, Manifest
from backends.local.vectors import LocalEmbedder, VectorCache, embed_all
from pipeline.errors import Unavailable

RECIPE = "sentencex and icu4py/parts/heading-in-front"
"""How documents are cut, put into words and embedded, but for what is chosen. Part of the corpus hash: a change makes indexes stale."""


SAMPLE = tuple(f"Pump {n} is switched on before the valve of the boiler on floor {n * 7} is opened." for n in range(16))
"""What is embedded to see how fast that goes."""


@dataclass(frozen=True, slots=True)
class CorpusState:
    """Whether the index covers the documents."""

    manifest: Manifest | None
    """What is indexed; None if there is no usable index."""
    problem: str | None
    """Why there is no usable index, with what to do; None if there is one."""
    stale: bool
    """Whether documents were added or removed since the index was built."""
    builtin_documents: int
    """Built-in articles in the corpus; 0 when switched off."""
    added_documents: int
    """Documents that people added."""


@dataclass(frozen=True, slots=True)
class CorpusMap:
    """Points of the embedding map."""

    projection: Projection
    """The plane, for dropping a question in."""
    points: FloatArray
    """(n, 2)."""
    chunks: list[IndexedChunk]
    """The n chunks behind the points."""
    total: int
    """Chunks in the index; more than n when the map is a sample."""


class LocalCorpus:
    """Documents, built-in and added, and the index over them."""

    def __init__(
        self,
        open_library: Callable[[], DocumentLibrary],
        index: LocalIndex,
        embedder: LocalEmbedder,
        cache: VectorCache,
        *,
        builtin: bool,
        with_sentences: bool,
        chunking: Chunking | None = None,
    ) -> None:
        self._open_library = open_library
        self.index = index
        self._embedder = embedder
        self._cache = cache
        self._builtin = builtin
        self.chunking = chunking or Chunking()
        self._with_sentences = with_sentences
        self._map: tuple[Path, CorpusMap] | None = None

    @cached_property
    def library(self) -> DocumentLibrary:
        """The documents that people added. Opened when first needed: answering from an index needs none. Raises StoreError."""
        return self._open_library()

    def state(self) -> CorpusState:
        """Whether the index covers the documents. Never raises for a missing or damaged index."""
        manifest, problem = None, None
        try:
            manifest = self.index.manifest
        except Unavailable as error:
            problem = str(error)
        return CorpusState(
            manifest=manifest,
            problem=problem,
            stale=manifest is not None and manifest.corpus_hash != self.fingerprint(),
            builtin_documents=len(builtin_documents()) if self._builtin else 0,
            added_documents=self.library.count(),
        )

    def has_index(self) -> bool:
        """Whether questions can be answered now: cheaper than `state`, as no document is looked at."""
        try:
            self.index.opened()
        except Unavailable:
            return False
        return True

    @property
    def has_builtin(self) -> bool:
        """Whether the built-in articles are part of the corpus."""
        return self._builtin

    def fingerprint(self) -> str:
        """Hash of all documents and of the way they are cut."""
        builtin = corpus.fingerprint() if self._builtin else ""
        parts = "\0".join((RECIPE, str(self.chunking), str(self._with_sentences), builtin, self.library.fingerprint()))
        return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()

    def build(self, on_progress: OnProgress | None = None, *, rebuild: bool = False) -> Manifest:
        """Make the index cover the documents; returns at once if it does, unless `rebuild`. Waits for a build that is running.

        on_progress: what it raises stops the build; the next one goes on from there.
        Raises InputError for an empty corpus, whose index is let go of: nothing is left to answer from.
        """
        wait_for_build(self.index.root, on_progress or (lambda progress: None))
        state = self.state()
        if state.manifest is not None and not state.stale and not rebuild and self.index.opened().vectors.is_whole():
            return state.manifest
        if state.builtin_documents + state.added_documents == 0:
            (self.index.root / CURRENT).unlink(missing_ok=True)
            self.index.close()
            self.index.holder.clear(self.index.root)
        return build_index(
            self.index.root,
            self.documents(),
            self._embedder,
            self._cache,
            corpus_hash=self.fingerprint(),
            chunking=self.chunking,
            with_sentences=self._with_sentences,
            on_progress=on_progress,
            holder=self.index.holder,
        )

    def embedding_map(self) -> CorpusMap:
        """The embedding map of the index in use; computed once per index."""
        opened = self.index.opened()
        if self._map is None or self._map[0] != opened.folder:
            rows = sample_rows(opened.vectors.size)
            vectors = opened.vectors.reconstruct(rows)
            projection = fit_projection(vectors)
            points = projection.project(vectors)
            self._map = (
                opened.folder,
                CorpusMap(projection, points, self.index.chunks_at(rows.tolist()), opened.vectors.size),
            )
        return self._map[1]

    def place(self, question: str) -> tuple[float, float]:
        """Where a question falls on the embedding map."""
        x, y = self.embedding_map().projection.project(self.embed_questions([question]))[0]
        return float(x), float(y)

    def embed_questions(self, questions: list[str]) -> FloatArray:
        """Questions to vectors, float32 (n, dim), L2-normalised."""
        return np.asarray(self._embedder.embed(questions, "query"))

    @property
    def index_choice(self) -> IndexChoice | None:
        """The kind of index that a person chose for the next builds; None where they choose by themselves."""
        return read_choice(self.index.root) if self.index.holder.follows_choices else None

    @property
    def embedder(self) -> str:
        """Name of the embedder."""
        return self._embedder.name

    @property
    def dimension(self) -> int:
        """Length of the embedder's vectors."""
        return self._embedder.dimension

    @property
    def embedder_fingerprint(self) -> str:
        """Identity of the embedder: changes whenever its vectors would."""
        return self._embedder.fingerprint

    def embed(self, texts: list[str]) -> FloatArray:
        """Passages to vectors, float32 (n, dim), L2-normalised; what was embedded before is not embedded again."""
        vectors = embed_all(texts, self._embedder, self._cache).astype(np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    def indexed(self) -> dict[str, int]:
        """The documents in the index: how many chunks were cut from each, by its id. Empty where there is no index."""
        if not self.has_index():
            return {}
        return dict(self.index.opened().execute("SELECT document_id, chunks FROM documents"))

    def count_chunks(self, document: Document) -> int:
        """How many chunks a document would give, were it the only one."""
        return len(cut_documents([document], lambda progress: None, self.chunking).rows)

    def same_chunks(self, document: Document) -> list[IndexedChunk]:
        """The chunks in the index that have the text and heading of a document's: where it gave none itself, they answer for it."""
        cut = cut_documents([document], lambda progress: None, self.chunking)
        return self.index.chunks_named([row.chunk_id for row in cut.rows])

    @cached_property
    def text_seconds(self) -> float:
        """Seconds that embedding a text takes here, as a few texts show; no vector of them is kept."""
        started = time.monotonic()
        self._embedder.embed(SAMPLE, "passage")
        return (time.monotonic() - started) / len(SAMPLE)

    def embed_seconds(self, texts: list[str]) -> float:
        """Seconds that embedding these passages takes here, as if none had a vector; none is kept."""
        started = time.monotonic()
        self._embedder.embed(texts, "passage")
        return time.monotonic() - started

    @property
    def with_sentences(self) -> bool:
        """Whether every sentence is embedded, too."""
        return self._with_sentences

    def documents(self) -> Iterator[Document]:
        """All documents: built-in ones, if they are part of the corpus, then added ones."""
        if self._builtin:
            yield from builtin_documents()
        yield from self.library.documents()
