"""A dataset's chunks in memory, searched the way the embedded profile does: exact cosine and BM25, fused."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from backends.local.features import FloatArray
from backends.local.fusion import CANDIDATES, FusionWeights, best_sentence_cosines, fuse
from backends.local.lexical import LexicalIndex
from backends.local.splitting import Spans, split_sentences
from backends.local.texts import chunk_text, sentence_text
from benchmarks.labelled import Dataset, cut_chunks
from pipeline.protocols import Embedder
from pipeline.types import Chunk


class SearchedCorpus:
    """Every chunk of a dataset with its vectors and words, and the vectors of its sentences (a `SentenceSource`)."""

    def __init__(self, dataset: Dataset, embedder: Embedder) -> None:
        self.chunks = cut_chunks(dataset.documents)
        texts = [chunk_text(chunk.title, chunk.text) for chunk in self.chunks]
        self.vectors = np.asarray(embedder.embed(texts, "passage"), np.float32)
        self.lexical = LexicalIndex.build(texts)
        spans = [split_sentences(chunk.text) for chunk in self.chunks]
        flat = [sentence_text(c.title, c.text[a:b]) for c, s in zip(self.chunks, spans, strict=True) for a, b in s]
        ends = np.cumsum([len(s) for s in spans])
        blocks = np.split(np.asarray(embedder.embed(flat, "passage"), np.float32), ends[:-1])
        self._all_sentences, self._starts = np.concatenate(blocks), np.concatenate([[0], ends])
        self._sentences = dict(zip((c.chunk_id for c in self.chunks), zip(spans, blocks, strict=True), strict=True))

    def sentences(self, chunk: Chunk) -> tuple[Spans, FloatArray]:
        """The chunk's sentence spans and vectors."""
        return self._sentences[chunk.chunk_id]

    def cosines(self, vector: FloatArray) -> FloatArray:
        """Of every chunk with a question."""
        return np.asarray(self.vectors @ vector, np.float32)

    def search(
        self, question: str, vector: FloatArray, top_k: int, *, weights: FusionWeights | None = None
    ) -> list[Chunk]:
        """The `top_k` best chunks by fused score. vector: (dim,)."""
        cosines = self.cosines(vector)
        dense = np.argsort(-cosines, kind="stable")[:CANDIDATES]
        lexical_scores, lexical = self.lexical.top(question, CANDIDATES)
        found = fuse(
            dense,
            cosines[dense],
            lexical,
            lexical_scores,
            top_k,
            cosine_of=lambda ids: cosines[ids],
            lexical_of=lambda ids: self.lexical.scores(question, ids),
            sentence_of=lambda ids: best_sentence_cosines(vector, self._all_sentences, self._starts, ids),
            weights=weights,
        )
        assert found.sentence is not None
        columns = zip(found.ids, found.cosines, found.bm25, found.sentence, found.fused, strict=True)
        return [
            replace(
                self.chunks[i],
                score=float(c),
                rank=rank,
                signals={"bm25": float(b), "sentence": float(s), "fused": float(f)},
            )
            for rank, (i, c, b, s, f) in enumerate(columns, 1)
        ]

    def rank_by(self, scores: Sequence[float] | FloatArray, top_k: int) -> list[Chunk]:
        """The `top_k` best chunks by any score of every chunk: for baselines."""
        order = np.argsort(-np.asarray(scores), kind="stable")[:top_k]
        return [replace(self.chunks[i], score=float(scores[i]), rank=rank) for rank, i in enumerate(order, 1)]
