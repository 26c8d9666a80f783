"""What the right answer is, and what agrees with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from explain.answers import best_f1, holds_gold, normalise
from explain.confidence import SAME_F1
from pipeline.errors import InputError
from pipeline.types import Chunk


@dataclass(frozen=True, slots=True)
class Gold:
    """What the right answer is, as a dataset or a person says."""

    answers: tuple[str, ...]
    """Accepted answers; empty if the documents have none."""
    article: str = ""
    """Title or id of the document that holds it; empty if not known."""
    document_only: bool = False
    """Whether the document alone is known, and no answer."""

    @classmethod
    def parse(cls, answers: str, article: str = "", *, unanswerable: bool = False) -> "Gold":
        """From what was typed: answers separated by `|`, their document, or both.

        Raises InputError for neither, unless the question is unanswerable, and for an answer to one that is.
        """
        found = tuple(part.strip() for part in answers.split("|") if normalise(part))
        document = article.strip()
        if bool(found) == unanswerable and not (document and not unanswerable):
            raise InputError(
                "Type the right answer (several are separated by |) or its document, or say that the documents have none; not both."
            )
        return cls(found, document, document_only=not found and not unanswerable)

    @property
    def unanswerable(self) -> bool:
        """Whether the documents have no answer."""
        return not self.answers and not self.document_only

    def agrees(self, answer: str, abstained: bool) -> bool:
        """Whether an answer is right: it holds a gold answer or shares most of its words; for no gold answer, whether it abstained."""
        if abstained or self.unanswerable:
            return abstained and self.unanswerable
        return holds_gold(answer, self.answers) or best_f1(answer, self.answers) >= SAME_F1

    def places(self, chunks: Sequence[Chunk]) -> list[int]:
        """Positions of gold chunks: those that hold a gold answer and are of the gold article, as far as each is known."""
        holding = {i for i, chunk in enumerate(chunks) if holds_gold(f"{chunk.title}. {chunk.text}", self.answers)}
        if not self.article:
            return sorted(holding)
        of_article = set(self.places_of_article(chunks))
        return sorted(of_article if self.document_only else of_article & holding)

    def places_of_article(self, chunks: Sequence[Chunk]) -> list[int]:
        """Positions of the chunks of the gold article, whatever they hold; none where no article is named."""
        wanted = normalise(self.article)
        named = (
            i for i, chunk in enumerate(chunks) if wanted in (normalise(chunk.title), normalise(chunk.document_id))
        )
        return list(named) if wanted else []
