"""A PDF as a whole: opened within limits, read page by page, and what could not be read told."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from statistics import median

import pypdfium2.raw as pdfium
from pypdfium2 import PdfDocument, PdfiumError

from backends.local.documents.blocks import Block, Reading
from backends.local.documents.pdf.contents import remove_contents
from backends.local.documents.pdf.headings import Entry, mark_headings, title_of
from backends.local.documents.pdf.hyphens import Hyphenation
from backends.local.documents.pdf.lines import Line, reading_order
from backends.local.documents.pdf.margins import remove_margins
from backends.local.documents.pdf.notes import split_notes
from backends.local.documents.pdf.pages import PageReader
from backends.local.documents.pdf.paragraphs import Paragraphs
from backends.local.documents.pdf.recognition import Recogniser
from backends.local.documents.pdf.rows import Page
from backends.local.documents.text import one_line
from pipeline.errors import InputError

MAX_TEXT_CHARS = 50_000_000
"""Of a whole PDF: some 20,000 pages. A small file can otherwise repeat one page until memory ends."""

MAX_PAGES = 20_000
"""A file of one kilobyte can say that it has a million."""

MAX_OUTLINE = 20_000
"""Entries of the outline that are looked at."""

TYPEWRITTEN = 0.1
"""Less of other text than this share of what is monospaced: the document is typewritten, and its lines are no code."""

NO_TITLE = frozenset(
    {"", "untitled", "anonymous", "(anonymous)", "unspecified", "(unspecified)", "document", "title", "none"}
)
"""What PDF writers put where the author gave no title."""

_FILE_NAME = re.compile(
    r"\S*\.(docx?|odt|rtf|indd|qxd|qxp|tex|dvi|ps|pdf|pptx?|xlsx?|pub|pages|html?|cdr|ai|fm|md|txt)", re.IGNORECASE
)
_PRINTED_BY = re.compile(
    r"microsoft \w+ - |untitled[ -]?\d*$|slide \d+$|powerpoint presentation$|print(ing)? ", re.IGNORECASE
)


def read(name: str, data: bytes) -> list[Reading]:
    """A PDF. The title is that of the metadata, else the largest heading of the first page, else empty.

    Raises InputError if a password is needed, a limit is passed or there is no text; PdfiumError if it is broken.
    """
    with _opened(name, data) as document:
        recogniser = Recogniser()
        pages = list(_pages(name, document, recogniser))
        outline = _outline(document)
        title = _title(document)
        is_dynamic = document.get_formtype() == pdfium.FORMTYPE_XFA_FULL
    doubts = list(_doubts(pages, installed=recogniser.program is not None))
    if is_dynamic:
        doubts.append("Its form is an XFA form, which only Adobe's Reader shows: print it to a PDF there and add that.")
    if not any(page.rows for page in pages):
        raise InputError(_no_text(name, pages, doubts))
    blocks, heading = _blocks(pages, outline)
    return [Reading(title or heading, tuple(blocks), tuple(doubts))]


@contextmanager
def _opened(name: str, data: bytes) -> Iterator[PdfDocument]:
    try:
        document = PdfDocument(data)
    except PdfiumError as error:
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise InputError(
                f"{name} is protected by a password. Open it with the password, save or print it as a PDF without one, "
                "and add that."
            ) from error
        raise
    try:
        if document.get_formtype() == pdfium.FORMTYPE_ACRO_FORM:
            document.init_forms()
        yield document
    finally:
        document.close()


def _pages(name: str, document: PdfDocument, recogniser: Recogniser) -> Iterator[Page]:
    if len(document) > MAX_PAGES:
        raise InputError(
            f"{name} has {len(document):,} pages; up to {MAX_PAGES:,} are read. Split it and add the parts."
        )
    reader = PageReader(document, recogniser)
    for index in range(len(document)):
        yield reader.read(index)
        if reader.chars > MAX_TEXT_CHARS:
            raise InputError(
                f"{name} unpacks to far more than a document holds, so it was not read further. "
                "If it is not an attack, save its text as a .txt file and add that."
            )


def _outline(document: PdfDocument) -> list[Entry]:
    """The entries of the document's outline that lead to a page of it."""
    entries: list[Entry] = []
    for bookmark in islice(document.get_toc(max_depth=8), MAX_OUTLINE):
        target = bookmark.get_dest()
        index = target.get_index() if target else None
        if index is not None and (title := one_line(bookmark.get_title())):
            entries.append(Entry(title, bookmark.level + 1, index + 1))
    return entries


def _title(document: PdfDocument) -> str:
    """The title in the metadata, unless a program put it there."""
    title = one_line(document.get_metadata_value("Title"))
    is_junk = title.lower() in NO_TITLE or _FILE_NAME.fullmatch(title) or _PRINTED_BY.match(title)
    return "" if is_junk else title


def _blocks(pages: list[Page], outline: list[Entry]) -> tuple[list[Block], str]:
    """(the document's blocks, the largest heading of its first page)."""
    remove_margins(pages, _usual_size(pages))
    remove_contents(pages)
    size = _usual_size(pages)
    parts = list(_parts(pages, size))
    regions = [lines for part in parts for lines in part.regions]
    slides = frozenset(page.number for page in pages if page.is_slide)
    mark_headings(regions, size, outline, slides if len(slides) > len(pages) / 2 else frozenset())
    paragraphs = _paragraphs(regions)
    blocks = [block for part in parts for block in paragraphs.add(part.regions, part.notes, part.asides, part.page)]
    return [*blocks, *paragraphs.finish()], title_of(regions, size)


@dataclass(frozen=True, slots=True)
class _Part:
    """What a page adds to the document."""

    page: int
    regions: list[list[Line]]
    notes: list[list[Line]]
    asides: list[str]


def _parts(pages: list[Page], size: float) -> Iterator[_Part]:
    """The pages' lines in reading order, without footnotes; what runs along edges only once."""
    regions_so_far = 0
    goes_on = False
    asides: set[str] = set()
    for page in pages:
        regions = reading_order(page.rows)
        page.rows = []
        for lines in regions:
            regions_so_far += 1
            for line in lines:
                line.page, line.region = page.number, regions_so_far
        notes = split_notes(regions, size, page.height, goes_on=goes_on)
        goes_on = bool(notes) and not notes[-1][-1].text.rstrip().endswith((".", "!", "?", "]"))
        fresh = [text for text in page.asides if text not in asides]
        asides.update(fresh)
        yield _Part(page.number, regions, notes, fresh)


def _usual_size(pages: list[Page]) -> float:
    """The size in which most letters are set."""
    sizes: tuple[Counter[float], Counter[float]] = (Counter(), Counter())
    written = [page for page in pages if page.rows and not page.was_recognised]
    for page in written or pages:
        for row in page.rows:
            for piece in row.pieces:
                sizes[piece.face.mono][round(piece.size * 2) / 2] += len(piece.text)
    text, code = sizes
    usual = (text if text.total() > TYPEWRITTEN * code.total() else code).most_common(1)
    return usual[0][0] if usual else 10.0


def _paragraphs(regions: list[list[Line]]) -> Paragraphs:
    """A maker of paragraphs that knows how the document is set."""
    ratios = [
        (line.y - above.y) / line.size
        for lines in regions
        for above, line in pairwise(lines)
        if abs(line.size - above.size) < 0.5 and 0.8 < (line.y - above.y) / line.size < 2.2
    ]
    letters = mono = 0
    for lines in regions:
        for line in lines:
            letters += len(line.text)
            mono += len(line.text) if line.face.mono else 0
    hyphenation = Hyphenation(line.text for lines in regions for line in lines)
    return Paragraphs(hyphenation, median(ratios) if ratios else 1.2, mono_is_text=letters - mono < TYPEWRITTEN * mono)


def _doubts(pages: list[Page], *, installed: bool) -> Iterator[str]:
    """What could not be read, or not surely."""
    failed = "tesseract could not read {}. Run ocrmypdf on the file and add the result."
    advice = failed if installed else "install tesseract to read {}."
    unread = sum(page.is_picture and not page.was_recognised for page in pages)
    garbled = sum(page.is_garbled and not page.was_recognised for page in pages)
    recognised = sum(page.was_recognised and bool(page.rows) for page in pages)
    if unread:
        yield _share(unread, pages, "a picture", "pictures") + ": " + advice.format("it" if unread == 1 else "them")
    if garbled:
        what = "written in letters that the file does not name"
        yield _share(garbled, pages, what, what) + ": " + advice.format("it" if garbled == 1 else "them")
    if recognised:
        what = _share(recognised, pages, "a picture", "pictures")
        yield f"{what} that tesseract read: check names and numbers against the page{'s' if recognised > 1 else ''}."


def _share(count: int, pages: list[Page], one: str, many: str) -> str:
    if len(pages) == 1:
        return f"Its only page is {one}"
    return f"{count:,} of {len(pages):,} pages {f'is {one}' if count == 1 else f'are {many}'}"


def _no_text(name: str, pages: list[Page], doubts: list[str]) -> str:
    if doubts:
        return f"{name} has no text that can be read. {' '.join(doubts)}"
    count = f"{len(pages)} page{'s' if len(pages) != 1 else ''}"
    return f"{name} has {count} but no text. Check that it was saved completely, and add it again."
