"""Markdown to title and blocks, by way of HTML."""

import re
from dataclasses import replace

from markdown_it import MarkdownIt

from backends.local.documents.blocks import Reading
from backends.local.documents.page import read_html
from backends.local.documents.text import decode_file, one_line

MAX_NESTING = 100
"""Levels of quotes and lists that are read; deeper ones are left out by the parser, which recurses."""

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.{0,20000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*[\"']?(.*?)[\"']?[ \t]*$", re.MULTILINE | re.IGNORECASE)


def read(name: str, data: bytes) -> list[Reading]:
    """A Markdown document."""
    text, doubts = decode_file(name, data)
    return [replace(read_markdown(text), doubts=doubts)]


def read_markdown(text: str) -> Reading:
    """A Markdown document; the title is its front matter's, else its first heading, else empty."""
    front = _FRONT_MATTER.match(text)
    body = text[front.end() :] if front else text
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING}).enable("table")
    reading = read_html(parser.render(body))
    named = _FRONT_TITLE.search(front.group(1)) if front else None
    if named is not None and one_line(named.group(1)):
        return replace(reading, title=one_line(named.group(1)))
    return reading
