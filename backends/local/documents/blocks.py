"""What a reader of a format gives: blocks of text in order. `compose` makes a document's text and parts of them.

A reader says what a block is and where it stands. It need not care for white space, control characters, Unicode's normal forms or
headings' paths: these are the same for all formats, and are seen to here.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from backends.local.documents.text import clean, one_line
from backends.local.documents.types import Part, PartKind, Place

MAX_HEADING_CHARS = 200
"""A longer "heading" is a paragraph in bold."""


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, heading, list item, table row or block of code."""

    text: str
    """White space may still be ragged; in code it counts. A line break in it is kept."""
    kind: PartKind = "text"
    """What it is."""
    level: int = 1
    """Of a heading: 1 is the outermost. Levels may be skipped."""
    place: Place | None = None
    """Its page, slide, row, cell or line."""
    holds_next: bool = False
    """Whether the next block goes on from it on the next line, as a definition does from its term. A heading always holds the next."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one document of a file."""

    title: str
    """The document's own title; empty where it has none."""
    blocks: tuple[Block, ...]
    """In reading order."""
    doubts: tuple[str, ...] = ()
    """What could not be read, or not surely: sentences for a person, each saying what to do."""
    member: str = ""
    """Where in the file it lies, for a file that holds several: a path in an archive, a record's title. Different for each."""


def compose(blocks: Iterable[Block], title: str = "") -> tuple[str, tuple[Part, ...]]:
    """(text, parts) of a document: paragraphs with one blank line between them, a heading on the line above what it heads; in NFC.

    A first heading that only repeats `title` is left out, unless it is all there is, and no heading's path names the title.
    """
    tidied = [(_demoted(block), text) for block in blocks if (text := _tidy(block))]
    title = one_line(unicodedata.normalize("NFC", title))
    if len(tidied) > 1 and tidied[0][0].kind == "heading" and tidied[0][1] == title:
        tidied = tidied[1:]
    pieces: list[str] = []
    parts: list[Part] = []
    path: list[tuple[int, str]] = []
    at = 0
    for number, (block, text) in enumerate(tidied):
        if block.kind == "heading":
            path = [outer for outer in path if outer[0] < block.level] + [(block.level, text)]
        section = tuple(heading for _, heading in path if heading != title)
        parts.append(Part(at, at + len(text), block.kind, section, block.place))
        last = number + 1 == len(tidied)
        gap = "" if last else "\n" if block.kind == "heading" or block.holds_next else "\n\n"
        pieces += [text, gap]
        at += len(text) + len(gap)
    return "".join(pieces), tuple(parts)


def _demoted(block: Block) -> Block:
    """The block, or a paragraph of it where it only looks like a heading."""
    long = block.kind == "heading" and len(block.text) > MAX_HEADING_CHARS
    return replace(block, kind="text") if long else block


def _tidy(block: Block) -> str:
    """A block's text as it is kept: NFC, without control characters and blank lines, lines trimmed.

    Of code only the lines' ends are trimmed, and a blank line stays.
    """
    text = unicodedata.normalize("NFC", block.text)
    if block.kind == "code":
        lines = (line.rstrip() for line in clean(text, tabs=True).expandtabs(4).split("\n"))
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    if block.kind == "heading":
        return one_line(text)
    lines = (" ".join(line.split()) for line in clean(text).split("\n"))
    return "\n".join(line for line in lines if line)
