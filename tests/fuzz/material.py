"""Real files and texts to be made wrong, and the strategies that do it."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from pipeline.schema import trace_to_dict, trace_to_version_1
from tests.factories import make_chunk, make_failed_trace, make_trace
from tests.fuzz.mutating import mutate_bytes, mutate_value

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT / "tests" / "otlp" / "recorded"

SEEDS = st.integers(0, 2**62)

plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
"""Any JSON."""


def mutated(files: list[bytes]) -> st.SearchStrategy[bytes]:
    """One of these files made wrong; now and then as it is, or bytes that are nothing."""
    wrong = st.builds(lambda data, seed: mutate_bytes(data, seed, files), st.sampled_from(files), SEEDS)
    return st.one_of(wrong, wrong, wrong, st.sampled_from(files), st.binary(max_size=200))


def json_bytes(values: list[Any]) -> st.SearchStrategy[bytes]:
    """One of these values made wrong, as JSON; or its text made wrong; or other JSON."""
    wrong = st.builds(mutate_value, st.sampled_from(values), SEEDS).map(as_json)
    return st.one_of(wrong, wrong, wrong, mutated([as_json(value) for value in values]), plain_json.map(as_json))


def as_json(value: Any) -> bytes:
    """A value as JSON, with what Python alone writes (NaN, Infinity, a lone surrogate by its number)."""
    return json.dumps(value).encode()


def mutated_text(texts: list[str]) -> st.SearchStrategy[str]:
    """One of these texts made wrong, signs that no encoding knows and all; or any text."""
    data = [text.encode() for text in texts]
    wrong = mutated(data).map(lambda made: made.decode("utf-8", "surrogatepass" if _is_odd(made) else "replace"))
    return st.one_of(wrong, wrong, st.text(max_size=400))


def _is_odd(data: bytes) -> bool:
    """Whether bytes are UTF-8 but for lone surrogates."""
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def traces() -> list[dict[str, Any]]:
    """Traces of both versions, answered and failed."""
    made = [make_trace(), make_failed_trace(), make_trace(chunks=tuple(make_chunk(rank=n) for n in range(1, 4)))]
    return [*map(trace_to_dict, made), *map(trace_to_version_1, made)]


@cache
def recorded_requests() -> list[bytes]:
    """Requests with spans as frameworks sent them, in protobuf."""
    return [gzip.decompress(path.read_bytes()) for path in sorted(RECORDED.glob("*.gz"))]


@cache
def documents() -> dict[str, list[bytes]]:
    """Files by their suffix: the corpus's own pages, this project's, and small ones that office programs would make."""
    found: dict[str, list[bytes]] = {}
    for pattern in (
        "corpus/articles/earth/*.md",
        "docs/ingest.md",
        "CHANGELOG.md",
        "corpus/questions/earth.jsonl",
        "metrics/prices.json",
    ):
        for path in sorted(ROOT.glob(pattern))[:3]:
            found.setdefault(path.suffix, []).append(path.read_bytes()[:20_000])
    for suffix, make in MAKERS.items():
        found.setdefault(suffix, []).append(make())
    found[".zip"] = [_zip({f"a{suffix}": data[0] for suffix, data in found.items()})]
    found[".txt.gz"] = [gzip.compress(found[".txt"][0])]
    return found


def _zip(files: dict[str, bytes | str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def _saved(document: Any) -> bytes:
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def _word() -> bytes:
    from docx import Document

    document = Document()
    document.add_heading("Pump manual", 1)
    document.add_paragraph("Hold the green button for three seconds.")
    table = document.add_table(2, 2)
    table.cell(0, 0).text, table.cell(1, 1).text = "Part", "Valve"
    return _saved(document)


def _slides() -> bytes:
    from pptx import Presentation

    slides = Presentation()
    slide = slides.slides.add_slide(slides.slide_layouts[1])
    slide.shapes.title.text = "Pump manual"
    slide.placeholders[1].text = "Hold the green button."
    return _saved(slides)


def _workbook() -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    for row in (("part", "price", "ok"), ("valve", 12.5, True), ("=1+1", None, "ä")):
        book.active.append(row)
    return _saved(book)


def _pdf() -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    target = io.BytesIO()
    canvas = Canvas(target)
    for line in range(5):
        canvas.drawString(72, 700 - 20 * line, f"Line {line} of the pump's manual.")
    canvas.save()
    return target.getvalue()


def _epub() -> bytes:
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        '<dc:title>Pump</dc:title></metadata><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="a"/></spine></package>'
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="p.opf" '
        'media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    page = '<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>Pump</h1><p>Hold the green button.</p></body></html>'
    return _zip(
        {"mimetype": "application/epub+zip", "META-INF/container.xml": container, "p.opf": package, "a.xhtml": page}
    )


_MAIL = (
    b"From: a@example.org\r\nTo: b@example.org\r\nSubject: =?utf-8?b?UMO8bXA=?=\r\nDate: Mon, 01 Sep 2025 10:00:00 +0200\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    b"Hold the green button.\r\n--x\r\nContent-Type: text/csv; name=a.csv\r\nContent-Disposition: attachment; filename=a.csv\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nYSxiCjEsMgo=\r\n--x--\r\n"
)
_NOTEBOOK = {
    "nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"language": "python"}},
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Pump\n", "Hold the button."]},
        {"cell_type": "code", "metadata": {}, "source": "print(1)", "outputs": [
            {"output_type": "stream", "name": "stdout", "text": ["1\n"]}]},
    ],
}  # fmt: skip
_RST = (
    b"Pump\n====\n\n.. note:: Mind it.\n\n* One\n* Two `link <https://example.org>`_\n\n"
    b"+---+---+\n| a | b |\n+---+---+\n| 1 | 2 |\n+---+---+\n"
)
_HTML = (
    b"<!doctype html><html><head><meta charset=utf-8><title>Pump</title></head><body><h1>Pump</h1><p>Hold &amp; press.</p>"
    b"<table><tr><th>a</th><th>b</th></tr><tr><td rowspan=2>1</td><td>2</td></tr></table><pre>x = 1</pre><ul><li>One</ul></body></html>"
)

MAKERS: dict[str, Callable[[], bytes]] = {
    ".txt": lambda: "Größe: 3 µm.\n\nHold the green button.\r\n".encode("cp1252"),
    ".rst": lambda: _RST,
    ".html": lambda: _HTML,
    ".csv": lambda: b'part;price\n"valve, big";12,5\nscrew;1\n',
    ".tsv": lambda: "part\tprice\nvalve\t1\n".encode("utf-16"),
    ".json": lambda: b'[{"part": "valve", "price": 1.5, "in": {"stock": [1, 2]}}, {"part": "screw"}]',
    ".ipynb": lambda: as_json(_NOTEBOOK),
    ".eml": lambda: _MAIL,
    ".py": lambda: b'"""Doc."""\n\ndef reset():\n    return 1\n',
    ".docx": _word,
    ".pptx": _slides,
    ".xlsx": _workbook,
    ".pdf": _pdf,
    ".epub": _epub,
}
"""Makes a small file of each format."""
