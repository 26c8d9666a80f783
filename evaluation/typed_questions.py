"""The type that each question of a dataset counts under: its dataset's own, a person's, or what rules and classifier agree on.

Where the two disagree the question is unsure and counts under none, until a person decides. Refuses to know where decisions are kept.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from corpus import QUESTION_TYPES
from evaluation.datasets import Dataset, LabelledQuestion
from evaluation.question_types import Label, label
from pipeline.errors import InputError

How = Literal["given", "edited", "agreed", "unsure"]
"""Where a type comes from: the dataset, a person, rules and classifier alike; or from nowhere yet."""

HOWS: tuple[How, ...] = ("given", "edited", "agreed", "unsure")


@dataclass(frozen=True, slots=True)
class TypedQuestion:
    """A question with the type that it counts under."""

    question: LabelledQuestion
    """As its dataset has it."""
    how: How
    """Where the type comes from."""
    type: str
    """The type; empty for one that is unsure."""
    guesses: Label | None
    """What rules and classifier say; None where the dataset says."""


def type_question(question: LabelledQuestion, edits: Mapping[str, str]) -> TypedQuestion:
    """The type of a question. edits: by the text of a question, types that a person chose."""
    if question.type:
        return TypedQuestion(question, "given", question.type, None)
    guesses = label(question.text)
    if question.text in edits:
        return TypedQuestion(question, "edited", edits[question.text], guesses)
    return TypedQuestion(question, "agreed" if guesses.type else "unsure", guesses.type or "", guesses)


def type_dataset(dataset: Dataset, edits: Mapping[str, str]) -> Dataset:
    """The dataset with the type of each question filled in, where there is one."""
    typed = [type_question(question, edits) for question in dataset.questions]
    return replace(dataset, questions=tuple(replace(each.question, type=each.type) for each in typed))


def count_types(typed: Sequence[TypedQuestion]) -> dict[str, int]:
    """How many types come from where; what there is none of is left out."""
    counts = Counter(each.how for each in typed)
    return {how: counts[how] for how in HOWS if counts[how]}


def check_type(kind: str) -> str:
    """A type as it is kept. Raises InputError for one that is none of the nine."""
    named = kind.strip().upper()
    if named not in QUESTION_TYPES:
        raise InputError(f"There is no question type {kind.strip()[:40]!r}. Choose one of {', '.join(QUESTION_TYPES)}.")
    return named
