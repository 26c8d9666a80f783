"""Files to documents: which format a file has, and what is wrong with it in words that help.

The format is chosen by suffix (`formats`) and checked against the content. Only InputError leaves.
"""

import logging
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from backends.local.documents.blocks import Reading, compose
from backends.local.documents.formats import SUFFIXES, Format, format_of
from backends.local.documents.signatures import is_pdf, looks_binary, looks_like_html, signature_of
from backends.local.documents.text import one_line
from backends.local.documents.types import MAX_TITLE_CHARS, MEMBER, Document, base_name, document_id_for
from pipeline.errors import InputError

log = logging.getLogger(__name__)

NO_FILES = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
"""What may stand at a path in place of a file."""


def read_path(path: Path, *, max_bytes: int) -> list[Document]:
    """Read a file's documents; their source is the file's absolute path. Raises InputError as `read_documents` does."""
    name = printable(path.name)
    with opened(name, path, max_bytes=max_bytes) as file:
        try:
            data = file.read(max_bytes + 1)
        except OSError as error:
            raise InputError(cannot_be_read(name, error)) from error
    return read_documents(name, data, max_bytes=max_bytes, source=printable(str(path.resolve())))


@contextmanager
def opened(name: str, path: Path, *, max_bytes: int) -> Iterator[BinaryIO]:
    """A file, open to be read; it may grow meanwhile.

    Raises InputError, naming it by `name`, where there is none or it is too large; and for a pipe, a socket or a device, from which
    reading might never end.
    """
    with ExitStack() as stack:
        try:
            # Before a device is opened, which may do something, and a pipe, which would wait for a writer.
            _insist_on_file(name, path.stat().st_mode)
            file = stack.enter_context(open(path, "rb", opener=_open_at_once))
            found = os.fstat(file.fileno())
        except (OSError, ValueError) as error:
            raise InputError(cannot_be_read(name, error)) from error
        _insist_on_file(name, found.st_mode)
        if found.st_size > max_bytes:
            raise InputError(too_long(name, found.st_size, max_bytes))
        yield file


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _insist_on_file(name: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        what = next((words for matches, words in NO_FILES if matches(mode)), "something else")
        raise InputError(f"{name} cannot be read: it is {what}, not a file. Copy what is to be read into a file.")


def cannot_be_read(name: str, error: Exception) -> str:
    """Why a file could not be opened or read, in words."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else "not a readable file"
    return f"{name} cannot be read: {why}. Check the path and that you may read it."


def read_documents(name: str, data: bytes, *, max_bytes: int, source: str | None = None) -> list[Document]:
    """Make documents of a file's bytes: one, or as many as the file holds that have text.

    name: the file's name, whose suffix says the format.
    source: what the documents replace in the library when the file has changed; the name, if left out.
    A title is the document's own, else the name without its suffix.
    Raises InputError, naming the file, if the suffix is unknown, the content is of another kind, empty, broken, locked
    by a password or without text, or there are more than `max_bytes` of it; MemoryError.
    """
    name = printable(base_name(name)) or "the file"
    kind = format_of(name)
    _check(name, kind, data, max_bytes)
    assert kind is not None
    source = printable(source) if source else name
    try:
        documents = list(_documents(name, kind.read(name, data), source))
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
    if not documents:
        raise InputError(_no_text(name, kind))
    return documents


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
    return one_line(Path(base_name(name)).stem)[:MAX_TITLE_CHARS] or "Untitled"


def printable(name: str) -> str:
    """A file name that can be stored and shown: on one line, undecodable bytes as numbers (`&#56553;`)."""
    return one_line(name.encode("utf-8", "xmlcharrefreplace").decode("utf-8"))


def _check(name: str, kind: Format | None, data: bytes, max_bytes: int) -> None:
    """Raise InputError if the file cannot be what its suffix says."""
    if kind is None:
        suffix = Path(name).suffix.lower()
        raise InputError(
            f"{name} has {f'the suffix {suffix}' if suffix else 'no suffix'}, which Raglass does not read. "
            f"It reads {', '.join(SUFFIXES)}: save the text in one of these and add that."
        )
    if len(data) > max_bytes:
        raise InputError(too_long(name, len(data), max_bytes))
    if not data.strip():
        raise InputError(f"{name} is empty. Check that it was saved or copied completely, and add it again.")
    if kind.name == "PDF" and not is_pdf(data):
        found = signature_of(data) or ("a web page" if looks_like_html(data) else "something else")
        raise InputError(f"{name} is not a PDF but {found}. Add the PDF itself, or give the file its right suffix.")
    if kind.binary:
        return
    known = signature_of(data)
    if known is not None:
        raise InputError(f"{name} is not text but {known}. Give the file its right suffix, or save its text as .txt.")
    if looks_binary(data):
        raise InputError(
            f"{name} holds binary data, not text. Open it in the program that made it and save its text as .txt or .pdf."
        )


def too_long(name: str, size: int, max_bytes: int) -> str:
    """That a file is larger than may be read, in words."""
    return (
        f"{name} has {_megabytes(size)}; files up to {_megabytes(max_bytes)} are read. "
        "Split it, or raise the limit with RAGLASS_MAX_FILE_MB."
    )


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB" if size >= 100_000 else f"{size:,} bytes"


def _no_text(name: str, kind: Format) -> str:
    if kind.name == "HTML":
        return (
            f"{name} has no text of its own: a script probably fills the page in the browser. "
            "Open it there, save the text as .txt or .pdf, and add that."
        )
    return f"{name} has no text. Check that it was saved or copied completely, and add it again."
