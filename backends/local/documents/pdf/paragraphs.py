"""Lines to blocks: paragraphs joined over lines, columns and pages; lists' items, rows of tables, code."""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from statistics import median

from backends.local.documents.blocks import Block
from backends.local.documents.pdf.hyphens import Hyphenation
from backends.local.documents.pdf.lines import Line
from backends.local.documents.pdf.notes import marks_in, tell_note
from backends.local.documents.pdf.pieces import HYPHEN
from backends.local.documents.types import PartKind, Place

GAP = 1.3
"""Times the usual distance between lines: a wider one ends a paragraph."""

MAX_LINES = 300
"""Of one paragraph or one piece of code; more are cut."""

MAX_SPACING = 2.6
"""Times the letters' size: no lines of a paragraph stand further apart."""

INDENT = 0.8
"""In ems: a line that begins further right or left than the paragraph may begin another."""

_ITEM = re.compile(
    r"(?:[•◦▪‣●○■□➢*–—-]|\(?\d{1,3}[.)]|\([a-zA-Z]{1,4}\)|[a-zA-Z][.)]|[ivx]{1,5}[.)]|\[\d{1,3}\])\s+(?=\S)"
)
_CAPTION = re.compile(r"(?:table|tab\.|figure|fig\.|tabelle|tableau|tabla|tabell)\s*[\dIVXA-Z]", re.IGNORECASE)
_BULLET = re.compile(r"[•◦▪‣●○■□➢*–—-]\s+")
_SENTENCE_END = re.compile(r"[.!?:…。؟！？][\"'”’)\]]*(?:\s?\[\d{1,3}\])?$")


class Paragraphs:
    """Takes a document's lines, page by page, and gives its blocks."""

    def __init__(self, hyphenation: Hyphenation, leading: float, *, mono_is_text: bool) -> None:
        """leading: the usual distance between lines, over the letters' size. mono_is_text: whether all is typewritten."""
        self._hyphenation = hyphenation
        self._leading = leading
        self._mono_is_text = mono_is_text
        self._open: list[Line] = []
        self._notes: list[Block] = []
        self._spacing = 0.0

    def add(self, regions: list[list[Line]], notes: list[list[Line]], asides: list[str], page: int) -> Iterator[Block]:
        """The blocks that end on this page, or did on the one before."""
        for lines in regions:
            distances = [b.y - a.y for a, b in pairwise(lines) if abs(a.size - b.size) < 0.5 and b.y > a.y]
            known = len(distances) >= 4
            self._spacing = median(distances) if known else 0.0
            self._mark_code(lines)
            for number, line in enumerate(lines):
                following = lines[number + 1] if number + 1 < len(lines) else None
                if self._open and not self._goes_on(self._open[-1], line, following):
                    yield from self._close(line)
                self._open.append(line)
        place = Place("page", page)
        marks = marks_in(regions) if notes else frozenset()
        self._notes += [
            Block(tell_note(self._joined(lines), marks, marked=lines[0].marked), place=place) for lines in notes
        ]
        self._notes += [Block(text, place=place) for text in asides]

    def finish(self) -> Iterator[Block]:
        """The last blocks."""
        yield from self._close(None)
        yield from self._notes

    def _close(self, following: Line | None) -> Iterator[Block]:
        """The block that is open, and the notes of its page, unless a table goes on or begins behind it.

        They stand before a heading that ends the page: they belong to the section above it.
        """
        lines, self._open = self._open, []
        if not lines:
            return
        first = lines[0]
        place = Place("page", first.page)
        if first.level:
            if self._notes and first.page >= self._page_of_notes():
                yield from self._told_notes()
            yield Block(self._joined(lines), "heading", first.level, place)
            return
        kind: PartKind = "text"
        if first.is_row:
            text, kind = self._hyphenation.mend(first.text), "row"
        elif first.is_code:
            text, kind = _code(lines), "code"
        else:
            text = self._joined(lines)
            if _ITEM.match(text):
                text, kind = _BULLET.sub("", text, count=1), "item"
        is_caption = kind == "text" and _CAPTION.match(text) is not None
        above_row = following is not None and following.is_row
        yield Block(text, kind, place=place, holds_next=is_caption and above_row)
        if first.page >= self._page_of_notes() and not (is_caption or above_row):
            yield from self._told_notes()

    def _told_notes(self) -> list[Block]:
        notes, self._notes = self._notes, []
        return notes

    def _page_of_notes(self) -> int:
        return self._notes[0].place.number if self._notes and self._notes[0].place else 0

    def _joined(self, lines: list[Line]) -> str:
        """The lines' text; a break stays where a line was ended on purpose."""
        text = lines[0].text
        for above, line in pairwise(lines):
            if _breaks(above, line, max(each.right for each in lines if each.region == above.region)):
                text = f"{text.replace(HYPHEN, '-')}\n{line.text}"
            else:
                text = self._hyphenation.join(text, line.text)
        return text.replace(HYPHEN, "-")

    def _mark_code(self, lines: list[Line]) -> None:
        """Lines in a monospaced face are code, but for a name or an address that fills a line of a paragraph."""
        above: Line | None = None
        for line in lines:
            if line.face.mono and not self._mono_is_text and not line.is_row:
                line.is_code = not (
                    above is not None
                    and not (above.is_code or above.is_row or above.level or above.text.endswith(":"))
                    and above.right > above.edges[1] - 0.25 * (above.edges[1] - above.edges[0])
                    and 0 < line.y - above.y <= GAP * max(self._spacing or self._leading * line.size, line.size)
                    and abs(line.left - above.left) < 2.5 * line.size
                )
            above = line

    def _goes_on(self, above: Line, line: Line, following: Line | None) -> bool:
        """Whether a line belongs to the block of the line before it."""
        if line.is_row or above.is_row or len(self._open) >= MAX_LINES or bool(line.level) != bool(above.level):
            return False
        if line.region != above.region:
            return self._goes_on_elsewhere(above, line, following)
        distance = line.y - above.y
        usual = self._spacing or self._leading * min(line.size, above.size)
        if line.is_code or above.is_code:
            return line.is_code and above.is_code and 0 < distance < 3 * line.size
        if line.level:
            return (
                line.level == above.level
                and abs(line.size - above.size) < 0.5
                and line.face == above.face
                and distance < 1.6 * max(self._leading, 1.2) * line.size
                and len(self._open) < 3
            )
        if above.text.endswith(HYPHEN) and 0 < distance < 2 * GAP * line.size:
            return True
        if distance <= 0 or distance > min(GAP * max(usual, line.size), MAX_SPACING * line.size):
            return False
        if abs(line.size - above.size) > 0.12 * above.size and line.face.mono == above.face.mono:
            return False
        if _ITEM.match(line.text) and not self._is_wrapped_number(above, line):
            return False
        if _counts_on(self._open[0], line) or (
            following and line.text.startswith("1 ") and _counts_on(line, following)
        ):
            return False
        return not self._is_indented(line, following) and not self._ends_short(above, line, following)

    def _ends_short(self, above: Line, line: Line, following: Line | None) -> bool:
        """Whether a line ends a sentence where there was room for more."""
        if not _SENTENCE_END.search(above.text):
            return False
        lines = [*self._open, line, *([following] if following and following.region == line.region else [])]
        edge = max(each.right for each in lines if each.region == above.region)
        return _has_room(above, line, edge) and above.right < edge - 0.08 * (edge - above.edges[0])

    def _is_wrapped_number(self, above: Line, line: Line) -> bool:
        """Whether what looks like an item's number, or a dash, only happens to begin a line."""
        full = above.right > above.edges[1] - 4 * line.size and not _SENTENCE_END.search(above.text)
        return full and (not _ITEM.match(self._open[0].text) or line.left > self._open[0].left + INDENT * line.size)

    def _is_indented(self, line: Line, following: Line | None) -> bool:
        """Whether a line's beginning says that a paragraph begins: further right than the paragraph, or further left."""
        em = line.size
        if len(self._open) > 1 and self._open[-1].region == self._open[0].region:
            return abs(line.left - self._open[-1].left) > INDENT * em and self._open[-1].region == line.region
        first = self._open[0]
        if first.region != line.region:
            return line.left > line.edges[0] + INDENT * em
        shift = line.left - first.left
        if shift > INDENT * em and not _ITEM.match(first.text):
            wraps = first.right > first.edges[1] - 5 * em or line.left > first.edges[0] + 12 * em
            next_outdents = (
                following is not None and following.region == line.region and following.left < line.left - INDENT * em
            )
            return not wraps or next_outdents
        return (
            shift < -INDENT * em
            and first.left > line.edges[0] + 12 * em
            and _SENTENCE_END.search(first.text) is not None
        )

    def _goes_on_elsewhere(self, above: Line, line: Line, following: Line | None) -> bool:
        """Whether a paragraph goes on in the next column or on the next page."""
        if line.is_code and above.is_code:
            return line.page != above.page
        if line.level or line.is_code != above.is_code or abs(line.size - above.size) > 0.08 * above.size:
            return False
        if _ITEM.match(line.text) or (_SENTENCE_END.search(above.text) and not above.text.endswith(":")):
            return False
        if above.text.endswith((HYPHEN, "-", ",")) or line.text[:1].islower():
            return True
        indented = (
            following is not None
            and following.region == line.region
            and line.left > following.left + INDENT * line.size
        )
        is_full = above.right > above.edges[1] - 3 * line.size and len(self._open) > 1
        return is_full and not indented and not above.text.endswith(":")


def _counts_on(first: Line, line: Line) -> bool:
    """Whether a line begins with the number after that of the paragraph, as items without a full stop behind it do."""
    numbers = [re.match(r"(\d{1,2})\s+\S", each.text) for each in (first, line)]
    if numbers[0] is None or numbers[1] is None or abs(first.left - line.left) > 0.5 * line.size:
        return False
    return int(numbers[1][1]) == int(numbers[0][1]) + 1


def _has_room(above: Line, line: Line, edge: float) -> bool:
    """Whether the next line's first word would have fitted on the line above, before `edge`."""
    word = len(line.text.split(" ", 1)[0]) + 1
    width = word * (line.right - line.left) / max(1, len(line.text))
    return above.right + width + line.size < edge


def _breaks(above: Line, line: Line, edge: float) -> bool:
    """Whether a line that ends no sentence was ended on purpose, as in a verse or an address. edge: of its paragraph."""
    if above.region != line.region or above.level or above.text.endswith((HYPHEN, "-", ",")):
        return False
    if line.text[:1].islower():
        return _has_room(above, line, edge) and above.right - above.left < 0.6 * (edge - above.left)
    left, right = above.edges
    return _has_room(above, line, right) and above.right < right - 0.2 * (right - left)


def _code(lines: Iterable[Line]) -> str:
    """Lines of code with their indentation, which is told by where they begin."""
    lines = list(lines)
    told: list[str] = []
    left = min(line.left for line in lines)
    for above, line in pairwise([None, *lines]):
        assert line is not None
        if above is not None and line.region == above.region and line.y - above.y > 1.8 * line.size:
            told.append("")
        width = (line.right - line.left) / max(1, len(line.text))
        told.append(" " * min(80, round((line.left - left) / (width or 1))) + line.text.replace(HYPHEN, "-"))
    return "\n".join(told)
