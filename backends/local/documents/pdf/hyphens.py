"""Words that are broken at a line's end: which hyphens go, and which belong to the word."""

import re
from collections.abc import Iterable
from functools import cache

from backends.local.documents.pdf.pieces import HYPHEN

MAX_END = 200
"""Characters of a text in which the word or address is sought that its last line breaks."""

_WORD = re.compile(r"[^\W\d_]+(?:[-\u2010\u2011][^\W\d_]+)*")
_HEAD = re.compile(r"([^\W_]+)[-\u2010\ufffe]$")
_TAIL = re.compile(r"[^\W_]+")
_ADDRESS = re.compile(r"(?:(?:^|[\s(<“\"'])/\S+/|://(?:\S*[/.=&?~%#_\ufffe-])?)$")
_ADDRESS_TAIL = re.compile(r"[\w~%]+(?:[/._=-]\w|/|\W*$|\W? )")
"""A path or an address that is broken behind a slash, and what goes on from it."""


class Hyphenation:
    """Joins lines, knowing which words their document writes."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._words = {word.lower().replace("\u2010", "-") for line in lines for word in _WORD.findall(line)}

    def join(self, text: str, line: str) -> str:
        """`text` and the line that goes on from it, with a space, a hyphen or nothing between them."""
        end = text[-MAX_END:]
        if _ADDRESS.search(end) and _ADDRESS_TAIL.match(line):
            return text.replace(HYPHEN, "-") + line
        head = _HEAD.search(end) if end.endswith(("-", "\u2010", HYPHEN)) else None
        tail = _TAIL.match(line)
        if head is None or tail is None:
            plain = text.replace(HYPHEN, "-")
            return plain + line if plain.endswith("-") and head else f"{plain} {line}"
        stem = text[:-1].replace(HYPHEN, "-")
        return f"{stem}-{line}" if self._keeps_hyphen(head[1], tail[0], line) else stem + line

    def mend(self, text: str) -> str:
        """A text in which lines were joined without a look at their hyphens."""
        head, *rest = text.split(HYPHEN)
        for tail in rest:
            head = self.join(head + HYPHEN, tail) if tail[:1].isalnum() else f"{head}-{tail}"
        return head

    def _keeps_hyphen(self, head: str, tail: str, line: str) -> bool:
        """Whether the two parts are written with a hyphen where they stand on one line.

        What the document writes elsewhere decides; then capitals and digits, which no hyphenation breaks apart; then
        whether both parts are English words and their join is none.
        """
        joined, hyphened = (head + tail).lower(), f"{head}-{tail}".lower()
        if (joined in self._words) != (hyphened in self._words):
            return hyphened in self._words
        if (
            not (head + tail).isalpha()
            or (tail[0].isupper() and not head.isupper())
            or (head.isupper() and len(head) > 1 and tail.islower())
        ):
            return True
        if line[len(tail) : len(tail) + 1] == "-" and head[0].isupper():
            return True
        known = _dictionary()
        return head.lower() in known and tail.lower() in known and joined not in known and len(head) > 2


@cache
def _dictionary() -> frozenset[str]:
    """English words in lower case; loaded when a word is first in doubt, in a fifth of a second."""
    from spellchecker import SpellChecker

    return frozenset(SpellChecker(language="en").word_frequency.dictionary)
