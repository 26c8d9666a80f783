"""What a document's doubts amount to: read in part, or read whole and not surely; of the document, or of the archive that it lies in."""

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from backends.local.documents import GUESSED, MEMBER, base_name

Doubtful = Literal["read in part", "doubtful"]
"""`read in part`: something could not be read. `doubtful`: all of it was read, and perhaps wrongly."""


def standing_of(doubts: Iterable[str]) -> Doubtful:
    """How a document with these doubts, at least one, stands."""
    return "doubtful" if all(doubt.startswith(GUESSED) for doubt in doubts) else "read in part"


def own_doubts(source: str, doubts: Iterable[str]) -> tuple[str, ...]:
    """The doubts about a document itself."""
    return tuple(doubt for doubt in doubts if not _tells_of_archive(source, doubt))


def archive_doubts(source: str, doubts: Iterable[str]) -> tuple[str, ...]:
    """Those about the file that it lies in: the first or last of its documents holds them."""
    return tuple(doubt for doubt in doubts if _tells_of_archive(source, doubt))


def _tells_of_archive(source: str, doubt: str) -> bool:
    return any(
        re.search(rf"(?:^In|\bin) {re.escape(name)}(?:: | (?:was|were) not read: )", doubt) for name in _around(source)
    )


def _around(source: str) -> Iterator[str]:
    """The names of the files around a document, as its reader had them."""
    outermost, *inner = source.split(MEMBER)
    if inner:
        yield base_name(outermost)
        yield from inner[:-1]
