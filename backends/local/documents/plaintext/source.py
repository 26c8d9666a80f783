"""Programs, settings and logs: text whose white space counts, in blocks of whole definitions with the number of their first line."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import PurePath

from backends.local.documents.blocks import Block, Reading
from backends.local.documents.encoding import codec_of, declared_encoding
from backends.local.documents.text import decode_file
from backends.local.documents.types import Place

LINES = 40
"""Lines of a block: a longer definition is cut at the first blank line behind them."""

FEW_LINES = 4
"""Definitions of fewer lines, as of constants, are put together."""

MAX_LINES = 3 * LINES
"""Lines of a block in which nothing is blank."""

MAX_LINE_CHARS = 2_000
"""A longer line, which only a program writes, is cut."""

_COOKIE = re.compile(rb"^(?:[^\n]{0,200}\n)?[ \t\f]*#[^\n]{0,100}?coding[:=][ \t]*([-\w.]{2,40})")
_LONG_QUOTE = re.compile(r"\"{3}|'{3}")
_GOES_ON = re.compile(r"\s|[)}\]]|(?:elif|else|except|finally|catch|end|then|do|fi|done)\b")


def read(name: str, data: bytes) -> list[Reading]:
    """A text file of code; its title is its name. An XML declaration and Python's comment on the encoding (PEP 263) are heeded."""
    cookie = _COOKIE.match(data)
    declared = codec_of(cookie.group(1).decode("ascii", "ignore")) if cookie else declared_encoding(data)
    text, doubts = decode_file(name, data, declared)
    return [Reading(PurePath(name).name, tuple(source_blocks(text)), doubts)]


def source_blocks(text: str) -> Iterator[Block]:
    """Code in blocks, each with the number of its first line."""
    first, held, few = 1, list[str](), True
    for part in _parts(text.split("\n")):
        small = sum(1 for line in part if line.strip()) < FEW_LINES
        if any(held) and not (few and small and len(held) + len(part) <= LINES):
            yield from _block(held, first)
            first, held = first + len(held), []
        held += part
        few = small
    yield from _block(held, first)


def _parts(lines: Sequence[str]) -> Iterator[list[str]]:
    """Definitions: they begin with a line at the margin behind a blank one. Long ones come in pieces."""
    part: list[str] = []
    in_text = False
    for last, line in pairwise(["", *lines]):
        at_margin = bool(line) and _GOES_ON.match(line) is None
        begins = at_margin and not last.strip() and not in_text
        ends = len(part) >= LINES and (at_margin or not last.strip())
        if part and (begins or ends or len(part) >= MAX_LINES):
            yield part
            part = []
        part.append(line)
        in_text ^= len(_LONG_QUOTE.findall(line)) % 2 == 1
    yield part


def _block(lines: Sequence[str], first: int) -> Iterator[Block]:
    blank = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    text = "\n".join("\n".join(_cut(line)) for line in lines[blank:])
    if text.strip():
        yield Block(text, "code", place=Place("line", first + blank))


def _cut(line: str) -> list[str]:
    return [line[at : at + MAX_LINE_CHARS] for at in range(0, len(line), MAX_LINE_CHARS)] or [""]
