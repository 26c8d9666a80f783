"""PDFs drawn by reportlab, in points from the left and from the top of an A4 page; and PDFs written byte by byte."""

import io
import zlib
from collections.abc import Callable, Sequence

from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import simpleSplit
from reportlab.pdfgen.canvas import Canvas

from backends.local.documents import Document
from tests.documents.one import read_document

LEADING = 1.3
"""Between lines, times the letters' size."""

PROSE = (
    "The harbour board met in the old customs house on a grey morning and heard the engineers explain how the northern "
    "wall had settled since the storm of the previous winter. Nobody wished to close the berth, yet the soundings left "
    "little room for doubt. After two hours of talk the members agreed to pay for divers."
)
"""Three sentences, long enough to wrap in any column."""


class Pen:
    """Draws on the pages of one PDF."""

    def __init__(self, title: str | None = None, pagesize: tuple[float, float] = A4) -> None:
        self._bytes = io.BytesIO()
        self.height = pagesize[1]
        self.canvas = Canvas(self._bytes, pagesize=pagesize)
        if title is not None:
            self.canvas.setTitle(title)

    def text(
        self, x: float, y: float, text: str, *, size: float = 11, font: str = "Helvetica", right: bool = False
    ) -> None:
        """One line whose baseline is `y` below the page's top. right: whether it ends at x."""
        self.canvas.setFont(font, size)
        (self.canvas.drawRightString if right else self.canvas.drawString)(x, self.height - y, text)

    def lines(self, x: float, y: float, lines: Sequence[str], *, size: float = 11, font: str = "Helvetica") -> float:
        """Lines below one another; where the next one would stand."""
        for line in lines:
            self.text(x, y, line, size=size, font=font)
            y += LEADING * size
        return y

    def prose(
        self, x: float, y: float, text: str, *, width: float = 470, size: float = 11, font: str = "Helvetica"
    ) -> float:
        """A paragraph, wrapped."""
        return self.lines(x, y, simpleSplit(text, font, size, width), size=size, font=font)

    def raised(self, x: float, y: float, *parts: tuple[str, bool], size: float = 11) -> None:
        """A line of (text, whether it is small and raised)."""
        line = self.canvas.beginText(x, self.height - y)
        for text, is_raised in parts:
            line.setFont("Helvetica", 0.65 * size if is_raised else size)
            line.setRise(0.35 * size if is_raised else 0)
            line.textOut(text)
        self.canvas.drawText(line)

    def turn(self) -> None:
        """Begin the next page."""
        self.canvas.showPage()

    def data(self) -> bytes:
        """The file."""
        self.canvas.save()
        return self._bytes.getvalue()


def drawn(*pages: Callable[[Pen], object], title: str | None = None) -> bytes:
    """A PDF with a page for each function."""
    pen = Pen(title)
    for draw in pages:
        draw(pen)
        pen.turn()
    return pen.data()


def read(data: bytes, name: str = "sheet.pdf") -> Document:
    """The document of a PDF."""
    return read_document(name, data)


def texts(data: bytes, kind: str | None = None) -> list[str]:
    """The texts of a PDF's parts, or of those of one kind."""
    document = read(data)
    return [document.text[part.start : part.end] for part in document.parts if kind in (None, part.kind)]


def assembled(pages: bytes, *more: bytes) -> bytes:
    """A file of a catalogue, the page tree `pages` and other objects, numbered from 3; each is written as it is given."""
    body, offsets = b"%PDF-1.7\n", []
    for number, content in enumerate((b"<< /Type /Catalog /Pages 2 0 R >>", pages, *more), 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(offsets) + 1
    head = b"xref\n0 %d\n0000000000 65535 f \n" % size
    return body + head + table + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (size, len(body))


FONT = b"/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
"""Resources of a page that sets text in Helvetica."""


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """A compressed stream. entries: of its dictionary."""
    packed = zlib.compress(content, 9)
    return b"<< /Length %d /Filter /FlateDecode %s >>\nstream\n" % (len(packed), entries) + packed + b"\nendstream"


def one_page(content: bytes, resources: bytes = FONT, *more: bytes) -> bytes:
    """A file of one page. more: objects from number 5 on."""
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << %s >> >>" % resources
    return assembled(b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page, stream(content), *more)
