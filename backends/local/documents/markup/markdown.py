"""Markdown to title and blocks, by way of HTML: CommonMark with tables and what the common dialects add."""

from dataclasses import replace

from markdown_it import MarkdownIt

from backends.local.documents.blocks import Reading
from backends.local.documents.markup.dialects import add_dialects
from backends.local.documents.markup.front_matter import split_front_matter
from backends.local.documents.markup.page import read_html
from backends.local.documents.markup.tags import keep_unknown_tags
from backends.local.documents.text import decode_file

MAX_NESTING = 100
"""Levels of quotes and lists that are read; deeper ones are left out by the parser, which recurses."""


def read(name: str, data: bytes) -> list[Reading]:
    """A Markdown document."""
    text, doubts = decode_file(name, data)
    return [replace(read_markdown(text), doubts=doubts)]


def read_markdown(text: str) -> Reading:
    """A Markdown document; the title is its front matter's, else its first heading, else empty."""
    title, body = split_front_matter(text)
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING})
    add_dialects(parser)
    keep_unknown_tags(parser)
    reading = read_html(parser.render(body), whole=True)
    return replace(reading, title=title or reading.title)
