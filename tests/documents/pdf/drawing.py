"""PDFs drawn by reportlab, by coordinates: points from the left and from the top of an A4 page."""

import io
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
