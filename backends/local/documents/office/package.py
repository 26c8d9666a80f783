"""Office files are ZIP archives of XML (ECMA-376, part 2): what is made sure of before a library opens one, and the title in it."""

import zipfile

from lxml import etree

from backends.local.documents.signatures import kind_in_words
from backends.local.documents.text import one_line
from backends.local.documents.unpacking import BROKEN, TooLarge, open_zip, unpack_all
from pipeline.errors import InputError

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""First bytes of the Office files of before 2007, and of new ones that a password protects ([MS-OFFCRYPTO], 1.3.3)."""

CORE = "docProps/core.xml"
"""Where programs keep a file's title; the specification would allow another place."""

NO_TITLE = frozenset(
    {"", "untitled", "document", "word document", "presentation", "powerpoint presentation", "powerpoint-präsentation"}
    | {"présentation powerpoint", "presentación de powerpoint", "unbenannt", "slide 1", "title"}
)
"""What programs put where the author gave no title."""

_TITLE = "{http://purl.org/dc/elements/1.1/}title"


def check_package(name: str, data: bytes, suffix: str) -> dict[str, bytes]:
    """Names and bytes of a file's parts of XML, relations among them, if a library may open it.

    Raises InputError if it is old, locked, of another kind or unpacks to far too much.

    suffix: of the format as it is now, with its dot.
    """
    if is_locked(data):
        raise InputError(locked(name))
    if data.startswith(OLE):
        raise InputError(f"{name} is of the Office of before 2007. Open it, save it as {suffix}, and add that.")
    if not data.startswith(b"PK"):
        raise InputError(
            f"{name} is no {suffix} file but {kind_in_words(data)}. Open it in the program that made it, save it as {suffix}, and add that."
        )
    try:
        with open_zip(name, data) as archive:
            return {part: content for part, content in unpack_all(archive) if part.endswith((".xml", ".rels"))}
    except TooLarge as error:
        raise InputError(
            f"{name} was not read: it {error}. If it is not an attack, save its text as .txt and add that."
        ) from error
    except BROKEN as error:
        raise zipfile.BadZipFile(str(error)) from error


def is_locked(data: bytes) -> bool:
    """Whether the file is one that a password protects."""
    return data.startswith(OLE) and "EncryptedPackage".encode("utf-16-le") in data


def locked(name: str) -> str:
    """What is said of such a file."""
    return f"{name} is protected by a password. Open it, save it without one, and add that."


def title_of(parts: dict[str, bytes]) -> str:
    """The title in the core properties, empty where there is none or only one that a program made up."""
    try:
        root = etree.fromstring(parts.get(CORE, b""), etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return ""
    title = one_line(root.findtext(_TITLE) or "")
    return "" if title.lower() in NO_TITLE else title
