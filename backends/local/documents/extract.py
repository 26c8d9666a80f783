"""Files to documents: which format a file has, and what is wrong with it in words that help.

`.txt .md .markdown .pdf .html .htm .csv`, chosen by suffix and checked against the content. Only InputError leaves.
"""

import logging
from pathlib import Path

from backends.local.documents.signatures import is_pdf, looks_binary, looks_garbled, looks_like_html, signature_of
from backends.local.documents.table import read_csv
from backends.local.documents.text import FALLBACK_ENCODING, decode, join_blocks, one_line, plain_blocks
from backends.local.documents.types import MAX_TITLE_CHARS, Document, base_name, document_id_for
from pipeline.errors import InputError

log = logging.getLogger(__name__)

SUFFIXES = (".txt", ".md", ".markdown", ".html", ".htm", ".csv", ".pdf")
"""Known formats, in lower case."""


def read_path(path: Path, *, max_bytes: int) -> Document:
    """Read a file as a document whose source is the file's absolute path. Raises InputError as `read_document` does."""
    name = printable(path.name)
    try:
        if path.stat().st_size > max_bytes:
            raise InputError(_too_long(name, path.stat().st_size, max_bytes))
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
        source = printable(str(path.resolve()))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not a readable file"
        raise InputError(f"{name} cannot be read: {why}. Check the path and that you may read it.") from error
    return read_document(name, data, max_bytes=max_bytes, source=source)


def read_document(name: str, data: bytes, *, max_bytes: int, source: str | None = None) -> Document:
    """Make a document of a file's bytes.

    name: the file's name, whose suffix says the format.
    source: what the document replaces in the library when the file has changed; the name, if left out.
    The title is the document's own, else the name without its suffix.
    Text that is neither marked nor valid UTF-8 is read as Windows-1252, which the log then says.
    Raises InputError, naming the file, if the suffix is unknown, the content is of another kind, empty, broken, locked
    by a password or without text, or there are more than `max_bytes` of it.
    """
    name = printable(base_name(name)) or "the file"
    suffix = Path(name).suffix.lower()
    _check(name, suffix, data, max_bytes)
    try:
        title, text = _read_pdf(name, data) if suffix == ".pdf" else _read_text(name, suffix, data)
    except InputError:
        raise
    except RecursionError as error:
        raise InputError(
            f"{name} is nested too deeply to be read. Save its text as a .txt file and add that."
        ) from error
    except Exception as error:  # Parsers of broken files raise anything; one bad file must not sink the others.
        log.info("%s could not be read", name, exc_info=True)
        raise InputError(
            f"{name} is broken: it cannot be read as {suffix[1:].upper()} ({type(error).__name__}). "
            "Open it in the program that made it, save it again, and add the new file."
        ) from error
    if not text:
        raise InputError(_no_text(name, suffix))
    title = title[:MAX_TITLE_CHARS].strip() or one_line(Path(name).stem)[:MAX_TITLE_CHARS] or "Untitled"
    source = printable(source) if source else name
    return Document(document_id_for(source, title, text), title, text, source)


def printable(name: str) -> str:
    """A file name that can be stored and shown: on one line, undecodable bytes as numbers (`&#56553;`)."""
    return one_line(name.encode("utf-8", "xmlcharrefreplace").decode("utf-8"))


def _check(name: str, suffix: str, data: bytes, max_bytes: int) -> None:
    """Raise InputError if the file cannot be what its suffix says."""
    if suffix not in SUFFIXES:
        raise InputError(
            f"{name} has {'no suffix' if not suffix else f'the suffix {suffix}'}, which Raglass does not read. "
            f"It reads {', '.join(SUFFIXES)}: save the text in one of these and add that."
        )
    if len(data) > max_bytes:
        raise InputError(_too_long(name, len(data), max_bytes))
    if not data.strip():
        raise InputError(f"{name} is empty. Check that it was saved or copied completely, and add it again.")
    if suffix == ".pdf":
        if not is_pdf(data):
            found = signature_of(data) or ("a web page" if looks_like_html(data) else "something else")
            raise InputError(f"{name} is not a PDF but {found}. Add the PDF itself, or give the file its right suffix.")
        return
    kind = signature_of(data)
    if kind is not None:
        raise InputError(f"{name} is not text but {kind}. Give the file its right suffix, or save its text as .txt.")
    if looks_binary(data):
        raise InputError(_binary(name))


def _read_pdf(name: str, data: bytes) -> tuple[str, str]:
    from backends.local.documents.pdf import read_pdf  # pypdf takes 0.1 s to import.

    return read_pdf(name, data)


def _read_text(name: str, suffix: str, data: bytes) -> tuple[str, str]:
    # The parsers of markup take 0.1 s to import, and answering from an index needs none.
    from backends.local.documents.markup import declared_encoding, read_html, read_markdown

    declared = declared_encoding(data) if suffix in (".html", ".htm") else None
    text, encoding = decode(data, declared)
    if looks_garbled(text):
        raise InputError(_binary(name))
    if encoding == FALLBACK_ENCODING:
        log.warning("%s is not valid UTF-8; it is read as Windows-1252. Save it as UTF-8 if letters look wrong.", name)
    text = text.replace("\0", "")
    match suffix:
        case ".html" | ".htm":
            return read_html(text)
        case ".md" | ".markdown":
            return read_markdown(text)
        case ".csv":
            return "", read_csv(text)
    return "", join_blocks(plain_blocks(text))


def _too_long(name: str, size: int, max_bytes: int) -> str:
    return (
        f"{name} has {_megabytes(size)}; files up to {_megabytes(max_bytes)} are read. "
        "Split it, or raise the limit with RAGLASS_MAX_FILE_MB."
    )


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB" if size >= 100_000 else f"{size:,} bytes"


def _binary(name: str) -> str:
    return f"{name} holds binary data, not text. Open it in the program that made it and save its text as .txt or .pdf."


def _no_text(name: str, suffix: str) -> str:
    if suffix in (".html", ".htm"):
        return (
            f"{name} has no text of its own: a script probably fills the page in the browser. "
            "Open it there, save the text as .txt or .pdf, and add that."
        )
    return f"{name} has no text. Check that it was saved or copied completely, and add it again."
