"""The elements of a page, in order, to paragraphs: what begins one, what a paragraph is, and which marks stand for raised letters."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lxml import etree

from backends.local.documents.blocks import Block
from backends.local.documents.faq import is_question
from backends.local.documents.markup.grid import read_table
from backends.local.documents.markup.lists import ListCount
from backends.local.documents.text import unwrap
from backends.local.documents.types import PartKind

HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})

_BLOCKS = """
    address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure footer form header
    hgroup hr html legend li listing main menu ol p pre search section summary table tbody td tfoot th thead tr ul xmp
"""
BLOCKS = HEADINGS | frozenset(_BLOCKS.split())
"""Elements that begin and end a paragraph."""

VERBATIM = frozenset({"pre", "xmp", "listing"})
"""Elements whose white space counts."""

TERM_CLASSES = frozenset({"admonition-title", "callout-title", "term"})
"""Classes of paragraphs that are the title of a box."""

UNITS = frozenset({"m", "cm", "mm", "km", "dm", "nm", "ft", "in", "yd", "mi", "s", "min", "kg", "lb", "rad", "Hz"})
"""Words after which a raised number is a power: the commonest that are raised."""

WRAP = "\v"
"""Stands, until a paragraph is whole, for white space with a line's end in it: between letters of Chinese it is nothing."""

MAX_ALTERNATIVE_CHARS = 200
"""Of a picture's text, to be a part of a sentence."""

NEAR = 8
"""Pieces of a paragraph on either side of a picture from which it is judged whether it stands in a sentence."""

_MARK = re.compile(r"\[?(?:\d{1,3}|[a-z]|note \d{1,3}|[*†‡§¶]{1,3})\]?(?:\s*[,–-]\s*\[?\d{1,3}\]?)*")
_ENDING = re.compile(r"(?:st|nd|rd|th|er|re|e|ère|ème|ième|o|a|os|as|TM|SM|[®©™])", re.IGNORECASE)
_CHARGE = re.compile(r"\d?[+−–-]")
_SIMPLE_POWER = re.compile(r"[-−–+]?\w+(?:\.\d+)?")
_LAST_WORD = re.compile(r"[^\W\d_]+$")
_SPACES = re.compile(r"\s+")
_FILE_NAME = re.compile(r"\S+\.(?:png|jpe?g|gif|svg|webp|bmp|avif)", re.IGNORECASE)
_BLANK_LINE = re.compile(r"\n\s*\n")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A block, and how much of it is there to lead elsewhere."""

    block: Block
    """What was read."""
    links: int = 0
    """Characters of its text in links."""


def flow(root: etree._Element, left_out: set[etree._Element]) -> list[Paragraph]:
    """What a page, or a part of it, holds, without the elements that are left out. Never recurses: pages nest deeper than Python."""
    return list(_Flow(left_out).read(root))


class _Flow:
    """A walk through a page: the paragraph that is being read, and what is open around it."""

    def __init__(self, left_out: set[etree._Element]) -> None:
        self._left_out = left_out
        self._whole: set[etree._Element] = set()
        self._parts: list[str] = []
        self._pictures: list[int] = []
        self._links = 0
        self._open_links = 0
        self._question = ""
        self._first_bold: etree._Element | None = None
        self._open_blocks: list[etree._Element] = []
        self._open_items = 0
        self._list_count = ListCount()
        self._list_mark = ""
        self._level = 0

    def read(self, root: etree._Element) -> Iterator[Paragraph]:
        """The paragraphs of an element."""
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if event == "start":
                if element not in self._left_out:
                    yield from self._read_whole(element, element is root)
                if element in self._left_out or element in self._whole:
                    walk.skip_subtree()
                else:
                    yield from self._begin(element)
            else:
                if element not in self._left_out and element not in self._whole:
                    yield from self._end(element)
                if element is not root:
                    self._add(self._after_mark(element))
        yield from self._take(None)

    def _begin(self, element: etree._Element) -> Iterator[Paragraph]:
        tag = element.tag
        if tag in BLOCKS:
            yield from self._take(self._open_blocks[-1] if self._open_blocks else None)
            self._open_blocks.append(element)
            if tag == "li":
                self._open_items += 1
                self._list_mark = self._list_count.mark(element)
        elif tag == "a":
            self._open_links += 1
        elif tag == "br":
            self._parts.append("\n")
        elif tag == "q":
            self._parts.append("“")
        elif tag == "img":
            self._add_picture(element.get("alt") or "")
        elif tag == "input" and element.get("type") == "checkbox" and self._open_items:
            self._parts.append("☐ " if element.get("checked") is None else "☑ ")
        elif (
            tag in ("b", "strong")
            and self._first_bold is None
            and not self._question
            and not "".join(self._parts[:9]).strip()
        ):
            self._first_bold = element
        self._add(element.text)

    def _end(self, element: etree._Element) -> Iterator[Paragraph]:
        tag = element.tag
        if tag in BLOCKS:
            yield from self._take(element)
            self._open_blocks.pop()
            if tag == "li":
                self._open_items -= 1
                self._list_mark = ""
        elif tag == "a":
            self._open_links -= 1
        elif tag == "q":
            self._parts.append("”")
        elif element is self._first_bold:
            self._first_bold = None
            bold = " ".join("".join(self._parts).split())
            if is_question(bold):
                self._question, self._parts, self._pictures = bold, [], []

    def _read_whole(self, element: etree._Element, is_root: bool) -> Iterator[Paragraph]:
        """Read an element that is a paragraph, or a word, as a whole, if it is one; `_whole` then holds it."""
        tag = element.tag
        if tag in VERBATIM:
            yield from self._take(self._open_blocks[-1] if self._open_blocks else None)
            yield Paragraph(Block(verbatim(element, self._left_out), "code"))
        elif tag == "table" and not is_root:
            rows = read_table(element, self._left_out, lambda cell: _one_line(flow(cell, self._left_out)), self._level)
            if rows is None:
                return
            yield from self._take(self._open_blocks[-1] if self._open_blocks else None)
            yield from (Paragraph(row) for row in rows)
        elif tag == "sup":
            self._parts.append(raised("".join(self._parts[-2:]), "".join(element.itertext()), _is_mark(element)))
        elif tag == "sub":
            self._parts.append(lowered("".join(self._parts[-2:]), "".join(element.itertext())))
        elif tag == "math":
            self._parts.append(_formula(element))
        else:
            return
        self._whole.add(element)

    def _after_mark(self, element: etree._Element) -> str | None:
        """What follows an element. A full stop behind a mark that is left out moves up to the word before."""
        tail: str | None = element.tail
        if (
            tail
            and tail[0] in ".,;:)"
            and self._parts
            and element.tag in ("a", "sup")
            and (element in self._left_out or element in self._whole)
        ):
            self._parts[-1] = self._parts[-1].rstrip()
        return tail

    def _add(self, text: str | None) -> None:
        if not text:
            return
        self._parts.append(_SPACES.sub(lambda space: WRAP if "\n" in space.group() else " ", text))
        if self._open_links:
            self._links += len(text)

    def _add_picture(self, alternative: str) -> None:
        """Note what a picture says, which is kept if it turns out to be a word of a sentence."""
        text = " ".join(alternative.split())
        if text and len(text) <= MAX_ALTERNATIVE_CHARS and not _FILE_NAME.fullmatch(text):
            self._pictures.append(len(self._parts))
            self._parts.append(text)

    def _whole_text(self) -> str:
        """The paragraph, without pictures that only stand beside it."""
        for at in self._pictures:
            before = "".join(self._parts[max(0, at - NEAR) : at]).rpartition("\n")[2].strip()
            behind = "".join(self._parts[at + 1 : at + 1 + NEAR]).partition("\n")[0].strip()
            if not before and not behind[:1].islower():
                self._parts[at] = ""
        return unwrap("".join(self._parts).strip(), breaks=WRAP)

    def _take(self, element: etree._Element | None) -> Iterator[Paragraph]:
        """What was added since the last paragraph, of which `element` says what it is."""
        text, links, question = self._whole_text(), self._links, self._question
        self._parts, self._pictures, self._links, self._question, self._first_bold = [], [], 0, "", None
        if question:
            self._list_mark = ""
            yield Paragraph(Block(question, "heading", self._level + 1))
        if not text:
            return
        if self._list_mark and not text.startswith(self._list_mark):
            text = f"{self._list_mark} {text}"
        self._list_mark = ""
        tag = element.tag if element is not None else ""
        if tag in HEADINGS:
            level = int(tag[1])
            self._level = level - is_question(text)
            yield Paragraph(Block(text, "heading", level))
        elif tag in ("dt", "summary") or (
            element is not None and not TERM_CLASSES.isdisjoint(element.get("class", "").split())
        ):
            if is_question(text):
                yield Paragraph(Block(text, "heading", self._level + 1))
            else:
                yield Paragraph(Block(" ".join(text.split()).rstrip(":") + ":", holds_next=True), links)
        else:
            kind: PartKind = "item" if self._open_items and tag in ("li", "p", "div") else "text"
            yield from (Paragraph(Block(part, kind), links) for part in _BLANK_LINE.split(text))


def verbatim(element: etree._Element, left_out: set[etree._Element]) -> str:
    """The text of an element whose white space counts."""
    parts: list[str] = []
    walk = etree.iterwalk(element, events=("start", "end"))
    for event, inner in walk:
        if event == "start" and inner in left_out:
            walk.skip_subtree()
        elif event == "start":
            parts += ["\n"] if inner.tag == "br" else []
            parts.append(inner.text or "")
        elif inner is not element:
            parts.append(inner.tail or "")
    return "".join(parts)


def raised(before: str, text: str, is_mark: bool) -> str:
    """How `<sup>` goes on from the text before it: a power as `^`, an ending as it is, the mark of a footnote not at all."""
    text = " ".join(text.split())
    word = _LAST_WORD.search(before)
    if not text or is_mark or (before[-1:].isspace() and text[:1] in "*†‡§¶["):
        return ""
    if not before.strip() or before[-1:].isspace() or _CHARGE.fullmatch(text) or _ENDING.fullmatch(text):
        return text
    power = (
        before[-1:] in ")]}"
        or before[-1:].isdigit()
        or (word is not None and (len(word.group()) == 1 or word.group() in UNITS))
    )
    if not power and _MARK.fullmatch(text):
        return ""
    if not power and text.isalpha():
        return text
    return f"^{text}" if _SIMPLE_POWER.fullmatch(text) else f"^({text})"


def lowered(before: str, text: str) -> str:
    """How `<sub>` goes on from the text before it: `H2O`, but `x_i`."""
    word = _LAST_WORD.search(before)
    letters = text.strip()[:1].isalpha() and word is not None and len(word.group()) == 1
    return f"_{text.strip()}" if letters else text


def _is_mark(element: etree._Element) -> bool:
    """Whether raised text leads to a note."""
    if "footnote" in element.get("class", "") or "reference" in element.get("class", ""):
        return True
    links = [link for link in element.iter("a") if link.get("href") or link.get("class")]
    around = element.getparent()
    return bool(links) or (
        around is not None and around.tag == "a" and _MARK.fullmatch("".join(element.itertext()).strip()) is not None
    )


def _formula(element: etree._Element) -> str:
    """A formula as its author wrote it, if that is kept, else its letters."""
    source = next((each.text for each in element.iter("annotation") if each.text), None)
    return source or element.get("alttext") or " ".join("".join(element.itertext()).split())


def _one_line(paragraphs: Iterable[Paragraph]) -> str:
    """What a cell holds, on one line."""
    return " ".join(" ".join(each.block.text.split()) for each in paragraphs)
