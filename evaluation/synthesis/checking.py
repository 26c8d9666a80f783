"""Whether a written question can be answered from its chunk alone, and whether retrieval finds that chunk.

The reader that checks is the extractive one, whatever answers otherwise: it cannot know an answer that the chunk does not hold.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from backends.local.nano import NanoEmbedder
from backends.local.reader import ExtractiveReader
from backends.local.spans.model import SpanModel
from evaluation.synthesis.drafts import Draft
from explain.answers import holds_gold, normalise, split_tokens
from pipeline.types import Chunk

LEAST_CONFIDENCE = 0.6
"""Of the reader, in its own quotation from the chunk."""

LEAST_SHARE = 0.5
"""Of the shorter one of gold answer and the words that the reader marks, which both must have."""

FOUND_AMONG = 5
"""Chunks among which retrieval has to find the one that the question is from; else the question is hard."""

Retrieve = Callable[[str, int], Sequence[Chunk]]
"""The chunks for a question, best first, so many."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check says of a draft."""

    problem: str
    """Why it is rejected; empty if it is kept."""
    confidence: float = 0.0
    """The reader's, in [0, 1]."""
    hard: bool = False
    """Whether retrieval did not find the chunk."""


def open_reader(threads: int | None = None) -> ExtractiveReader:
    """The reader that checks. Raises Unavailable where its models cannot be had. threads: of a core each; None for all."""
    return ExtractiveReader(NanoEmbedder(threads=threads), spans=SpanModel(threads=threads))


def check_draft(draft: Draft, chunk: Chunk, reader: ExtractiveReader, retrieve: Retrieve) -> Verdict:
    """Have the reader answer from the chunk alone, then see whether retrieval finds the chunk. Raises a BackendError as a stage does."""
    alone = replace(chunk, rank=1)
    reading = reader.read(draft.question, [alone])
    if not reading.quoted:
        return Verdict("the reader finds no answer in the chunk", 1 - reading.confidence)
    quoted = " ".join(map(reading.text, reading.quoted))
    if not holds_gold(quoted, draft.answers):
        return Verdict("the reader quotes another sentence", reading.confidence)
    if reading.confidence < LEAST_CONFIDENCE:
        return Verdict("the reader is not sure enough", reading.confidence)
    marked = [reading.evidence(sentence).answer for sentence in reading.chosen]
    words = [chunk.text[slice(*span)] for span in marked if span is not None]
    if words and not any(_alike(each, answer) for each in words for answer in draft.answers):
        return Verdict("the reader marks other words", reading.confidence)
    found = retrieve(draft.question, FOUND_AMONG)
    return Verdict("", reading.confidence, hard=chunk.chunk_id not in {each.chunk_id for each in found})


def _alike(marked: str, answer: str) -> bool:
    """Whether two answers share most words of the shorter one."""
    first, second = set(split_tokens(marked)), set(split_tokens(answer))
    return bool(first and second) and len(first & second) / min(len(first), len(second)) >= LEAST_SHARE


def is_repeated(draft: Draft, known: set[frozenset[str]], share: float = 0.8) -> bool:
    """Whether a kept question has nearly the same words. known: the words of each; those of the draft are added where it is new."""
    words = frozenset(normalise(draft.question).split())
    for other in known:
        if len(words & other) / max(len(words | other), 1) >= share:
            return True
    known.add(words)
    return False
