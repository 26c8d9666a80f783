"""Failure labels of a run in rows and words: for a shell, and for the Runs page to draw."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.kit.numbers import MISSING, percent
from evaluation.labelling import UNEXPLAINED, count_labels, error_decomposition
from evaluation.scoring import Scored
from evaluation.summary import UNTYPED
from explain.diagnosis import NAMES, WORDS, Failure, label_name

RIGHT = (Failure.CORRECT, Failure.LUCKY, Failure.PARAMETRIC)
"""Labels of answers that are right, for whatever reason."""


RIGHT_CHUNK = "Right chunk: one that holds the right answer; the field calls it a gold chunk."

MEANING = (
    f"{RIGHT_CHUNK} The field’s terms of the labels: {', '.join(f'{said}, {term}' for term, said in NAMES.items())}."
)
"""The field's terms, for what stands behind a "?"."""


@dataclass(frozen=True, slots=True)
class Flow:
    """How many questions of a type came to a label."""

    type: str
    """The type."""
    label: str
    """The label."""
    questions: int
    """How many."""


def flows(scores: Sequence[Scored]) -> list[Flow]:
    """Every type and label that occur together, labels that are right first."""
    order = [failure.value for failure in (*RIGHT, *(each for each in Failure if each not in RIGHT))]
    found = [Flow(kind or UNTYPED, label, count) for (kind, label), count in count_labels(scores).items()]
    place = {label: number for number, label in enumerate([*order, UNEXPLAINED])}
    return sorted(found, key=lambda flow: (flow.type, place.get(flow.label, len(place))))


def label_rows(scores: Sequence[Scored]) -> list[list[str]]:
    """A row for each label that occurs, most frequent first: label, answers, stage to look at, what it means."""
    counts = Counter(each.label for each in scores if each.label)
    rows = []
    for label, count in counts.most_common():
        stage, meaning, _ = (
            WORDS[Failure(label)]
            if label != UNEXPLAINED
            else (MISSING, "It could not be explained, or no chunk with the right answer was found to try.", "")
        )
        rows.append([label_name(label), f"{count:,}", stage, meaning])
    return rows


def losses_words(scores: Sequence[Scored]) -> str:
    """Which stage costs how many right answers; empty without labels."""
    found = error_decomposition(scores)
    if found is None:
        return ""
    retriever, reader = (f"{value * 100:.1f} points" for value in found)
    tried = [each for each in scores if each.correct and each.right_with_oracle is not None]
    words = (
        f"Of the questions explained that have an answer: retriever loss {retriever}, what is wrong although a right chunk alone leads to "
        f"the right answer; reader loss {reader}, what is wrong even then."
    )
    if not tried:
        return words
    hits = sum(bool(each.right_with_oracle) for each in tried) / len(tried)
    return (
        f"{words} How far to trust this split: of the answers that are right, {percent(hits)} are right from a right chunk alone too; "
        "in a perfect test that would be 100 %."
    )


def labels_text(scores: Sequence[Scored]) -> str:
    """The labels for a terminal."""
    rows = label_rows(scores)
    lines = [f"{count:>6}  {label:<22} {meaning}" for label, count, _, meaning in rows]
    return "\n".join([*lines, "", losses_words(scores)]).rstrip()
