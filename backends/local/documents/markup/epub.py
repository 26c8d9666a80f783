"""EPUB books (EPUB 3.3 and 2): chapters in reading order, each read as a page. A book that is locked is refused."""

import posixpath
from urllib.parse import unquote

from lxml import etree

from backends.local.documents.blocks import Block, Reading
from backends.local.documents.encoding import declared_encoding
from backends.local.documents.markup.page import read_html
from backends.local.documents.signatures import kind_in_words
from backends.local.documents.text import decode, one_line
from backends.local.documents.unpacking import Budget, TooLarge, open_zip
from pipeline.errors import InputError

MAX_CHAPTERS = 5_000
"""Documents in a book's reading order."""

PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"})
"""Media types of chapters."""

CONTAINER = "META-INF/container.xml"
"""Says where the package document lies (EPUB OCF 3.3, 4.2.6.3.1)."""

ENCRYPTION = "META-INF/encryption.xml"
"""Says what is encrypted (EPUB OCF 3.3, 4.2.6.3.2)."""

FONT_LOCKS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Algorithms that lock a book's typefaces, not its text."""


class _Book:
    """An opened archive, and how much of it may still be unpacked."""

    def __init__(self, name: str, data: bytes) -> None:
        if not data.startswith(b"PK"):
            raise InputError(f"{name} is no EPUB book but {kind_in_words(data)}. Give the file its right suffix.")
        self.name = name
        self._archive = open_zip(name, data)
        self._members = {member.filename: member for member in self._archive.infolist()}
        self._budget = Budget()
        self.has_password = any(member.flag_bits & 1 for member in self._members.values())

    def has(self, path: str) -> bool:
        """Whether something lies there."""
        return path in self._members

    def read(self, path: str) -> bytes:
        """What lies there. Raises InputError if that is more than may still be unpacked."""
        member = self._members[path]
        try:
            with self._archive.open(member) as file:
                return self._budget.read(file, member.compress_size)
        except TooLarge as error:
            raise InputError(
                f"{self.name} was not read: it {error}. Add its text as .txt if it is not an attack."
            ) from error

    def tree(self, path: str) -> etree._Element:
        """The XML document that lies there."""
        parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False)
        root = etree.fromstring(self.read(path), parser)
        if root is None:
            raise ValueError(f"{path} is no XML")
        return root


def read(name: str, data: bytes) -> list[Reading]:
    """A book as one document: its title is the book's, and each chapter begins with a heading.

    Raises InputError if its text is locked, or unpacks to far too much.
    """
    book = _Book(name, data)
    package_path = _package_path(book)
    package = book.tree(package_path)
    chapters = _chapter_paths(package, package_path)[:MAX_CHAPTERS]
    _check_locks(book, set(chapters))
    titles = _contents(book, package, package_path)
    title = next((one_line(each.text) for each in package.iter("{*}title") if each.text and each.text.strip()), "")
    blocks: list[Block] = []
    doubts: dict[str, None] = {}
    for path in chapters:
        if not book.has(path):
            doubts["Chapters of it are missing from the file. Get it again from where it came."] = None
            continue
        page = book.read(path)
        text, doubt = decode(page, declared_encoding(page))
        chapter = read_html(text, whole=True)
        blocks += _chapter_blocks(chapter, titles.get(path, ""), title)
        doubts |= dict.fromkeys(each for each in (doubt, *chapter.doubts) if each)
    return [Reading(title, tuple(blocks), tuple(doubts))]


def _package_path(book: _Book) -> str:
    found = next(book.tree(CONTAINER).iter("{*}rootfile"), None)
    path: str | None = found.get("full-path") if found is not None else None
    if not path:
        raise ValueError("its container names no package document")
    return path


def _chapter_paths(package: etree._Element, package_path: str) -> list[str]:
    """Where the pages of the reading order lie, but for that of its contents."""
    items = {item.get("id"): item for item in package.iter("{*}item")}
    spine = (items.get(each.get("idref")) for each in package.iter("{*}itemref"))
    return [
        _resolved(item.get("href", ""), package_path)
        for item in spine
        if item is not None and item.get("media-type") in PAGES and "nav" not in item.get("properties", "").split()
    ]


def _contents(book: _Book, package: etree._Element, package_path: str) -> dict[str, str]:
    """Titles of chapters by where they lie, from the table of contents of EPUB 3 or 2."""
    titles: dict[str, str] = {}
    for item in package.iter("{*}item"):
        path = _resolved(item.get("href", ""), package_path)
        is_nav, is_ncx = (
            "nav" in item.get("properties", "").split(),
            item.get("media-type") == "application/x-dtbncx+xml",
        )
        if not (is_nav or is_ncx) or not book.has(path):
            continue
        for entry in book.tree(path).iter("{*}a" if is_nav else "{*}navPoint"):
            target = entry if is_nav else next(entry.iter("{*}content"), None)
            label = entry if is_nav else next(entry.iter("{*}text"), None)
            if target is not None and label is not None:
                address = target.get("href" if is_nav else "src", "")
                titles.setdefault(_resolved(address, path), one_line("".join(label.itertext())))
    return titles


def _resolved(address: str, base: str) -> str:
    """Where an address leads, seen from the file at `base`; its fragment is left out."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(address.partition("#")[0])))


def _check_locks(book: _Book, chapters: set[str]) -> None:
    """Raise InputError if chapters are encrypted, as books that a shop binds to its reader are."""
    locked = book.has_password
    if book.has(ENCRYPTION):
        for each in book.tree(ENCRYPTION).iter("{*}EncryptedData"):
            method, where = next(each.iter("{*}EncryptionMethod"), None), next(each.iter("{*}CipherReference"), None)
            algorithm = method.get("Algorithm", "") if method is not None else ""
            path = posixpath.normpath(unquote(where.get("URI", ""))) if where is not None else ""
            locked = locked or (algorithm not in FONT_LOCKS and path in chapters)
    if locked:
        raise InputError(
            f"{book.name} is locked (DRM or a password): its text cannot be read. Add a copy without the lock, or its text as .txt."
        )


def _chapter_blocks(chapter: Reading, listed: str, book_title: str) -> list[Block]:
    """A chapter's blocks, under the title that the contents list for it where it has no heading of its own."""
    blocks = list(chapter.blocks)
    title = listed or (chapter.title if chapter.title != book_title else "")
    if blocks and blocks[0].kind != "heading" and title:
        return [Block(title, "heading"), *blocks]
    return blocks
