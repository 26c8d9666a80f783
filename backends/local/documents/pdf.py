"""PDF to title and paragraphs. Page order is kept; lines are joined again, since a PDF has lines but no paragraphs."""

import io
import logging
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from pypdf import PdfReader, apply_configuration
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError

from backends.local.documents.blocks import Block, Reading
from backends.local.documents.text import clean, one_line
from pipeline.errors import InputError

MAX_STREAM_BYTES = 50_000_000
"""How far one compressed stream may unpack. A page of text unpacks to kilobytes; more is an attack or a picture."""

MAX_TEXT_CHARS = 50_000_000
"""Of a whole PDF: some 20,000 pages. A small file can otherwise repeat one page until memory ends."""

NO_TITLE = frozenset({"", "untitled", "anonymous", "(anonymous)", "unspecified", "(unspecified)", "document"})
"""What PDF writers put where the author gave no title."""

RUNNING_PAGES = 4
"""A first or last line that so many pages share, and a third of all, is a running header or footer."""

SHORT_LINE = 0.8
HEADING_LINE = 0.6
"""Shares of the usual width below which a line may end a paragraph, or be a heading."""

LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
"""Typesetters' glyphs that no one types into a question."""

_SENTENCE_END = re.compile(r"[.!?:;\u2026\u3002\u061f][\"'\u201d\u2019)\]]*$")
_BROKEN_WORD = re.compile(r"[^\W\d_]-$")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")

log = logging.getLogger(__name__)
logging.getLogger("pypdf").setLevel(logging.ERROR)  # A mended file logs a line for every fault that was mended.


def read(name: str, data: bytes) -> list[Reading]:
    """A PDF. The title is that of the metadata, else empty.

    Raises InputError if a password is needed, a limit is passed or there is no text; and whatever pypdf raises on a
    file that it cannot make sense of, which is not always an error of its own: the caller must expect any Exception.
    """
    with apply_configuration(
        zlib_maximum_output_length=MAX_STREAM_BYTES,
        lzw_maximum_output_length=MAX_STREAM_BYTES,
        run_length_maximum_output_length=MAX_STREAM_BYTES,
        array_based_stream_maximum_output_length=MAX_STREAM_BYTES,
    ):
        try:
            reader = PdfReader(io.BytesIO(data))
            pages = list(_pages(name, reader))
            title = _title(reader)
        except (FileNotDecryptedError, DependencyError) as error:
            raise InputError(
                f"{name} is protected by a password. Open it with the password, save or print it as a PDF without one, "
                "and add that."
            ) from error
        except LimitReachedError as error:
            raise InputError(_too_large(name)) from error
    if not any(line.strip() for page in pages for line in page):
        raise InputError(
            f"{name} has {len(pages)} page{'s' if len(pages) != 1 else ''} but no text: it is probably a scan. "
            "Run text recognition (OCR) on it first, for example with ocrmypdf, and add the result."
        )
    lines = [line for page in _without_running_lines(pages) for line in page]
    return [Reading(title, tuple(join_lines(lines)))]


def _pages(name: str, reader: PdfReader) -> Iterator[list[str]]:
    """The lines of every page."""
    chars = 0
    for page in reader.pages:
        text = clean(page.extract_text().translate(LIGATURES).replace("\u00ad\n", "-\n"))
        chars += len(text)
        if chars > MAX_TEXT_CHARS:
            raise InputError(_too_large(name))
        yield [one_line(line) for line in text.strip("\n").split("\n")]


def _too_large(name: str) -> str:
    return (
        f"{name} unpacks to far more than a document holds, so it was not read further. "
        "If it is not an attack, save its text as a .txt file and add that."
    )


def _title(reader: PdfReader) -> str:
    try:
        title = one_line(str((reader.metadata and reader.metadata.title) or ""))
    except LimitReachedError:
        raise
    except Exception:  # Broken metadata must not cost a document whose pages can be read.
        log.info("a PDF's metadata cannot be read", exc_info=True)
        return ""
    named_by_printer = title.lower().startswith("microsoft ") and " - " in title
    return "" if title.lower() in NO_TITLE or named_by_printer else title


def _without_running_lines(pages: list[list[str]]) -> list[list[str]]:
    """Pages without page numbers and without the header and footer that they share."""
    for end in (0, -1):
        counts = Counter(key for number, page in enumerate(pages) if page for key in _line_keys(page[end], number))
        enough = max(RUNNING_PAGES, len(pages) / 3)
        kept = []
        for number, page in enumerate(pages):
            keys = _line_keys(page[end], number) if page else []
            bare_number = bool(page) and re.fullmatch(r"\W*\d{1,6}\W*", page[end]) is not None
            running = any(counts[key] >= (2 if bare_number else enough) for key in keys)
            kept.append((page[1:] if end == 0 else page[:-1]) if running else page)
        pages = kept
    return pages


def _line_keys(line: str, page_number: int) -> list[str]:
    """What a running line has in common with those of other pages: its wording, or its wording around the page number."""
    keys = [line]
    for found in re.finditer(r"\d{1,6}", line):
        keys.append(f"{line[: found.start()]}#{line[found.end() :]}#{int(found.group()) - page_number}")
    return keys


def join_lines(lines: list[str]) -> list[Block]:
    """Lines to paragraphs, words broken at line ends mended.

    A paragraph ends at a blank line, or where a line ends a sentence well short of the usual width. A short line that
    stands between paragraphs and ends no sentence is a heading.
    """
    width = _usual_width(lines)
    words = {word.lower() for line in lines for word in _WORD.findall(line)}
    blocks: list[Block] = []
    paragraph: list[str] = []
    for line, following in pairwise([*lines, ""]):
        if line and not paragraph and _is_heading(line, following, width):
            blocks.append(Block(line, "heading"))
            continue
        if line:
            _append(paragraph, line, words)
        if not line or (len(line) < SHORT_LINE * width and _SENTENCE_END.search(line)):
            blocks.append(Block("".join(paragraph)))
            paragraph = []
    return [*blocks, Block("".join(paragraph))]


def _usual_width(lines: list[str]) -> float:
    """The length that nine lines in ten stay within, in characters."""
    lengths = sorted(len(line) for line in lines if line)
    return lengths[int(0.9 * (len(lengths) - 1))] if lengths else 0


def _is_heading(line: str, following: str, width: float) -> bool:
    return (
        len(line) < HEADING_LINE * width
        and not _SENTENCE_END.search(line)
        and not line.endswith((",", "-"))
        and line[0].isalnum()
        and not line[0].islower()
        and following[:1].isalnum()
        and not following[0].islower()
    )


def _append(paragraph: list[str], line: str, words: set[str]) -> None:
    """Add a line to its paragraph. A hyphen at the break goes unless the document elsewhere spells the word with it."""
    last = paragraph[-1] if paragraph else ""
    if not _BROKEN_WORD.search(last):
        paragraph += [" ", line] if paragraph else [line]
        return
    if line[0].islower() and not _is_compound(last, line, words):
        paragraph[-1] = last[:-1]
    paragraph.append(line)


def _is_compound(last: str, line: str, words: set[str]) -> bool:
    """Whether the word broken between two lines is elsewhere written with a hyphen, and nowhere without."""
    head = _WORD.findall(last)[-1].lower()
    tail = (_WORD.findall(line) or [""])[0].lower()
    return f"{head}-{tail}" in words and f"{head}{tail}" not in words
