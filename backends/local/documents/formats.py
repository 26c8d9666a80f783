"""The formats that are read: which suffixes a format has, and which function reads it.

A reader takes a file's name (for messages) and its bytes, and gives one `Reading` for each document in it, lazily where there are many.
It raises InputError where a person can do something about it; any other exception counts as a broken file. Readers are imported when
they are first needed: an answer needs none.
"""

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

from backends.local.documents.blocks import Reading
from backends.local.documents.unpacking import Budget

Reader = Callable[..., Iterable[Reading]]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file."""

    name: str
    """In words, as a sentence goes on from "it cannot be read as"."""
    suffixes: tuple[str, ...]
    """In lower case, with their dots; a suffix belongs to one format."""
    reader: str
    """`module:function`, the module within this package."""
    binary: bool = False
    """Whether the bytes are not text; text with too many control characters is refused before it is read."""
    nests: bool = False
    """Whether other files lie in it; its reader takes a third argument, a Budget that is shared by all of them."""

    def read(self, name: str, data: bytes, budget: Budget | None = None) -> Iterable[Reading]:
        """What the format's reader makes of a file. budget: of the file that it lies in, if it lies in one."""
        module, function = self.reader.split(":")
        read = cast(Reader, getattr(importlib.import_module(f"backends.local.documents.{module}"), function))
        return read(name, data, budget or Budget()) if self.nests else read(name, data)


_CODE_SUFFIXES = """
    .py .pyi .js .mjs .ts .tsx .jsx .java .kt .scala .go .rs .c .h .cc .cpp .hpp .cs .rb .php .sh .bash .ps1 .sql .r .jl .swift .lua .pl
    .yaml .yml .toml .ini .cfg .conf .properties .css .xml .log
"""

GZIP = ".gz"
"""Stands behind the suffix of what was packed."""

FORMATS = (
    Format("plain text", (".txt", ".text"), "plaintext.plain:read"),
    Format("Markdown", (".md", ".markdown", ".mdown", ".mkd"), "markup.markdown:read"),
    Format("reStructuredText", (".rst", ".rest"), "markup.restructured:read"),
    Format("HTML", (".html", ".htm", ".xhtml"), "markup.page:read"),
    Format("CSV", (".csv", ".tsv"), "tables.delimited:read"),
    Format("PDF", (".pdf",), "pdf:read", binary=True),
    Format("Word", (".docx",), "office.word:read", binary=True),
    Format("PowerPoint", (".pptx",), "office.slides:read", binary=True),
    Format("Excel", (".xlsx", ".xlsm", ".xls", ".ods"), "office.workbook:read", binary=True),
    Format("EPUB", (".epub",), "markup.epub:read", binary=True),
    Format("JSON", (".json",), "tables.objects:read"),
    Format("JSON lines", (".jsonl", ".ndjson"), "tables.objects:read_lines"),
    Format("Jupyter notebook", (".ipynb",), "office.notebook:read"),
    Format("e-mail", (".eml",), "office.mail:read", nests=True),
    Format("source code", tuple(_CODE_SUFFIXES.split()), "plaintext.source:read"),
    Format("ZIP", (".zip",), "archives.archive:read", binary=True, nests=True),
    Format("gzip", (GZIP,), "archives.archive:read_gzip", binary=True, nests=True),
)
"""Every format, in the order in which a person is told of them."""

SUFFIXES = tuple(suffix for each in FORMATS for suffix in each.suffixes)
"""Known suffixes, in lower case."""

_BY_SUFFIX = {suffix: each for each in FORMATS for suffix in each.suffixes}


def format_of(name: str) -> Format | None:
    """The format that a file's name says it has, if it is a known one; gzip only with a known one in it."""
    stem, dot, suffix = name.lower().rpartition(".")
    found = _BY_SUFFIX.get(dot + suffix)
    if found is not None and GZIP in found.suffixes:
        inner = format_of(stem)
        return None if inner is None or inner is found else found
    return found
