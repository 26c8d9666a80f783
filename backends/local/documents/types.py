"""`Document`, and the ids of users' documents. Nothing here reads files."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

BUILT_IN = "built-in"
"""The source of every document of the built-in corpus."""

MAX_TITLE_CHARS = 200
"""A longer "title" is a paragraph that lost its way."""

MAX_SLUG_CHARS = 40
"""Of the readable part of a document id."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text that can be cut into chunks."""

    document_id: str
    """`<subject>/<slug>` for the built-in corpus; for users' documents see `document_id_for`."""
    title: str
    """One line, at most 200 characters, never blank."""
    text: str
    """Paragraphs separated by one blank line, without control characters; never blank."""
    source: str
    """Where it came from: the uploaded file's name, the file's path, or `built-in`. One source holds one document."""


def document_id_for(source: str, title: str, text: str) -> str:
    """The id of a user's document: a slug of the file's name and 12 hexadecimal digits of source, title and text.

    The same file added twice has the same id, so adding is idempotent. A changed file of the same source has a new
    id, so that no trace's chunk ever points at text it was not cut from; `DocumentLibrary.add` replaces the old
    document by its source.
    """
    digest = hashlib.sha256("\0".join((source, title, text)).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{slug_of(base_name(source))}-{digest[:12]}"


def base_name(name: str) -> str:
    """The last component of a file name or path, of either kind of slash: browsers have sent whole Windows paths."""
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1]


def slug_of(name: str) -> str:
    """Lower-case ASCII letters and digits joined by hyphens, without the suffix; `document` if nothing is left."""
    stem = name.rsplit(".", 1)[0] or name
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG_CHARS].rstrip("-") or "document"
