"""Where two texts say something else, word by word."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

WORD = re.compile(r"\S+")

MOST_WORDS = 4_000
"""Of either text: beyond, comparing would take longer than reading."""

MOSTLY_OTHER = 0.7
"""Share of a text's letters from which on marking what differs would mark nearly all of it."""

MARKED = "Marked: words that the other answer does not have."
"""What is said beside two answers whose words are."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Character ranges of the words that one text has and the other has not, in order."""

    first: tuple[tuple[int, int], ...]
    """In the first text."""
    second: tuple[tuple[int, int], ...]
    """In the second."""

    @property
    def any(self) -> bool:
        """Whether there is any."""
        return bool(self.first or self.second)


def differ(first: str, second: str) -> Difference:
    """The words that differ, by a longest run of common words, then left and right of it. White space between words does not count."""
    one, other = ([match.span() for match in WORD.finditer(text)][:MOST_WORDS] for text in (first, second))
    words, others = ([text[start:end] for start, end in spans] for text, spans in ((first, one), (second, other)))
    gone, came = [], []
    for tag, start, end, other_start, other_end in SequenceMatcher(None, words, others, autojunk=False).get_opcodes():
        if tag != "equal":
            gone += _joined(one[start:end])
            came += _joined(other[other_start:other_end])
    return Difference(tuple(gone), tuple(came))


def telling(first: str, second: str) -> Difference | None:
    """The words that differ; None where nearly all of both do, so that marking them would tell nothing."""
    found = differ(first, second)
    mostly = _covered(first, found.first) > MOSTLY_OTHER and _covered(second, found.second) > MOSTLY_OTHER
    return None if mostly else found


def _covered(text: str, spans: Sequence[tuple[int, int]]) -> float:
    return sum(end - start for start, end in spans) / max(len(text), 1)


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbouring words as one range, the space between them included."""
    return [(spans[0][0], spans[-1][1])] if spans else []
