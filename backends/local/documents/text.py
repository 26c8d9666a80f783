"""Bytes to characters, and which characters are kept: what every file format shares."""

from backends.local.documents.signatures import looks_garbled
from pipeline.errors import InputError

UNKEPT = {
    **dict.fromkeys([*range(0x20), 0x7F, *range(0x80, 0xA0)]),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
    ord("\n"): "\n",
    ord("\t"): " ",
    0x0B: "\n",
    0x0C: "\n\n",
    0x85: "\n",
    0x2028: "\n",
    0x2029: "\n\n",
    0xA0: " ",
    0x2007: " ",
    0x202F: " ",
    0xAD: None,
    0xFEFF: None,
}
"""Control characters go, new lines and no-break spaces become plain ones, soft hyphens and inner BOMs go. Joiners,
direction marks and variation selectors stay: Arabic, Hebrew and emoji need them."""

KEEPING_TABS = UNKEPT | {ord("\t"): "\t"}
"""The same where white space counts."""

BOMS = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
"""Byte-order marks, longest first: UTF-32's begins with UTF-16's."""

FALLBACK_ENCODING = "cp1252"
"""What bytes that are not UTF-8 most often are: Windows' Western European code page."""


def decode(data: bytes, declared: str | None = None) -> tuple[str, str]:
    """Characters, with `\n` between lines, and the encoding that was assumed.

    A byte-order mark decides; else UTF-8 if the bytes are valid UTF-8; else `declared`, if the bytes are valid in it;
    else Windows-1252, its five undefined bytes becoming U+FFFD. What a byte-order mark promises but the bytes do not
    keep becomes U+FFFD as well.
    """
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return _with_newlines(data[len(mark) :].decode(encoding, "replace")), encoding
    for candidate in ("utf-8", declared):
        if candidate is None:
            continue
        try:
            return _with_newlines(data.decode(candidate)), candidate
        except UnicodeDecodeError:
            continue
    return _with_newlines(data.decode(FALLBACK_ENCODING, "replace")), FALLBACK_ENCODING


def decode_file(name: str, data: bytes, declared: str | None = None) -> tuple[str, tuple[str, ...]]:
    """(characters, doubts about their encoding). Raises InputError if they were no text; see `decode`."""
    text, encoding = decode(data, declared)
    if looks_garbled(text):
        raise InputError(
            f"{name} holds binary data, not text. Open it in the program that made it and save its text as .txt or .pdf."
        )
    text = text.replace("\0", "")
    if encoding == FALLBACK_ENCODING:
        return text, ("It is not valid UTF-8 and was read as Windows-1252. Save it as UTF-8 if letters look wrong.",)
    return text, ()


def clean(text: str, *, tabs: bool = False) -> str:
    """Newlines normalised, control characters and lone surrogates gone; see UNKEPT. tabs: whether tabs stay."""
    return _with_newlines(text).translate(KEEPING_TABS if tabs else UNKEPT)


def _with_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def one_line(text: str) -> str:
    """All white space collapsed to single spaces, and trimmed."""
    return " ".join(clean(text).split())
