"""Web pages to title and blocks. Nothing is run, fetched or rendered; markup that was text stays text.

Parsed by lxml: for 50 pages of manuals (1.5 MB) it takes 0.03 s, html5lib 0.7 s and html.parser 0.9 s; 20,000 open elements take html5lib
20 s, and 100,000 tags that are never closed take html.parser minutes. lxml stops at 2,048 open elements: a page that nests deeper is
read without its nesting.
"""

import html
import re
from dataclasses import replace

from lxml import etree

from backends.local.documents.blocks import Block, Reading
from backends.local.documents.encoding import declared_encoding
from backends.local.documents.faq import set_questions_apart
from backends.local.documents.markup.boilerplate import is_imprint, is_navigation, left_out
from backends.local.documents.markup.flow import flow
from backends.local.documents.markup.notes import place_notes
from backends.local.documents.text import decode_file, one_line
from backends.local.documents.types import MAX_TITLE_CHARS

UNTITLED = frozenset(
    {"about:blank", "document", "home", "index", "new page", "no title", "title", "untitled", "untitled document"}
)
"""What programs write where a page has no title."""

LAST_BLOCKS = 3
"""How many of a page's last paragraphs may be its imprint."""

_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,200}>", re.IGNORECASE)
_XHTML = re.compile(r"<\?xml|<html[^>]{0,300}xmlns", re.IGNORECASE)
_SELF_CLOSED = re.compile(
    r"<((?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)\b)[a-z][\w:-]{0,30})((?:\s[^<>]*)?)/>",
    re.IGNORECASE,
)
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s<>/]*)[^<>]*>")
_FLAT = {
    "br",
    "dd",
    "dt",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "li",
    "p",
    "pre",
    "script",
    "style",
    "template",
    "textarea",
    "title",
}
_PARTS = {
    "div",
    "section",
    "article",
    "main",
    "table",
    "tr",
    "ul",
    "ol",
    "dl",
    "blockquote",
    "header",
    "footer",
    "aside",
    "nav",
    "body",
}
_BEFORE = re.compile(r"(?:.*\s[-–—|·»«/•]+\s+|.*:\s+)?")
_AFTER = re.compile(r"(?:\s+[-–—|·»«/•]+\s.*)?")


def read(name: str, data: bytes) -> list[Reading]:
    """A page, in the encoding that it declares."""
    text, doubts = decode_file(name, data, declared_encoding(data))
    reading = read_html(text)
    return [replace(reading, doubts=(*doubts, *reading.doubts))]


def read_html(text: str, *, whole: bool = False) -> Reading:
    """A page; the title is its `<title>` without the site's name, else its first heading, else empty.

    What is hidden is left out, and navigation, sidebars, banners and footers unless hardly anything would remain. whole: headers,
    footers and sidebars stay, for a document that has no page around it. A list item and a table's row are blocks; a row's cells come
    with their columns' names. The term of a definition, and a heading, stand above what follows them.
    """
    if "<" not in text:
        return Reading("", tuple(Block(part) for part in html.unescape(text).split("\n\n")))
    root, doubts = _parsed(text)
    if root is None:
        return Reading("", ())
    place_notes(root)
    paragraphs = flow(root, left_out(root, whole=whole))
    if not whole:
        paragraphs = [
            each for each in paragraphs if each.block.kind == "code" or not is_navigation(each.block.text, each.links)
        ]
        while paragraphs[1:] and any(is_imprint(each.block.text) for each in paragraphs[-LAST_BLOCKS:]):
            last = max(i for i, each in enumerate(paragraphs) if is_imprint(each.block.text))
            del paragraphs[last]
    blocks = set_questions_apart(each.block for each in paragraphs)
    return Reading(_title(root, blocks), tuple(blocks), doubts)


def _parsed(text: str) -> tuple[etree._Element | None, tuple[str, ...]]:
    """The page's tree, None for a page of nothing but comments, and the doubts about it."""
    if _XHTML.search(text[:2_000]):
        text = _SELF_CLOSED.sub(r"<\1\2></\1>", text)
    text = _without_open_tag(_XML_DECLARATION.sub("", text.replace("\0", "")))
    root, complete = _parse(text)
    if complete:
        return root, ()
    root, _ = _parse(_TAG.sub(_flattened, text))
    return root, (
        "Its elements are nested too deeply: tables and hidden parts of it stand as plain paragraphs. Check its text.",
    )


def _without_open_tag(text: str) -> str:
    """Text without `<` after its last `>`: no tag can begin there, and the parser would swallow what looks like one."""
    end = text.rfind(">") + 1
    return text[:end] + text[end:].replace("<", "&lt;")


def _parse(text: str) -> tuple[etree._Element | None, bool]:
    """(tree, whether all of the text is in it)."""
    parser = etree.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True, encoding="utf-8")
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return None, True
    return root, not any(entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in parser.error_log)


def _flattened(tag: re.Match[str]) -> str:
    """A tag that cannot nest in place of one that can."""
    name = tag.group(2).lower()
    return tag.group() if name in _FLAT else "<p>" if name in _PARTS else ""


def _title(root: etree._Element, blocks: list[Block]) -> str:
    """`<title>` without what the site adds to the heading of the page; else the first heading."""
    heading = next((one_line(block.text) for block in blocks if block.kind == "heading"), "")
    named = next((element for element in root.iter("title") if next(element.iterancestors("svg"), None) is None), None)
    title = one_line("".join(named.itertext()))[:MAX_TITLE_CHARS] if named is not None else ""
    if not title or title.lower() in UNTITLED or re.fullmatch(r"\S+\.x?html?", title):
        return heading
    around = title.split(heading) if heading else []
    return heading if len(around) == 2 and _BEFORE.fullmatch(around[0]) and _AFTER.fullmatch(around[1]) else title
