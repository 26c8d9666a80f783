"""A second look at the order of chunks: the sentence of each that answers best decides, not the chunk as a whole."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from backends.local.features import QuestionWords, describe
from backends.local.sentences import EmbeddedSentences, SentenceSource
from backends.local.weights import ReaderWeights, default_weights, sentence_scores
from pipeline.deadline import Deadline
from pipeline.errors import BackendError
from pipeline.protocols import Embedder
from pipeline.types import Chunk


class SentenceReranker:
    """Orders chunks by the log of the summed, exponentiated scores that the reader's sentence model gives their sentences.

    That is the chunk's log-share in the reader's softmax. The model's features hold the present rank, so the present order is combined
    with what the sentences say, in the fitted proportion.
    """

    name = "sentence reranker"

    def __init__(
        self, embedder: Embedder, sentences: SentenceSource | None = None, weights: ReaderWeights | None = None
    ) -> None:
        """As for `ExtractiveReader`."""
        self._embedder = embedder
        self._sentences = EmbeddedSentences.over(embedder, sentences)
        self._weights = weights or default_weights()

    def rerank(self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None) -> list[Chunk]:
        """Return the same chunks in a new order, ties in the old. `signals['rerank']`: log-share, ≤ 0; a blank chunk comes last.

        Raises Timeout once the deadline has passed. What its embedder raises is told as of this stage, in which it was met.
        """
        try:
            return self._reranked(question, chunks, deadline)
        except BackendError as error:
            error.stage = "rerank"
            raise

    def _reranked(self, question: str, chunks: Sequence[Chunk], deadline: Deadline | None) -> list[Chunk]:
        vector = np.asarray(self._embedder.embed([question], "query", deadline=deadline), np.float32)[0]
        sentences = []
        for chunk in chunks:
            if deadline is not None:
                deadline.check("rerank")
            sentences.append(self._sentences.sentences(chunk, deadline=deadline))
        words = QuestionWords(question, self._weights.idf, self._weights.unseen_idf)
        description = describe(words, vector, chunks, sentences, [None] * len(chunks))
        scores = sentence_scores(self._weights, description).astype(np.float64)
        sums = np.full(len(chunks), BLANK)
        for position in np.unique(description.chunk_of):
            sums[position] = np.logaddexp.reduce(scores[description.chunk_of == position])
        sums -= np.logaddexp.reduce(sums) if len(sums) else 0
        order = np.argsort(-sums, kind="stable")
        return [
            replace(chunks[i], rank=rank, signals={**chunks[i].signals, "rerank": float(sums[i])})
            for rank, i in enumerate(order, 1)
        ]


BLANK = -1e3
"""Score of a chunk without sentences: finite, so that a trace of it stays valid JSON."""
