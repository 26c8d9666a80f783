"""Reliance against chance: how probable the answer is over random chunks, instead of over none.

An empty context is unusual to a generator, which may be surer of everything once it reads anything. Random chunks tell that apart.
"""

import random
from collections.abc import Sequence

import corpus
from explain.answers import holds_gold
from explain.explained import Explained, FloatArray
from explain.lattice import read_rows
from pipeline.protocols import AnswerScorer
from pipeline.types import Chunk

DRAWS = 3
"""Sets of random chunks."""

RANDOM_CHUNKS = 400
"""Chunks that are drawn to deal the sets from: some fall out."""


def draw_distractors(found: Explained, pool: Sequence[Chunk]) -> list[list[Chunk]]:
    """Up to DRAWS sets of as many chunks as the answer read, dealt in the pool's order; fewer where the pool runs out.

    pool: chunks in random order. Those of a document that the answer read, or that hold the answer, are passed over.
    """
    free = unrelated(found.chunks, [found.answer], pool)
    k = len(found.chunks)
    return [free[start : start + k] for start in range(0, min(DRAWS * k, len(free) - k + 1), k)]


def unrelated(read: Sequence[Chunk], answers: Sequence[str], pool: Sequence[Chunk]) -> list[Chunk]:
    """Chunks of the pool, in its order, that are of no document that was read and hold none of the answers."""
    known = {chunk.document_id for chunk in read} | {chunk.chunk_id for chunk in read}
    return [
        chunk
        for chunk in pool
        if chunk.document_id not in known and chunk.chunk_id not in known and not holds_gold(chunk.text, answers)
    ]


def builtin_pool(seed: int) -> list[Chunk]:
    """The paragraphs of the built-in articles in random order, for backends whose documents cannot be drawn from."""
    found = [
        Chunk(f"{article.document_id}#{place}", article.document_id, article.title, paragraph, 0.0, 1)
        for article in corpus.articles()
        for place, paragraph in enumerate(article.text.split("\n\n"))
    ]
    random.Random(seed).shuffle(found)
    return found


def score_distractors(found: Explained, scorer: AnswerScorer, draws: Sequence[Sequence[Chunk]]) -> FloatArray:
    """(draws, T): log-probabilities of the answer over each set, nats. Raises what the scorer raises, and BadResponse as it does."""
    scores = scorer.score_answer(found.trace.question, draws, found.answer)
    return read_rows(scores, len(draws), found.tokens)
