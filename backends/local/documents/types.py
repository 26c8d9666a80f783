"""`Document`, the places in it, and the ids of users' documents. Nothing here reads files."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

BUILT_IN = "built-in"
"""The source of every document of the built-in corpus."""

MAX_TITLE_CHARS = 200
"""A longer "title" is a paragraph that lost its way."""

MAX_SLUG_CHARS = 40
"""Of the readable part of a document id."""

MEMBER = "!/"
"""Between a file's name and the path of what lies in it, in a source."""

GUESSED = "Read whole, but by a guess: "
"""How a doubt begins that takes nothing away: all of the file was read, though perhaps wrongly."""


Unit = Literal["page", "slide", "row", "cell", "line"]
"""What a place counts: a PDF's pages, a deck's slides, a table's rows, a notebook's cells, a program's lines."""

PartKind = Literal["text", "heading", "item", "row", "record", "code"]
"""`item`: of a list. `row`: of a table within a document. `record`: a row that stands for itself, as in a data file.
`code`: white space counts."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file a part stands, as its reader would look it up."""

    unit: Unit
    """What is counted."""
    number: int
    """From 1."""


@dataclass(frozen=True, slots=True)
class Part:
    """A paragraph, heading, list item, table row or block of code of a document, by its place in the document's text."""

    start: int
    """First character."""
    end: int
    """One past the last."""
    kind: PartKind = "text"
    """What it is."""
    section: tuple[str, ...] = ()
    """The headings that it stands under, the outermost first; a heading is part of its own section. The document's title is left out."""
    place: Place | None = None
    """Its page, slide, row, cell or line, where the format has such."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text that can be cut into chunks."""

    document_id: str
    """`<subject>/<slug>` for the built-in corpus; for users' documents see `document_id_for`."""
    title: str
    """One line, at most 200 characters, never blank."""
    text: str
    """Paragraphs separated by one blank line (a heading by a line break), without control characters, NFC; never blank."""
    source: str
    """Where it came from: the uploaded file's name, the file's path, or `built-in`; what lies in an archive has its path in it behind `!/`.
    One source holds one document."""
    parts: tuple[Part, ...] = ()
    """All of the text but white space, in order; empty where only paragraphs are known."""
    doubts: tuple[str, ...] = ()
    """What could not be read, or not surely, each in a sentence that says what to do: shown beside the document."""


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
