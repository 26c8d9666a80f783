"""`LocalIndex`: an index on disk, searched by meaning (FAISS) and by words (BM25), with its chunks' texts and sentences."""

import json
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from backends.local import manifest as files
from backends.local.faiss_index import FaissHolder
from backends.local.fusion import CANDIDATES, Fused, best_sentence_cosines, fuse
from backends.local.holding import Holder, VectorIndex
from backends.local.kept_vectors import KeptVectors
from backends.local.lexical import LexicalIndex
from backends.local.manifest import Manifest
from backends.local.splitting import Spans
from backends.local.vectors import LocalEmbedder
from pipeline.deadline import Deadline
from pipeline.errors import InputError, Unavailable
from pipeline.types import Chunk

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class IndexedChunk:
    """A chunk as it stands in the index."""

    chunk_id: str
    """Its id: a hash of its text, title and section."""
    document_id: str
    """The document it was cut from."""
    title: str
    """The document's title."""
    text: str
    """Its text."""
    sentences: int
    """Sentences in it."""
    place: str
    """Where in its file it stands, as `page 12`."""
    source: str
    """The file that it came from."""
    section: tuple[str, ...]
    """The headings that it stands under."""

    def unranked(self, rank: int) -> Chunk:
        """The chunk as it is found for no question, at a rank."""
        return Chunk(
            self.chunk_id, self.document_id, self.title, self.text, 0.0, rank, {}, self.section, self.place, self.source
        )


class OpenIndex:
    """One published index folder, open for reading. It never changes, and stays readable when the folder is removed."""

    def __init__(self, folder: Path, embedder: LocalEmbedder | None, holder: Holder | None = None) -> None:
        """Open and verify. Raises Unavailable or IndexMismatch, naming the command that rebuilds.

        embedder: what it will be searched with; None for an index that is only looked at, whoever made it. holder: what holds the vectors.
        """
        self.folder = folder
        self.manifest: Manifest = files.read_manifest(folder)
        made_by = (self.manifest.embedder_fingerprint, self.manifest.embedder)
        files.verify(folder, self.manifest, *(made_by if embedder is None else (embedder.fingerprint, embedder.name)))
        self._lock = threading.Lock()
        try:
            self.vectors = self._open_vectors(holder)
            self.lexical = LexicalIndex.load(folder / files.LEXICAL)
            has_sentences = (folder / files.SENTENCES).exists()
            self.sentence_vectors = np.load(folder / files.SENTENCES, mmap_mode="r") if has_sentences else None
            uri = f"{(folder / files.CHUNKS).absolute().as_uri()}?mode=ro&immutable=1"
            self._chunks = sqlite3.connect(uri, uri=True, check_same_thread=False)
            starts = [row[0] for row in self.execute("SELECT first_sentence FROM chunks ORDER BY row")]
        except (OSError, ValueError, KeyError, sqlite3.Error) as error:
            raise Unavailable(
                f"The index cannot be opened ({type(error).__name__}). {files.REBUILD}", stage="retrieve"
            ) from error
        self.sentence_starts = np.array([*starts, self.manifest.sentences], np.int64)

    def _open_vectors(self, holder: Holder | None) -> VectorIndex:
        """What holds the vectors, or, where they are held elsewhere and only looked at, those that lie in the folder."""
        if holder is None and self.manifest.held_by == "faiss":
            holder = FaissHolder()
        return KeptVectors(self.folder) if holder is None else holder.open(self.folder, self.manifest)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Rows of a read-only query on the chunk table."""
        with self._lock:
            return self._chunks.execute(statement, values).fetchall()

    def chunk_ids(self) -> list[str]:
        """The id of each chunk, by its row."""
        return [str(row[0]) for row in self.execute("SELECT chunk_id FROM chunks ORDER BY row")]

    def __del__(self) -> None:
        """Close the chunk table with the last reader, who may be in another thread than the rebuild that replaced it."""
        if hasattr(self, "_chunks"):
            self._chunks.close()


def open_kept(data_dir: Path, embedder_fingerprint: str) -> OpenIndex:
    """The index that a data folder holds, to be looked at: that of the embedder named, else the one built last.

    Raises InputError where there is none, Unavailable where it cannot be read.
    """
    own = [files.index_root(data_dir, embedder_fingerprint, held_by) for held_by in files.HOLDERS]
    roots = [*own, *sorted(data_dir.glob(f"{files.INDEXES}/*/"))]
    folders = [folder for root in dict.fromkeys(roots) if (folder := files.current_folder(root)) is not None]
    if not folders:
        raise InputError(f"{data_dir} holds no index. Give the RAGLASS_DATA_DIR of a dashboard that has built one.")
    if folders[0].parent in own:
        return OpenIndex(folders[0], None)
    return OpenIndex(max(folders, key=lambda folder: files.read_manifest(folder).built_at), None)


class LocalIndex:
    """The index in use under a root folder; follows `CURRENT`, so that a rebuild elsewhere is seen by the next question."""

    def __init__(self, root: Path, embedder: LocalEmbedder, holder: Holder | None = None) -> None:
        """holder: what holds the vectors; FAISS if left out."""
        self.root, self.holder = root, holder or FaissHolder()
        self._embedder = embedder
        self._open: OpenIndex | None = None
        self._lock = threading.Lock()

    def opened(self) -> OpenIndex:
        """The index in use. Raises Unavailable if there is none."""
        with self._lock:
            folder = self._current()
            while self._open is None or self._open.folder != folder:
                try:
                    self._open = OpenIndex(folder, self._embedder, self.holder)
                except Unavailable:
                    # A rebuild may have replaced the folder while it was being read.
                    before, folder = folder, self._current()
                    if folder == before:
                        raise
            return self._open

    def close(self) -> None:
        """Let go of the index; the next question opens it again."""
        with self._lock:
            self._open = None
        self.holder.close()

    def _current(self) -> Path:
        folder = files.current_folder(self.root)
        if folder is None:
            raise Unavailable("No index has been built yet. Run `raglass index`.", stage="retrieve")
        return folder

    @property
    def manifest(self) -> Manifest:
        """What the index in use holds."""
        return self.opened().manifest

    def search(
        self,
        vectors: FloatArray,
        top_k: int,
        *,
        texts: Sequence[str] | None = None,
        deadline: Deadline | None = None,
        exact: bool = False,
    ) -> list[list[Chunk]]:
        """Find the `top_k` best chunks for each question, best first; fewer where the corpus is smaller.

        vectors: float32 (n, dim), L2-normalised. texts: the n questions; without them the order is that of the cosine alone.
        exact: compare with every vector, whatever search the index is built for.
        A chunk's score is its cosine; `signals` holds `fused`, by which chunks are ranked, and what went into it: `bm25` and,
        where sentences are embedded, `sentence`, the cosine of the chunk's best sentence.
        """
        opened = self.opened()
        find = partial(self._find, vectors=vectors, top_k=top_k, deadline=deadline, exact=exact)
        try:
            cosines, ids = find(opened)
        except Unavailable:
            # A rebuild lets go of what is held elsewhere for the index before, which this question may have begun with.
            before, opened = opened, self.opened()
            if opened is before:
                raise
            cosines, ids = find(opened)
        questions = texts if texts is not None else [None] * len(vectors)
        return [
            self._ranked_chunks(opened, self._rank(opened, vector, row_cosines, row_ids, question), top_k)
            for vector, row_cosines, row_ids, question in zip(vectors, cosines, ids, questions, strict=True)
        ]

    def _find(
        self, opened: OpenIndex, *, vectors: FloatArray, top_k: int, deadline: Deadline | None, exact: bool
    ) -> tuple[FloatArray, IntArray]:
        """Dense candidates of each question."""
        depth = min(max(top_k, CANDIDATES), opened.vectors.size)
        return opened.vectors.search(vectors, depth, exact=exact, deadline=deadline)

    def sentences(self, chunk: Chunk) -> tuple[Spans, FloatArray] | None:
        """Spans and vectors, float32 (n, dim), of an indexed chunk's sentences; None if it is not in the index."""
        opened = self.opened()
        if opened.sentence_vectors is None:
            return None
        rows = opened.execute(
            "SELECT spans, first_sentence FROM chunks WHERE chunk_id = ? AND text = ?", (chunk.chunk_id, chunk.text)
        )
        if not rows:
            return None
        spans = [(int(start), int(end)) for start, end in json.loads(rows[0][0])]
        first = int(rows[0][1])
        return spans, np.asarray(opened.sentence_vectors[first : first + len(spans)], dtype=np.float32)

    def chunks_of(self, document_id: str) -> list[IndexedChunk]:
        """A document's chunks, in its own order."""
        return self._chunks("document_id = ? ORDER BY row", (document_id,))

    def chunks_at(self, rows: Sequence[int]) -> list[IndexedChunk]:
        """The chunks at given positions, in ascending order of position."""
        return self._chunks("row IN (SELECT value FROM json_each(?)) ORDER BY row", (json.dumps(list(rows)),))

    def chunks_named(self, chunk_ids: Sequence[str]) -> list[IndexedChunk]:
        """The chunks of these ids that are in the index, in ascending order of position."""
        return self._chunks("chunk_id IN (SELECT value FROM json_each(?)) ORDER BY row", (json.dumps(list(chunk_ids)),))

    def random_chunks(self, count: int, seed: int) -> list[Chunk]:
        """Chunks drawn at random, in random order, all of them where the index holds no more; score 0, as for no question."""
        drawn = np.random.default_rng(seed).permutation(self.opened().vectors.size)[:count].tolist()
        at_row = dict(zip(sorted(drawn), self.chunks_at(drawn), strict=True))
        found = [at_row[row] for row in drawn]
        return [each.unranked(rank) for rank, each in enumerate(found, start=1)]

    def _chunks(self, where: str, values: Sequence[Any]) -> list[IndexedChunk]:
        found = self.opened().execute(
            "SELECT chunk_id, document_id, title, text, json_array_length(spans), place, source, section "
            f"FROM chunks WHERE {where}",
            values,
        )
        return [IndexedChunk(*(*row[:7], tuple(json.loads(row[7])))) for row in found]

    def _rank(
        self, opened: OpenIndex, vector: FloatArray, cosines: FloatArray, ids: IntArray, question: str | None
    ) -> Fused:
        """Fuse one question's dense candidates with the lexical ones; without its text, dense order alone."""
        size = opened.vectors.size
        if question is None:
            scores, found = np.empty(0, np.float32), np.empty(0, np.int64)
        else:
            scores, found = opened.lexical.top(question, min(max(len(ids), CANDIDATES), size))

        sentence_of = None
        if question is not None and opened.sentence_vectors is not None:
            sentence_of = partial(best_sentence_cosines, vector, opened.sentence_vectors, opened.sentence_starts)
        return fuse(
            ids,
            cosines,
            found,
            scores,
            len(ids),
            cosine_of=lambda rows: opened.vectors.reconstruct(rows) @ vector,
            lexical_of=lambda rows: opened.lexical.scores(question or "", rows),
            sentence_of=sentence_of,
        )

    def _ranked_chunks(self, opened: OpenIndex, ranked: Fused, top_k: int) -> list[Chunk]:
        rows = ranked.ids[:top_k].tolist()
        found = opened.execute(
            "SELECT row, chunk_id, document_id, title, text, section, place, source FROM chunks "
            "WHERE row IN (SELECT value FROM json_each(?))",
            (json.dumps(rows),),
        )
        by_row = {row: values for row, *values in found}
        chunks = []
        for place, row in enumerate(rows):
            chunk_id, document_id, title, text, section, where, source = by_row[row]
            cosine = float(np.clip(ranked.cosines[place], -1, 1))
            signals = {"bm25": float(ranked.bm25[place]), "fused": float(ranked.fused[place])}
            if ranked.sentence is not None:
                signals["sentence"] = float(ranked.sentence[place])
            under = tuple(json.loads(section))
            chunks.append(Chunk(chunk_id, document_id, title, text, cosine, place + 1, signals, under, where, source))
        return chunks


class ExactSearch:
    """The same index with every search exact: what its questions would have found had no vector been passed by."""

    def __init__(self, index: LocalIndex) -> None:
        self._index = index

    def search(
        self, vectors: FloatArray, top_k: int, *, texts: Sequence[str] | None = None, deadline: Deadline | None = None
    ) -> list[list[Chunk]]:
        """As `LocalIndex.search`."""
        return self._index.search(vectors, top_k, texts=texts, deadline=deadline, exact=True)
