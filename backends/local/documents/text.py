"""Bytes to characters, and which characters are kept: what every file format shares."""

import re

from backends.local.documents.signatures import looks_garbled
from backends.local.documents.types import GUESSED
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

MAX_BROKEN_SHARE = 0.1
"""Of the characters above ASCII: text with fewer broken ones is damaged UTF-8 rather than another encoding."""

UNSPACED = "\u3000-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff9f\U00020000-\U0003ffff"
"""Letters and marks of Chinese and Japanese, for a set of a regular expression: no spaces stand between their words."""

_ESCAPED = ("iso2022", "hz")
"""Encodings that write other scripts in ASCII after an escape, so that their bytes are UTF-8 as well."""


def decode(data: bytes, declared: str | None = None) -> tuple[str, str]:
    """Characters, with `\n` between lines, and what is to be said of their encoding, empty where it is sure.

    declared: the codec that the file names, if any (see `encoding.codec_of`).
    A byte-order mark decides; else UTF-8 if the bytes are valid UTF-8, or all but a few are; else `declared`, if the bytes are valid in
    it; else a guess. What the encoding lacks becomes U+FFFD.
    """
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return _with_newlines(data[len(mark) :].decode(encoding, "replace")), ""
    escaped = declared is not None and declared.startswith(_ESCAPED)
    for candidate in (declared, "utf-8") if escaped else ("utf-8", declared):
        if candidate is None:
            continue
        try:
            return _with_newlines(data.decode(candidate)), ""
        except UnicodeDecodeError:
            continue
    return _doubtful(data)


def _doubtful(data: bytes) -> tuple[str, str]:
    """Bytes in no sure encoding: (characters, the doubt)."""
    from backends.local.documents.encoding import encoding_name, guessed_encoding

    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    if broken <= MAX_BROKEN_SHARE * sum(character > "\x7f" for character in text):
        doubt = f"{broken} of its characters are broken UTF-8 and stand as �. Save it again from its program if they matter."
        return _with_newlines(text), doubt
    codec = guessed_encoding(data)
    doubt = f"{GUESSED}it is not valid UTF-8 and was read as {encoding_name(codec)}. Save it as UTF-8 if letters look wrong."
    return _with_newlines(data.decode(codec, "replace")), doubt


def decode_file(name: str, data: bytes, declared: str | None = None) -> tuple[str, tuple[str, ...]]:
    """(characters, doubts about their encoding). Raises InputError if they were no text; see `decode`."""
    text, doubt = decode(data, declared)
    if looks_garbled(text):
        raise InputError(
            f"{name} holds binary data, not text. Open it in the program that made it and save its text as .txt or .pdf."
        )
    return text.replace("\0", ""), (doubt,) if doubt else ()


def clean(text: str, *, tabs: bool = False) -> str:
    """Newlines normalised, control characters and lone surrogates gone; see UNKEPT. tabs: whether tabs stay."""
    return _with_newlines(text).translate(KEEPING_TABS if tabs else UNKEPT)


def _with_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def unwrap(text: str, *, breaks: str = "\n") -> str:
    """Lines joined by a space, or by nothing between two letters of Chinese or Japanese. breaks: the character that ends a line."""
    text = re.sub(rf"(?<=[{UNSPACED}])[ {breaks}]*{breaks}[ {breaks}]*(?=[{UNSPACED}])", "", text)
    return text.replace(breaks, " ")


def one_line(text: str) -> str:
    """All white space collapsed to single spaces, and trimmed."""
    return " ".join(clean(text).split())
