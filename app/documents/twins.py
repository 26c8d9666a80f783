"""Words for a document whose text another one has, too."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.kit.numbers import count

if TYPE_CHECKING:
    from backends.local.index import IndexedChunk


def same_words(chunks: "Sequence[IndexedChunk]") -> str:
    """That a document has no chunks of its own, and which others answer for it. chunks: theirs."""
    others = list(dict.fromkeys((chunk.title, chunk.source) for chunk in chunks))
    if not others:
        return "Its text is the same as that of other documents, which answer for it."
    title, source = others[0]
    if len(others) == 1:
        return f"Its text is the same as that of “{title}” ({source}), which answers for it."
    return f"Its text is the same as that of “{title}” ({source}) and {count(len(others) - 1, 'more document')}, which answer for it."
