"""Word files (.docx) to the page that mammoth makes of them, with headers of tables marked.

Deleted text and comments are left out; text boxes stand behind the paragraph that they belong to.
"""

import io
import zipfile
from collections.abc import Iterator

import mammoth
from lxml import etree, html

from backends.local.documents.blocks import Reading
from backends.local.documents.markup.page import read_html
from backends.local.documents.office.numbering import number_paragraphs
from backends.local.documents.office.package import check_package, title_of
from backends.local.documents.tables.headers import is_header
from backends.local.documents.text import one_line

STYLES = (
    "p[style-name='Title'] => h1:fresh",
    "p[style-name='Subtitle'] => p:fresh",
    "p[style-name='Code'] => pre:separator('\\n')",
    "p[style-name='Source Code'] => pre:separator('\\n')",
    "p[style-name='HTML Preformatted'] => pre:separator('\\n')",
    "p[style-name='Preformatted Text'] => pre:separator('\\n')",
    *(f"p[style-name='toc {level}'] => !" for level in range(1, 10)),
    "p[style-name='TOC Heading'] => !",
    "p[style-name='table of figures'] => !",
)
"""Paragraphs that mammoth does not know: titles, code, and tables of contents, which are left out."""

MAIN = "word/document.xml"
NUMBERING = "word/numbering.xml"
"""Parts with the text and its lists, as Word and others name them; of a file that names them otherwise the numbers are left out."""

MOST_HEADING_LEVEL = 6

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def read(name: str, data: bytes) -> list[Reading]:
    """A Word file. The title is that of its properties, else its first heading.

    Raises InputError as `check_package` does; whatever mammoth raises if it is broken.
    """
    parts = check_package(name, data, ".docx")
    styles = "\n".join([*STYLES, *_outline_styles(parts.get("word/styles.xml", b""))])
    made = mammoth.convert_to_html(
        io.BytesIO(_numbered(data, parts)),
        style_map=styles,
        convert_image=lambda _: [],
        include_embedded_style_map=False,
    )
    if not made.value:
        return []
    page = html.document_fromstring(made.value)
    for listed in page.iter("ol"):
        listed.set("style", "list-style: none")
    _mark_headers(page)
    reading = read_html(html.tostring(page, encoding="unicode"))
    return [Reading(title_of(parts) or reading.title, reading.blocks, reading.doubts)]


def _numbered(data: bytes, parts: dict[str, bytes]) -> bytes:
    """The file with its paragraphs' numbers as text, and without its pictures; as it is where nothing is numbered."""
    if MAIN not in parts or NUMBERING not in parts:
        return data
    document = number_paragraphs(parts[MAIN], parts[NUMBERING], parts.get("word/styles.xml", b""))
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(target, "w") as copy:
        for name in archive.namelist():
            if not name.startswith("word/media/"):
                copy.writestr(name, document if name == MAIN else archive.read(name))
    return target.getvalue()


def _outline_styles(styles: bytes) -> Iterator[str]:
    """Lines for mammoth about styles of one's own that stand in the outline, or are based on one that does (ECMA-376, 17.3.1.20)."""
    if not styles:
        return
    root = etree.fromstring(styles, etree.XMLParser(resolve_entities=False, no_network=True))
    found = {
        style.get(f"{_W}styleId"): style for style in root.iter(f"{_W}style") if style.get(f"{_W}type") == "paragraph"
    }
    for style in found.values():
        label = style.find(f"{_W}name")
        level = _outline_level(style, found)
        if label is None or level is None or level >= MOST_HEADING_LEVEL:
            continue
        named = (label.get(f"{_W}val") or "").replace("\\", "\\\\").replace("'", "\\'")
        if named and not named.lower().startswith(("heading ", "title", "toc ")):
            yield f"p[style-name='{named}'] => h{level + 1}:fresh"


def _outline_level(style: etree._Element, styles: dict[str | None, etree._Element]) -> int | None:
    """From 0; of the nearest style that it is based on and that has one."""
    based: etree._Element | None = style
    for _ in range(len(styles)):
        if based is None:
            break
        level = based.find(f"{_W}pPr/{_W}outlineLvl")
        if level is not None:
            return int(level.get(f"{_W}val") or 0)
        parent = based.find(f"{_W}basedOn")
        based = styles.get(parent.get(f"{_W}val")) if parent is not None else None
    return None


def _mark_headers(page: html.HtmlElement) -> None:
    """The first row of a table as a header where it is one: few authors say so in Word."""
    for table in page.xpath("//table[not(.//th)]"):
        rows = table.xpath("./tr | ./tbody/tr")
        cells = [[one_line(cell.text_content()) for cell in row] for row in rows]
        if len(rows) > 1 and len(cells[0]) > 1 and is_header(cells[0], cells[1:]):
            for cell in rows[0]:
                cell.tag = "th"
