"""Where the vectors of a chunk's sentences come from: an index that stored them, or the embedder, which is remembered."""

from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np

from backends.local.splitting import Spans, split_sentences
from backends.local.texts import sentence_text
from backends.local.vectors import FloatArray, VectorMemory
from pipeline.deadline import Deadline
from pipeline.protocols import Embedder
from pipeline.types import Chunk

KEPT_SENTENCES = 4_096
"""Sentence vectors remembered: 6 MB at 384 dimensions, and the sentences of some 500 chunks."""


class SentenceSource(Protocol):
    """Where the vectors of a chunk's sentences come from."""

    def sentences(self, chunk: Chunk) -> tuple[Spans, FloatArray] | None:
        """The sentences' spans in `chunk.text` and their vectors, float32 (n, dim), L2-normalised.

        The vectors are those of `sentence_text` of heading and sentence, embedded as passages. None for a chunk that is not known.
        """


class EmbeddedSentences:
    """Stored sentence vectors where there are any; else they are made, about 9 ms of one core a sentence, and remembered.

    So a chunk that is read again with a sentence less costs nothing.
    """

    def __init__(self, embedder: Embedder, stored: SentenceSource | None = None, *, kept: int = KEPT_SENTENCES) -> None:
        """kept: vectors remembered, the last ones used."""
        self._embedder = embedder
        self._stored = stored
        self._memory = VectorMemory(kept)

    @classmethod
    def over(cls, embedder: Embedder, source: SentenceSource | None) -> Self:
        """The source itself if it is one of these, so that several readers share what it remembers; else a new one over it."""
        return source if isinstance(source, cls) else cls(embedder, source)

    def sentences(self, chunk: Chunk, *, deadline: Deadline | None = None) -> tuple[Spans, FloatArray]:
        """Spans and vectors of one chunk's sentences."""
        known = self._stored.sentences(chunk) if self._stored is not None else None
        if known is not None:
            return known
        spans = split_sentences(chunk.text)
        texts = [sentence_text(chunk.heading, chunk.text[start:end]) for start, end in spans]

        def embed(missing: Sequence[str]) -> FloatArray:
            return np.asarray(self._embedder.embed(missing, "passage", deadline=deadline), np.float32)

        return spans, self._memory.recall(texts, embed)
