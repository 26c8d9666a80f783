"""Whether a corpus holds what a dataset asks for, by the documents that its questions name; of one that names none nothing is known."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from evaluation.datasets import LabelledQuestion
from explain.answers import holds_gold, normalise


class NamedText(Protocol):
    """A document."""

    @property
    def document_id(self) -> str:
        """Its id."""

    @property
    def title(self) -> str:
        """Its title."""

    @property
    def text(self) -> str:
        """Its text."""


def find_uncovered(questions: Sequence[LabelledQuestion], documents: Iterable[NamedText]) -> list[LabelledQuestion]:
    """Answerable questions whose document is not there, or does not hold a gold answer; documents are read once, and only those named."""
    open_: dict[str, list[LabelledQuestion]] = {}
    for question in questions:
        if question.answers and normalise(question.article):
            open_.setdefault(normalise(question.article), []).append(question)
    for document in documents:
        for name in {normalise(document.title), normalise(document.document_id)} & open_.keys():
            held = f"{document.title}. {document.text}"
            open_[name] = [each for each in open_[name] if not holds_gold(held, each.answers)]
    left = {each.question_id for group in open_.values() for each in group}
    return [question for question in questions if question.question_id in left]
