"""Plain text to paragraphs."""

import re

from backends.local.documents.blocks import Block, Reading
from backends.local.documents.text import clean, decode_file

WRAPPED_CHARS = (45, 120)
"""Shortest and longest line that a hard-wrapping editor or mailer leaves in the middle of a paragraph."""

_LIST_ITEM = re.compile(r"\s*([-*+\u2022\u2013]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s")


def read(name: str, data: bytes) -> list[Reading]:
    """A text file."""
    text, doubts = decode_file(name, data)
    return [Reading("", tuple(plain_blocks(text)), doubts)]


def plain_blocks(text: str) -> list[Block]:
    """The paragraphs of plain text: runs of lines between blank lines.

    Hard-wrapped lines are joined; short lines (verse, addresses, lists) keep their breaks; a line too long to be
    wrapped is a paragraph of its own.
    """
    blocks: list[Block] = []
    for run in re.split(r"\n[^\S\n]*\n\s*", clean(text)):
        paragraph: list[str] = []
        for line in run.split("\n"):
            if len(line) > WRAPPED_CHARS[1]:
                blocks += [Block("".join(paragraph)), Block(line)]
                paragraph = []
            else:
                paragraph += [_join(paragraph[-1], line), line] if paragraph else [line]
        blocks.append(Block("".join(paragraph)))
    return blocks


def _join(last: str, line: str) -> str:
    """A space where the line before was wrapped, else a line break."""
    return " " if len(last) >= WRAPPED_CHARS[0] and not _LIST_ITEM.match(line) else "\n"
