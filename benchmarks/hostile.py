"""Files that are made to hurt whoever reads them, each a few kilobytes to a few megabytes of some known trick.

`HOSTILE` maps a file's name to what makes its bytes. Names say the trick; the suffix says who is to read it.
"""

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping

LAUGHS = 10
"""Levels of entities or aliases that each name the one before ten times: ten thousand million in all."""

GIGABYTE = 1 << 30
MEGABYTE = 1 << 20


def text_of(unit: str, size: int) -> Callable[[], bytes]:
    """A file that repeats a text up to a size in bytes."""
    return lambda: (unit * (size // len(unit.encode()) + 1)).encode()[:size]


def pdf(*objects: bytes) -> bytes:
    """A PDF of objects numbered from 1, the first of which is the catalogue."""
    body = b"%PDF-1.7\n"
    places = []
    for number, each in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    trailer = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(body))
    return body + head + table + trailer


def pdf_page(content: bytes, filters: int = 0) -> bytes:
    """A PDF of one page with this content stream, that many times deflated."""
    names = b"/Filter[%s]" % (b"/FlateDecode" * filters) if filters else b""
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), names, content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )


def deflated(pieces: Iterable[bytes]) -> bytes:
    """Data packed piece by piece."""
    packer = zlib.compressobj(9)
    return b"".join(map(packer.compress, pieces)) + packer.flush()


def pdf_bomb() -> bytes:
    """A gigabyte and a half of spaces in under a kilobyte: a content stream deflated three times."""
    packed = deflated(b" " * MEGABYTE for _ in range(1_536))
    return pdf_page(deflated([deflated([packed])]), 3)


def pdf_pages_in_circles() -> bytes:
    """A tree of pages that holds itself."""
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[2 0 R 3 0 R 2 0 R]/Count 1000000>>",
        b"<</Type/Pages/Kids[2 0 R 3 0 R]/Count 1000000>>",
    )


def pdf_deep_pages() -> bytes:
    """A tree of pages 20,000 levels deep."""
    levels = [b"<</Type/Pages/Kids[%d 0 R]/Count 1>>" % (number + 3) for number in range(20_000)]
    page = b"<</Type/Page/MediaBox[0 0 9 9]>>"
    return pdf(b"<</Type/Catalog/Pages 2 0 R>>", *levels, page)


def pdf_same_page() -> bytes:
    """A hundred thousand times the same page, with a line of text."""
    content = b"BT /F 12 Tf 72 700 Td (The same page again and again.) Tj ET"
    kids = b"4 0 R " * 100_000
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count 100000>>" % kids,
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 3 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )


def pdf_form_in_form() -> bytes:
    """A drawing that draws itself, ten times each time."""
    drawing = (
        b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 4 0 R>>>>/Length 60>>stream\n%s\nendstream"
    )
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</XObject<</X 4 0 R>>>>>>",
        drawing % (b"/X Do " * 10),
    )


def pdf_huge_page() -> bytes:
    """A page of 200,000 points a side with nothing on it: forty gigabytes of picture if it were drawn."""
    return pdf_page(b"0 0 m 100000 100000 l S").replace(b"612 792", b"200000 200000")


def pdf_many_glyphs() -> bytes:
    """Two million letters, all in one place."""
    return pdf_page(deflated([b"BT /F 1 Tf 9 9 Td "] + [b"(aaaaaaaaaa) Tj 0 0 Td "] * 200_000 + [b"ET"]), 1)


def packed(files: Mapping[str, bytes | Iterable[bytes]]) -> bytes:
    """A ZIP of files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            with archive.open(name, "w", force_zip64=True) as member:
                for piece in [content] if isinstance(content, bytes) else content:
                    member.write(piece)
    return out.getvalue()


def laughing(root: str, body: str) -> bytes:
    """XML whose entities unpack to thousands of millions. body: with `&l;` where they stand."""
    entities = "".join(
        f'<!ENTITY l{level} "{f"&l{level - 1};" * 10 if level else "laugh"}">' for level in range(LAUGHS + 1)
    )
    return f"<?xml version='1.0'?><!DOCTYPE {root} [{entities}]>{body.replace('&l;', f'&l{LAUGHS};')}".encode()


WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
TYPES = b"""<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels"
ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="%s"/></Types>"""
RELATION = b"""<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1"
Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/%s" Target="%s"/></Relationships>"""


def docx(document: bytes | Iterable[bytes]) -> bytes:
    """A Word file around its main part."""
    kind = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    relation = RELATION % (b"officeDocument", b"word/document.xml")
    return packed({"[Content_Types].xml": TYPES % kind, "_rels/.rels": relation, "word/document.xml": document})


def xlsx(sheet: bytes | Iterable[bytes]) -> bytes:
    """A workbook around its only sheet."""
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    book = f'<workbook xmlns="{SHEET}" xmlns:r="{relations}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>'
    return packed(
        {
            "[Content_Types].xml": TYPES
            % b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
            "_rels/.rels": RELATION % (b"officeDocument", b"xl/workbook.xml"),
            "xl/workbook.xml": book.encode(),
            "xl/_rels/workbook.xml.rels": RELATION % (b"worksheet", b"worksheets/sheet1.xml"),
            "xl/worksheets/sheet1.xml": sheet,
        }
    )


def sheet_of(rows: Iterable[bytes]) -> Iterable[bytes]:
    """A sheet's XML, piece by piece."""
    yield f'<worksheet xmlns="{SHEET}"><sheetData>'.encode()
    yield from rows
    yield b"</sheetData></worksheet>"


def epub(page: bytes) -> bytes:
    """A book of one page."""
    container = b"""<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
    <rootfile full-path="b.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
    package = b"""<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="p" href="p.xhtml"
    media-type="application/xhtml+xml"/></manifest><spine><itemref idref="p"/></spine></package>"""
    return packed(
        {
            "mimetype": b"application/epub+zip",
            "META-INF/container.xml": container,
            "b.opf": package,
            "p.xhtml": page,
        }
    )


def nested_zips(levels: int, copies: int) -> bytes:
    """ZIPs in ZIPs, each of several copies of the next."""
    data = packed({"a.txt": (b"x" * MEGABYTE for _ in range(100))})
    for _ in range(levels):
        data = packed({f"{number}.zip": data for number in range(copies)})
    return data


def yaml_laughs() -> bytes:
    """Front matter whose aliases unpack to thousands of millions."""
    lines = ["a0: &a0 laugh"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, LAUGHS + 1)]
    return "\n".join(["---", *lines, f"title: *a{LAUGHS}", "---", "Text."]).encode()


def mail_in_mail(levels: int) -> bytes:
    """Parts in parts of a message."""
    head = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(levels))
    return ("Subject: Deep\nMIME-Version: 1.0\n" + head + "Content-Type: text/plain\n\nText.\n").encode()


XXE = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
MINIFIED = "function a(b,c){return b.c('d',\"e\")?f[0]:g};"
CELL = b'<row r="1"><c r="A1" t="inlineStr"><is><t>%s</t></is></c></row>'
DEEP = 1_000_000

HOSTILE: dict[str, Callable[[], bytes]] = {
    "bomb.pdf": pdf_bomb,
    "circles.pdf": pdf_pages_in_circles,
    "deep-pages.pdf": pdf_deep_pages,
    "same-page.pdf": pdf_same_page,
    "form-in-form.pdf": pdf_form_in_form,
    "huge-page.pdf": pdf_huge_page,
    "many-glyphs.pdf": pdf_many_glyphs,
    "deep-arrays.pdf": lambda: pdf_page(b"[" * 500_000),
    "minified.txt": text_of(MINIFIED, 900_000),
    "one-line.txt": text_of("x", 49 * 10**6),
    "line-breaks.txt": text_of("a\n\n", 9 * 10**6),
    "quotes.txt": text_of("“", 900_000),
    "marks.txt": text_of("e\u0301\u0323", 9 * 10**6),
    "brackets.md": text_of("[", 100_000),
    "images.md": text_of("![[]()", 100_000),
    "stars.md": text_of("*a **a ", 100_000),
    "underlines.md": text_of("_a __a ", 100_000),
    "quotes.md": text_of(">", 100_000),
    "ticks.md": lambda: " ".join("`" * length for length in range(1, 450)).encode(),
    "links.md": text_of("[a](<b", 100_000),
    "definitions.md": text_of("[a]: b\n", 100_000),
    "lists.md": lambda: "\n".join("  " * depth + "- a" for depth in range(450)).encode(),
    "columns.md": lambda: b"|a" * 50_000 + b"\n" + b"|-" * 50_000 + b"\n" + b"|\n" * 10_000,
    "comments.md": text_of("<!-- ", 100_000),
    "yaml.md": yaml_laughs,
    "paragraphs.md": text_of("a\n\n", 900_000),
    "deep.html": text_of("<div>", 5 * DEEP),
    "deep-tables.html": text_of("<table><tr><td>", 3 * DEEP),
    "less-than.html": text_of("<", DEEP),
    "open-tags.html": text_of("<a ", DEEP),
    "bold.html": text_of("<b><p>", DEEP),
    "comments.html": text_of("<!--", DEEP),
    "attributes.html": lambda: b"<p " + b" ".join(b"a%d" % n for n in range(300_000)) + b">Text.",
    "svg-laughs.html": lambda: b"<html><body><p>Text.</p>" + laughing("svg", "<svg>&l;</svg>"),
    "entities.html": text_of("&amp", DEEP),
    "spans.html": lambda: (
        b'<table><tr><td rowspan="60000" colspan="1000">Text.</td></tr>' + b"<tr><td>a</td></tr>" * 500
    ),
    "one-cell.csv": text_of("x", 49 * 10**6),
    "never-closed.csv": text_of('a,"b\n', 9 * 10**6),
    "columns.csv": text_of("a,", 9 * 10**6),
    "ragged.csv": lambda: b"\n".join(b"," * (n % 3_000) + b"a" for n in range(6_000)),
    "rows.csv": text_of("a,b\n", 9 * 10**6),
    "deep.json": text_of("[", DEEP),
    "deep-objects.json": text_of('{"a":', DEEP),
    "number.json": lambda: b"[" + b"1" * DEEP + b"]",
    "records.jsonl": text_of('{"a": "b"}\n', 9 * 10**6),
    "deep.ipynb": text_of('{"cells":[', DEEP),
    "sections.rst": lambda: "\n".join(f"T\n{chr(33 + n % 15) * 3}\n" for n in range(20_000)).encode(),
    "quotes.rst": lambda: "\n".join(" " * depth + "a\n" for depth in range(2_000)).encode(),
    "includes.rst": lambda: b"Text.\n\n.. include:: /etc/passwd\n\n.. raw:: html\n   :file: /etc/passwd\n",
    "substitutions.rst": lambda: (
        "".join(f".. |a{n}| replace:: {f'|a{n + 1}|' * 10}\n" for n in range(9)).encode() + b"\n|a0|"
    ),
    "bomb.xlsx": lambda: xlsx(sheet_of(b"<row><c><v>1</v></c></row>" * 40_000 for _ in range(2_000))),
    "laughs.xlsx": lambda: xlsx(laughing("worksheet", b"".join(sheet_of([CELL % b"&l;"])).decode())),
    "far-cell.xlsx": lambda: xlsx(sheet_of([CELL % b"a", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'])),
    "bomb.docx": lambda: docx(b"<w:t>" + b" " * MEGABYTE for _ in range(2_000)),
    "laughs.docx": lambda: docx(
        laughing(
            "document",
            f'<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>&l;</w:t></w:r></w:p></w:body></w:document>',
        )
    ),
    "deep.docx": lambda: docx(f'<w:document xmlns:w="{WORD}"><w:body>'.encode() + b"<w:tbl><w:tr><w:tc>" * 100_000),
    "outside.docx": lambda: docx(
        f"{XXE}<w:document xmlns:w='{WORD}'><w:body><w:p><w:r><w:t>T&x;</w:t></w:r></w:p></w:body></w:document>".encode()
    ),
    "laughs.epub": lambda: epub(laughing("html", "<html><body><p>&l;</p></body></html>")),
    "outside.epub": lambda: epub(f"{XXE}<html><body><p>Text.&x;</p></body></html>".encode()),
    "bomb.zip": lambda: packed({"a.txt": (b"x" * MEGABYTE for _ in range(4_000))}),
    "zips.zip": lambda: nested_zips(5, 10),
    "members.zip": lambda: packed({f"{n}.txt": b"Text." for n in range(100_000)}),
    "bomb.txt.gz": lambda: gzip.compress(b"x" * GIGABYTE),
    "deep.eml": lambda: mail_in_mail(5_000),
    "header.eml": lambda: b"Subject: " + b"=?utf-8?q?a?= " * 300_000 + b"\n\nText.",
    "addresses.eml": lambda: b"To: " + b"(" * 300_000 + b"\n\nText.",
    "strings.json": lambda: json.dumps(
        {"version": "v2.0", "data": [{"paragraphs": [{"context": "a"}] * 200_000}]}
    ).encode(),
}
"""Makers of hostile files by their names."""
