"""Which stage is to blame for an answer whose gold answer is known: one label for every case, with what to do about it.

Refuses to find out the facts; whoever knows them (an evaluation run, or a person who typed the gold answer) gives them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Failure(StrEnum):
    """What went wrong, or that nothing did."""

    CORRECT = "correct"
    UNANSWERABLE_ANSWERED = "unanswerable answered"
    OVER_ABSTENTION = "over-abstention"
    RETRIEVAL_MISS = "retrieval miss"
    PARAMETRIC = "parametric"
    LUCKY = "lucky"
    COMPOUND = "compound"
    READER_FAILURE = "reader failure"
    PARAMETRIC_OVERRIDE = "parametric override"
    DISTRACTION = "distraction"
    CONTEXT_IGNORED = "context ignored"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one answered question."""

    unanswerable: bool
    """U: the corpus has no answer."""
    abstained: bool
    """A: the generator gave none."""
    correct: bool
    """C: the answer agrees with the gold answer."""
    gold_retrieved: bool
    """R: a chunk that holds the gold answer was among those read."""
    correct_with_oracle: bool
    """O: given the gold chunk alone, the generator answers correctly."""
    relies_on_chunks: bool
    """Whether reliance is at least ε (`explanation.NOT_ATTRIBUTABLE_NATS`)."""
    same_closed_book: bool
    """Whether it gives the same answer without any chunk."""
    top_chunk_is_gold: bool
    """Whether the chunk with the highest Shapley value holds the gold answer."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A label in plain words."""

    label: Failure
    """The label."""
    stage: str
    """The stage to look at: `retrieve`, `generate`, both, or none."""
    meaning: str
    """What happened, in a sentence."""
    remedy: str
    """What to try; empty where nothing is wrong."""


WORDS: dict[Failure, tuple[str, str, str]] = {
    Failure.CORRECT: ("none", "The answer is right, and it came from the chunks.", ""),
    Failure.UNANSWERABLE_ANSWERED: (
        "generate",
        "The corpus has no answer, yet one was given.",
        "Choose another generator, or a prompt that says when to give no answer. A run over such questions tells whether it helps.",
    ),
    Failure.OVER_ABSTENTION: (
        "generate",
        "A chunk with the right answer was read, yet no answer was given.",
        "Read fewer chunks, so that the right one stands out, or choose another generator.",
    ),
    Failure.RETRIEVAL_MISS: (
        "retrieve",
        "No chunk with the right answer was retrieved.",
        "Retrieve more chunks, rerank, or search exactly.",
    ),
    Failure.PARAMETRIC: (
        "generate",
        "The answer is right for the wrong reason: the generator knew it without the chunks.",
        "Do not count it for retrieval: ask something that the generator cannot know.",
    ),
    Failure.LUCKY: (
        "retrieve",
        "The answer is right although no chunk that is known to hold it was retrieved.",
        "Look at the chunks: another one may hold the answer, or the dataset misses one.",
    ),
    Failure.COMPOUND: (
        "retrieve and generate",
        "No chunk with the right answer was retrieved, and with one the answer would still have been wrong.",
        "Mend retrieval first, then choose another generator; mending one alone does not help.",
    ),
    Failure.READER_FAILURE: (
        "generate",
        "A chunk with the right answer was read, and even alone it does not lead to that answer.",
        "Choose another generator or prompt; retrieval is not to blame.",
    ),
    Failure.PARAMETRIC_OVERRIDE: (
        "generate",
        "The generator answered from what it had learned, against the chunks.",
        "Choose a generator or prompt that keeps to its context.",
    ),
    Failure.DISTRACTION: (
        "generate",
        "Another chunk drew the answer away from the right one.",
        "Rerank, or read fewer chunks, so that the distracting one is left out.",
    ),
    Failure.CONTEXT_IGNORED: (
        "generate",
        "A chunk with the right answer was read and weighed most, yet the answer is wrong; alone it would have led to the right one.",
        "Read fewer chunks, or put the best one first.",
    ),
}
"""Stage, meaning and remedy of each label."""


class Way(StrEnum):
    """A way to mend an answer that trials can show to be in vain."""

    COUNT = "count"
    """Another number of chunks."""
    RERANK = "rerank"
    EXACT = "exact"
    FIRST = "first"
    """The right chunk before the others."""


WAYS: dict[Failure, dict[Way, str]] = {
    Failure.OVER_ABSTENTION: {Way.COUNT: "read fewer chunks, so that the right one stands out"},
    Failure.RETRIEVAL_MISS: {
        Way.COUNT: "retrieve more chunks",
        Way.RERANK: "rerank",
        Way.EXACT: "search exactly",
    },
    Failure.DISTRACTION: {
        Way.RERANK: "rerank",
        Way.COUNT: "read fewer chunks, so that the distracting one is left out",
    },
    Failure.CONTEXT_IGNORED: {Way.COUNT: "read fewer chunks", Way.FIRST: "put the best one first"},
}
"""The ways that a label's remedy names, for those whose ways are tried; each as the end of a sentence."""

SMALLER, EMBEDDER, READER = (
    "cut the documents into smaller chunks",
    "choose another embedder",
    "choose another generator",
)


def remedy_after(failure: Failure, usual: str, vain: Collection[Way], *, misread: bool) -> str:
    """What to do where trials did not help: what is usual but for what was tried in vain; where nothing is left, what no trial tries.

    usual: the label's remedy. misread: whether a right chunk was seen to be read and not to lead to the right answer.
    """
    ways = WAYS.get(failure, {})
    left = [said for way, said in ways.items() if way not in vain]
    if left and not misread:
        said = usual if len(left) == len(ways) else f"{', or '.join(left)}."
        return f"Usual with this fault: {said[0].lower()}{said[1:]}"
    if not ways and failure is not Failure.COMPOUND:
        return f"Usual with this fault: {usual[0].lower()}{usual[1:]}"
    retrieval = failure is Failure.RETRIEVAL_MISS and not misread
    return f"Left to try: {SMALLER}, or {EMBEDDER if retrieval else READER}."


NAMES: dict[str, str] = {
    Failure.RETRIEVAL_MISS.value: "not found",
    Failure.COMPOUND.value: "not found and misread",
    Failure.READER_FAILURE.value: "misread",
}
"""What a label is called for people, where that is other than the field's term, which programs and the store keep."""


RIGHTLY_ABSTAINED = "The corpus has no answer, and none was given."
"""What `CORRECT` means where there is nothing to answer."""


def label_name(label: str) -> str:
    """What a label is called for people."""
    return NAMES.get(label, label)


def label(facts: Facts) -> Failure:
    """The first rule that matches; every combination of facts has exactly one label."""
    if facts.unanswerable:
        return Failure.CORRECT if facts.abstained else Failure.UNANSWERABLE_ANSWERED
    if facts.abstained:
        return Failure.OVER_ABSTENTION if facts.gold_retrieved else Failure.RETRIEVAL_MISS
    if facts.correct:
        return _label_correct(facts)
    return _label_wrong(facts)


def _label_correct(facts: Facts) -> Failure:
    if not facts.relies_on_chunks:
        return Failure.PARAMETRIC
    return Failure.CORRECT if facts.gold_retrieved else Failure.LUCKY


def _label_wrong(facts: Facts) -> Failure:
    if not facts.gold_retrieved:
        return Failure.RETRIEVAL_MISS if facts.correct_with_oracle else Failure.COMPOUND
    if not facts.correct_with_oracle:
        return Failure.READER_FAILURE
    if facts.same_closed_book and not facts.relies_on_chunks:
        return Failure.PARAMETRIC_OVERRIDE
    return Failure.CONTEXT_IGNORED if facts.top_chunk_is_gold else Failure.DISTRACTION


def diagnose(facts: Facts) -> Diagnosis:
    """The label with what it means and what to do."""
    found = label(facts)
    stage, meaning, remedy = WORDS[found]
    return Diagnosis(found, stage, RIGHTLY_ABSTAINED if facts.unanswerable and facts.abstained else meaning, remedy)
