"""What a backend may have beyond answering, where its documents are kept or its models run here."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from pipeline.types import Chunk, Kind

if TYPE_CHECKING:
    from backends.local.corpus import LocalCorpus


@runtime_checkable
class HoldsCorpus(Protocol):
    """A backend whose documents can be seen and added to from here."""

    corpus: "LocalCorpus"


@runtime_checkable
class CountsTokens(Protocol):
    """Optional, of an embedder: how many tokens a text is to it."""

    @property
    def window(self) -> int | None:
        """Tokens that it reads at once; None if nothing limits them."""

    def count_tokens(self, texts: Sequence[str], kind: Kind) -> list[int]:
        """Tokens of each text, prefix and control tokens included, however many."""


@runtime_checkable
class CountsPrompts(Protocol):
    """Optional, of what reads chunks: how many tokens a question and chunks are to it."""

    @property
    def prompt_window(self) -> int:
        """Tokens that it reads at once."""

    def count_prompt(self, question: str, chunks: Sequence[Chunk]) -> list[int]:
        """Tokens of each row that it reads: one a chunk of a reader, one in all of a generator."""
