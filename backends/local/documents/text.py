"""Bytes to characters, and characters to paragraphs: what every file format shares."""

import re
from dataclasses import dataclass

UNKEPT = {
    **dict.fromkeys([*range(0x20), 0x7F, *range(0x80, 0xA0)]),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
    ord("\n"): "\n",
    ord("\t"): " ",
    0x0B: "\n",
    0x0C: "\n\n",
    0x85: "\n",
    0x2028: "\n",
    0x2029: "\n\n",
    0xA0: " ",
    0x2007: " ",
    0x202F: " ",
    0xAD: None,
    0xFEFF: None,
}
"""Control characters go, new lines and no-break spaces become plain ones, soft hyphens and inner BOMs go. Joiners,
direction marks and variation selectors stay: Arabic, Hebrew and emoji need them."""

BOMS = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
"""Byte-order marks, longest first: UTF-32's begins with UTF-16's."""

FALLBACK_ENCODING = "cp1252"
"""What bytes that are not UTF-8 most often are: Windows' Western European code page."""

WRAPPED_CHARS = (45, 120)
"""Shortest and longest line that a hard-wrapping editor or mailer leaves in the middle of a paragraph."""

_LIST_ITEM = re.compile(r"\s*([-*+\u2022\u2013]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s")


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, or one heading."""

    text: str
    """Without blank lines; white space may still be ragged."""
    heading: bool = False
    """Whether it heads what follows."""
    key: bool = False
    """Whether it is the term of a definition, which follows."""


def decode(data: bytes, declared: str | None = None) -> tuple[str, str]:
    """Characters, with `\n` between lines, and the encoding that was assumed.

    A byte-order mark decides; else UTF-8 if the bytes are valid UTF-8; else `declared`, if the bytes are valid in it;
    else Windows-1252, its five undefined bytes becoming U+FFFD. What a byte-order mark promises but the bytes do not
    keep becomes U+FFFD as well.
    """
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return _with_newlines(data[len(mark) :].decode(encoding, "replace")), encoding
    for candidate in ("utf-8", declared):
        if candidate is None:
            continue
        try:
            return _with_newlines(data.decode(candidate)), candidate
        except UnicodeDecodeError:
            continue
    return _with_newlines(data.decode(FALLBACK_ENCODING, "replace")), FALLBACK_ENCODING


def clean(text: str) -> str:
    """Newlines normalised, control characters and lone surrogates gone; see UNKEPT."""
    return _with_newlines(text).translate(UNKEPT)


def _with_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def one_line(text: str) -> str:
    """All white space collapsed to single spaces, and trimmed."""
    return " ".join(clean(text).split())


def join_blocks(blocks: list[Block], title: str = "") -> str:
    """Paragraphs separated by one blank line; a heading is the first line of the paragraph that it heads.

    A first heading that only repeats `title` is left out, unless it is all there is.
    """
    blocks = [block for block in blocks if block.text.strip()]
    if len(blocks) > 1 and blocks[0].heading and one_line(blocks[0].text) == title:
        blocks = blocks[1:]
    parts: list[str] = []
    for number, block in enumerate(blocks):
        lines = (" ".join(line.split()) for line in clean(block.text).split("\n"))
        text = "\n".join(line for line in lines if line)
        if not text:
            continue
        parts.append(text)
        parts.append("\n" if (block.heading or block.key) and number + 1 < len(blocks) else "\n\n")
    return "".join(parts).strip()


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
