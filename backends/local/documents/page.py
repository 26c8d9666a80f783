"""HTML to title and paragraphs. Nothing is run, fetched or rendered; markup that was text stays text."""

import html
import re
from collections.abc import Iterator
from dataclasses import replace

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PageElement

from backends.local.documents.blocks import Block, Reading
from backends.local.documents.text import decode_file, one_line
from backends.local.documents.types import PartKind

HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})

DROPPED = frozenset(
    {
        "audio",
        "button",
        "canvas",
        "embed",
        "iframe",
        "nav",
        "noscript",
        "object",
        "rp",
        "rt",
        "script",
        "select",
        "style",
    }
    | {"svg", "template", "textarea", "title", "video"}
)
"""Elements whose content is not the page's text."""

BLOCKS = HEADINGS | frozenset(
    {
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
    }
    | {"fieldset", "figcaption", "figure", "footer", "form", "head", "header", "hgroup", "hr", "html", "legend", "li"}
    | {"main", "ol", "p", "pre", "search", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul"}
)
"""Elements that begin and end a paragraph."""

OPEN_ENDED = frozenset({"body", "dd", "dt", "html", "li", "p", "td", "th", "tr"})
"""Elements that may lack an end tag. A hidden one is kept: html.parser would hide what follows it too."""

_XML_DECLARATION = re.compile(r"<\?xml[^>]{0,200}>", re.IGNORECASE)
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([a-z0-9_-]{3,20})""", re.IGNORECASE)
_WEB_ENCODINGS = re.compile(
    r"(iso-8859-([2-9]|1\d)|windows-125\d|windows-874|koi8-[ru]|shift_jis|euc-jp|euc-kr|gb2312|gbk|gb18030|big5)",
    re.IGNORECASE,
)


def declared_encoding(data: bytes) -> str | None:
    """The encoding that a page's `<meta>` names, if it must be known.

    That is neither UTF-8, which is tried anyway, nor ISO-8859-1, by which the web means Windows-1252.
    """
    found = _CHARSET.search(data[:4096])
    if found is None:
        return None
    name = found.group(1).decode("ascii")
    return name if _WEB_ENCODINGS.fullmatch(name) else None


def read(name: str, data: bytes) -> list[Reading]:
    """A page, in the encoding that it declares."""
    text, doubts = decode_file(name, data, declared_encoding(data))
    return [replace(read_html(text), doubts=doubts)]


def read_html(text: str) -> Reading:
    """A page; the title is that of `<title>`, else the first heading, else empty.

    Scripts, styles, navigation and elements marked `hidden` are left out. A list item and a table row are paragraphs.
    """
    if "<" not in text:
        return Reading("", tuple(Block(part) for part in html.unescape(text).split("\n\n")))
    soup = BeautifulSoup(_without_open_tag(_XML_DECLARATION.sub("", text)), "html.parser")
    blocks = list(_blocks(soup))
    named = next((tag for tag in soup.find_all("title") if tag.find_parent("svg") is None), None)
    title = one_line(named.get_text()) if named is not None else ""
    if not title:
        title = next((one_line(block.text) for block in blocks if block.kind == "heading"), "")
    return Reading(title, tuple(blocks))


def _without_open_tag(text: str) -> str:
    """Text without `<` after its last `>`. No tag can begin there, and html.parser needs n² time to find that out."""
    end = text.rfind(">") + 1
    return text[:end] + text[end:].replace("<", "&lt;")


class _Paragraph:
    """The characters of the paragraph that is being read."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def add(self, text: str, *, verbatim: bool) -> None:
        self._parts.append(text if verbatim else re.sub(r"\s+", " ", text))

    def next_cell(self) -> None:
        if any(part.strip() for part in self._parts):
            self._parts = ["".join(self._parts).rstrip(), "; "]

    def take(self, tag: Tag | None = None) -> Iterator[Block]:
        """What was added, of which `tag` says what it is. The term of a definition stands above it and ends in a colon."""
        text = "".join(self._parts).strip()
        self._parts.clear()
        name = tag.name if tag is not None else ""
        if name == "dt" and text:
            yield Block(one_line(text).rstrip(":") + ":", holds_next=True)
        elif name in HEADINGS and text:
            yield Block(text, "heading", level=int(name[1]))
        elif text:
            kind: PartKind = "item" if name == "li" else "row" if name == "tr" else "text"
            yield from (Block(part, kind) for part in re.split(r"\n\s*\n", text))


def _blocks(soup: BeautifulSoup) -> Iterator[Block]:
    """Walk the tree in document order, without recursion: pages nest deeper than Python does."""
    paragraph = _Paragraph()
    open_tags: list[Tag] = [soup]
    node: PageElement | None = soup.contents[0] if soup.contents else None
    while node is not None:
        while node.parent is not open_tags[-1]:
            yield from _close(open_tags.pop(), paragraph)
        if isinstance(node, Tag):
            if _is_dropped(node):
                node = _after(node)
                continue
            open_tags.append(node)
            yield from _open(node, paragraph, open_tags[-2])
        elif type(node) is NavigableString:
            paragraph.add(str(node), verbatim=any(tag.name == "pre" for tag in open_tags[-4:]))
        node = node.next_element
    while open_tags:
        yield from _close(open_tags.pop(), paragraph)
    yield from paragraph.take()


def _open(tag: Tag, paragraph: _Paragraph, around: Tag) -> Iterator[Block]:
    if tag.name in BLOCKS:
        yield from paragraph.take(around)
    elif tag.name == "br":
        paragraph.add("\n", verbatim=True)
    elif tag.name in ("td", "th"):
        paragraph.next_cell()


def _close(tag: Tag, paragraph: _Paragraph) -> Iterator[Block]:
    if tag.name in BLOCKS:
        yield from paragraph.take(tag)


def _is_dropped(tag: Tag) -> bool:
    return tag.name in DROPPED or (tag.has_attr("hidden") and tag.name not in OPEN_ENDED)


def _after(tag: Tag) -> PageElement | None:
    """The first element after a tag and all that is in it."""
    following: PageElement | None = tag
    while following is not None and following.next_sibling is None:
        following = following.parent
    return following.next_sibling if following is not None else None
