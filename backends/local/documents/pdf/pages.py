"""A PDF's pages as rows of text, whether the text is written in the file, typed into a form or only seen in a picture."""

import re
from collections import Counter
from itertools import islice

import pypdfium2.raw as pdfium
from pypdfium2 import PdfDocument, PdfPage

from backends.local.documents.pdf.forms import fields_of, fill_in
from backends.local.documents.pdf.pieces import UPRIGHT, Piece, TextReader
from backends.local.documents.pdf.recognition import Recogniser
from backends.local.documents.pdf.rows import Page, rows_of

MIN_LETTERS = 20
"""A page of fewer, most of which a picture covers, is a picture: the letters are a stamp or a number."""

PICTURE_SHARE = 0.4
"""Of a page: what a scan covers at least. Where there is no text at all, a quarter of this will do."""

GARBLED_SHARE = 0.3
"""Of a page's words: where the file does not tell so many, the page is better read as a picture."""

MAX_OBJECTS = 2_000
"""Of a page, among which pictures are sought."""

_WORD = re.compile(r"\W?[A-Z]?[a-z]*[aeiouy][a-z]*(?:\W|$)")
_PICTURES = (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_SHADING)


class PageReader:
    """Reads the pages of one document, one after the other."""

    def __init__(self, document: PdfDocument, recogniser: Recogniser) -> None:
        self._document = document
        self._recogniser = recogniser
        self._text = TextReader()
        self.chars = 0
        """How many characters the pages read so far hold."""

    def read(self, index: int) -> Page:
        """The page at `index`, counted from 0."""
        page = self._document[index]
        try:
            return self._read(page, index + 1)
        finally:
            page.close()

    def _read(self, page: PdfPage, number: int) -> Page:
        text = page.get_textpage()
        try:
            self.chars += max(0, text.count_chars())
            pieces, unknown = self._text.pieces(text)
        finally:
            text.close()
        letters = sum(map(len, (piece.text for piece in pieces)))
        read = Page(number, *page.get_size())
        read.is_garbled = unknown > GARBLED_SHARE and not _holds_words(pieces)
        read.is_picture = not read.is_garbled and letters < MIN_LETTERS and _is_covered(page, empty=letters == 0)
        if read.is_picture or read.is_garbled:
            recognised = self._recogniser.read(page)
            read.was_recognised = recognised is not None
            pieces = recognised if recognised is not None else [] if read.is_garbled else pieces
        upright, read.asides = _turned(pieces, page, read)
        if self._document.formenv:
            fill_in(upright, fields_of(page, self._document.formenv, page.get_bbox()[3]))
        read.rows = rows_of(upright)
        return read


def _turned(pieces: list[Piece], page: PdfPage, read: Page) -> tuple[list[Piece], list[str]]:
    """(the pieces that run as most do, their y counted from the page's top; what runs otherwise, as text)."""
    directions: Counter[int] = Counter()
    for piece in pieces:
        directions[piece.direction] += len(piece.text)
    main = max((UPRIGHT, 1, 2, 3), key=lambda each: directions[each])
    left, bottom, right, top = page.get_bbox()
    if not read.was_recognised:
        offset = {UPRIGHT: top, 1: -left, 2: right, 3: -bottom}[main]
        read.width, read.height = right - left, top - bottom
        if main not in (UPRIGHT, 3):
            read.width, read.height = read.height, read.width
        for piece in pieces:
            piece.y += offset
    kept = [piece for piece in pieces if piece.direction == main]
    others = (
        " ".join(piece.text for piece in pieces if piece.direction == each) for each in directions if each != main
    )
    return kept, [text for text in others if len(text) > 1]


def _holds_words(pieces: list[Piece]) -> bool:
    """Whether text whose letters the file does not name reads like words all the same, as with many old fonts."""
    words = re.findall(r"\S{2,}", " ".join(piece.text for piece in pieces))
    return sum(_WORD.match(word) is not None for word in words) > 0.5 * len(words)


def _is_covered(page: PdfPage, *, empty: bool) -> bool:
    """Whether pictures or drawings cover so much of a page that they may hold its text."""
    kinds = _PICTURES if empty else _PICTURES[:1]
    width, height = page.get_size()
    left, bottom, right, top = page.get_bbox()
    least = PICTURE_SHARE * width * height * (0.25 if empty else 1.0)
    covered = 0.0
    for each in islice(page.get_objects(filter=kinds, max_depth=3), MAX_OBJECTS):
        box = each.get_bounds()
        across = min(box[2], right) - max(box[0], left)
        down = min(box[3], top) - max(box[1], bottom)
        covered += max(0.0, across) * max(0.0, down)
        if covered >= least:
            return True
    return False
