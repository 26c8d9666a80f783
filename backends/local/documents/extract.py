"""Files to documents: which format a file has, and what is wrong with it in words that help.

The format is chosen by suffix (`formats`) and checked against the content. Only InputError leaves.
"""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from backends.local.documents.blocks import Reading, compose
from backends.local.documents.formats import GZIP, Format, format_of
from backends.local.documents.opening import cannot_be_read, opened, too_long
from backends.local.documents.signatures import is_pdf, kind_in_words, looks_binary, signature_of
from backends.local.documents.text import one_line
from backends.local.documents.types import MAX_TITLE_CHARS, MEMBER, Document, base_name, document_id_for
from backends.local.documents.unpacking import MOST_DEPTH, Budget
from pipeline.errors import InputError

log = logging.getLogger(__name__)

BLANK = b" \t\r\n\v\f\0\xef\xbb\xbf"
"""Bytes of which no text is made: white space, nulls and a byte-order mark."""


def read_path(path: Path, *, max_bytes: int) -> list[Document]:
    """Read a file's documents; their source is the file's absolute path. Raises InputError as `read_documents` does."""
    name = printable(path.name)
    with opened(name, path, max_bytes=max_bytes) as file:
        try:
            data = file.read(max_bytes + 1)
        except OSError as error:
            raise InputError(cannot_be_read(name, error)) from error
    return read_documents(name, data, max_bytes=max_bytes, source=printable(str(path.resolve())))


def read_documents(name: str, data: bytes, *, max_bytes: int, source: str | None = None) -> list[Document]:
    """Make documents of a file's bytes: one, or as many as the file holds that have text.

    name: the file's name, whose suffix says the format.
    source: what the documents replace in the library when the file has changed; the name, if left out.
    A title is the document's own, else the name without its suffix.
    Raises InputError, naming the file, if the suffix is unknown, the content is of another kind, empty, broken, locked
    by a password or without text, or there are more than `max_bytes` of it; MemoryError.
    """
    name = printable(base_name(name)) or "the file"
    if len(data) > max_bytes:
        raise InputError(too_long(name, len(data), max_bytes))
    documents = list(_documents(name, open_file(name, data, Budget()), printable(source) if source else name))
    if not documents:
        raise InputError(_no_text(name))
    return documents


def open_file(name: str, data: bytes, budget: Budget) -> Iterator[Reading]:
    """What the reader of a file's format makes of it, lazily.

    budget: of the file, or of the one that it lies in. Raises InputError as `read_documents` does, and where it lies too deep in others.
    """
    kind = format_of(name)
    if kind is None:
        raise InputError(_unknown(name))
    _check(name, kind, data)
    budget.depth += kind.nests
    try:
        if budget.depth > MOST_DEPTH:
            raise InputError(f"{name} lies in {MOST_DEPTH} others. Unpack it, and add what is in it.")
        yield from kind.read(name, data, budget)
    except (InputError, MemoryError):
        raise
    except RecursionError as error:
        raise InputError(
            f"{name} is nested too deeply to be read. Save its text as a .txt file and add that."
        ) from error
    except Exception as error:  # Parsers of broken files raise anything; one bad file must not sink the others.
        log.info("%s could not be read", name, exc_info=True)
        raise InputError(
            f"{name} is broken: it cannot be read as {kind.name} ({type(error).__name__}). "
            "Open it in the program that made it, save it again, and add the new file."
        ) from error
    finally:
        budget.depth -= kind.nests


def _documents(name: str, readings: Iterable[Reading], source: str) -> Iterator[Document]:
    for reading in readings:
        text, parts = compose(reading.blocks, reading.title)
        if not text:
            continue
        title = one_line(reading.title)[:MAX_TITLE_CHARS].strip() or named_after(reading.member or name)
        place = f"{source}{MEMBER}{printable(reading.member)}" if reading.member else source
        yield Document(document_id_for(place, title, text), title, text, place, parts, reading.doubts)


def named_after(name: str) -> str:
    """A title of a file's name: without its folders and its suffix."""
    name = base_name(name)
    stem = Path(name[: -len(GZIP)] if name.lower().endswith(GZIP) else name).stem
    return one_line(stem)[:MAX_TITLE_CHARS] or "Untitled"


def printable(name: str) -> str:
    """A file name that can be stored and shown: on one line, undecodable bytes as numbers (`&#56553;`)."""
    return one_line(name.encode("utf-8", "xmlcharrefreplace").decode("utf-8"))


def _unknown(name: str) -> str:
    suffix = "".join(Path(name).suffixes[-2:] if name.lower().endswith(GZIP) else [Path(name).suffix]).lower()
    return (
        f"{name} has {f'the suffix {suffix}' if suffix else 'no suffix'}, which Raglass does not read. "
        "Save its text as .txt, .md or .pdf, and add that."
    )


def _check(name: str, kind: Format, data: bytes) -> None:
    """Raise InputError if the file cannot be what its suffix says."""
    if not data.strip(BLANK):
        raise InputError(f"{name} is empty. Check that it was saved or copied completely, and add it again.")
    if kind.name == "PDF" and not is_pdf(data):
        raise InputError(
            f"{name} is not a PDF but {kind_in_words(data)}. Add the PDF itself, or give the file its right suffix."
        )
    if kind.binary:
        return
    known = signature_of(data)
    if known is not None:
        raise InputError(f"{name} is not text but {known}. Give the file its right suffix, or save its text as .txt.")
    if looks_binary(data):
        raise InputError(
            f"{name} holds binary data, not text. Open it in the program that made it and save its text as .txt or .pdf."
        )


def _no_text(name: str) -> str:
    kind = format_of(name)
    if kind is not None and kind.name == "HTML":
        return (
            f"{name} has no text of its own: a script probably fills the page in the browser. "
            "Open it there, save the text as .txt or .pdf, and add that."
        )
    return f"{name} has no text. Check that it was saved or copied completely, and add it again."
