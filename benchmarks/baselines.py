"""What the embedded profile is compared with: plain E5, and E5 with a BM25 score added to chunks and sentences."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from backends.local.features import FloatArray
from backends.local.fusion import standardise
from backends.local.lexical import LexicalIndex
from benchmarks.examples import TOP_K
from benchmarks.labelled import Question
from benchmarks.searched import SearchedCorpus
from pipeline.protocols import Embedder
from pipeline.types import Chunk

BM25_WEIGHT = 0.3
"""Of the standardised BM25 score against 1 for the standardised cosine: what the first measurements used."""

Baseline = Literal["plain E5", "E5 + BM25"]


@dataclass(frozen=True, slots=True)
class BaselineAnswer:
    """One question answered by a baseline."""

    chunks: list[Chunk]
    """The ten best."""
    sentences: list[str]
    """The best two sentences of the best TOP_K chunks, best first."""
    score: float
    """Cosine of the best sentence: the baseline's sign of answerability."""


class BaselineReader:
    """Texts without titles, as a plain E5 pass has them; sentence and chunk vectors apart from the profile's own."""

    def __init__(self, corpus: SearchedCorpus, embedder: Embedder) -> None:
        self._corpus = corpus
        self._vectors = np.asarray(embedder.embed([c.text for c in corpus.chunks], "passage"), np.float32)
        self._lexical = LexicalIndex.build([c.text for c in corpus.chunks])
        self._embedder = embedder

    def answer(self, question: Question, vector: FloatArray, baseline: Baseline) -> BaselineAnswer:
        """Rank every chunk, then the sentences of the best TOP_K."""
        weight = BM25_WEIGHT if baseline == "E5 + BM25" else 0.0
        scores = standardise(self._vectors @ vector) + weight * standardise(self._lexical.scores(question.text))
        chunks = self._corpus.rank_by(scores.astype(np.float32), 10)
        texts = [c.text[a:b] for c in chunks[:TOP_K] for a, b in self._corpus.sentences(c)[0]]
        cosines = np.asarray(self._embedder.embed(texts, "passage"), np.float32) @ vector
        words = standardise(LexicalIndex.build(texts).scores(question.text))
        order = np.argsort(-(standardise(cosines) + weight * words), kind="stable")
        return BaselineAnswer(chunks, [texts[i] for i in order[:2]], float(cosines.max()))
