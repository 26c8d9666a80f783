"""Labelled questions read by the reader's front end: retrieved chunks, sentence features, and which sentences hold the gold answer."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backends.local.features import BoolArray, Description, QuestionWords, describe
from backends.local.reader import READ_TOGETHER
from backends.local.spans.remembered import SpanSource
from backends.local.weights import ReaderWeights
from benchmarks.labelled import Question
from benchmarks.searched import SearchedCorpus
from explain.answers import holds_gold
from pipeline.protocols import Embedder
from pipeline.types import Chunk

TOP_K = 5
"""Chunks that the reader is given."""


@dataclass(frozen=True, slots=True)
class Example:
    """One question, ready to be scored."""

    question: Question
    chunks: list[Chunk]
    description: Description
    gold: BoolArray
    """(n,): sentences that may be quoted and hold a gold string, in whichever chunk; all False for an unanswerable question."""

    def sentence(self, index: int) -> str:
        """A candidate's text."""
        start, end = self.description.spans[index]
        return str(self.chunks[self.description.chunk_of[index]].text[start:end])


def read_examples(
    corpus: SearchedCorpus,
    questions: Sequence[Question],
    embedder: Embedder,
    weights: ReaderWeights,
    spans: SpanSource,
    *,
    together: int = READ_TOGETHER,
) -> list[Example]:
    """Search and describe every question. Of `weights` only the IDF is used. together: chunks that the span reader reads."""
    vectors = np.asarray(embedder.embed([q.text for q in questions], "query"), np.float32)
    examples = []
    for number, (question, vector) in enumerate(zip(questions, vectors, strict=True)):
        chunks = corpus.search(question.text, vector, TOP_K)
        words = QuestionWords(question.text, weights.idf, weights.unseen_idf, weights.known_documents)
        marks = [*spans.read(question.text, chunks[:together]), *[None] * len(chunks[together:])]
        description = describe(words, vector, chunks, [corpus.sentences(chunk) for chunk in chunks], marks)
        texts = [chunks[c].text[a:b] for c, (a, b) in zip(description.chunk_of, description.spans, strict=True)]
        gold = np.array([question.answerable and holds_gold(text, question.golds) for text in texts], np.bool_)
        examples.append(Example(question, chunks, description, gold & description.quotable))
        if number % 200 == 199:
            print(f"read {number + 1} of {len(questions)} questions", file=sys.stderr)
    return examples
