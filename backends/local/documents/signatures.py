"""What a file's first bytes say it is, whatever its name says."""

SNIFFED_BYTES = 65_536
"""How much of a file is looked at."""

MAX_CONTROL_SHARE = 0.02
"""Share of control characters above which bytes are not text. Text has hardly any; random bytes have one in nine."""

ALLOWED_CONTROLS = 8
"""Control characters that even a short text may hold."""

SIGNATURES = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"{\\rtf", "a Rich Text document"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\x00", "an SQLite database"),
)
"""Leading bytes, from the formats' specifications."""

_TEXT_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_CONTROL = bytes(sorted({*range(0x20), 0x7F} - set(b"\t\n\r\f\x1a\x1b")))


def signature_of(data: bytes) -> str | None:
    """What the data are, in words, if their first bytes are known."""
    for leading, words in SIGNATURES:
        if data.startswith(leading):
            return words
    return None


def kind_in_words(data: bytes) -> str:
    """What data are that are not what their name says, as far as it is known."""
    return signature_of(data) or ("a web page" if looks_like_html(data) else "something else")


def is_pdf(data: bytes) -> bool:
    """Whether a PDF header stands where readers look for it: in the first 1,024 bytes (ISO 32000-1, Annex H.3.4.1)."""
    return b"%PDF-" in data[:1024]


def looks_like_html(data: bytes) -> bool:
    """Whether the data begin as a web page does."""
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head"))


def looks_binary(data: bytes) -> bool:
    """Whether bytes without a UTF-16 or UTF-32 mark hold too many control characters to be text."""
    sniffed = data[:SNIFFED_BYTES]
    if sniffed.startswith(_TEXT_BOMS):
        return False
    controls = len(sniffed) - len(sniffed.translate(None, _CONTROL))
    return controls > max(ALLOWED_CONTROLS, MAX_CONTROL_SHARE * len(sniffed))


def looks_garbled(text: str) -> bool:
    """Whether decoded text holds too many control characters or replacement marks to have been text."""
    sniffed = text[:SNIFFED_BYTES]
    bad = sum(
        1 for character in sniffed if character == "\ufffd" or (character < " " and character not in "\t\n\r\f\x1a\x1b")
    )
    return bad > max(ALLOWED_CONTROLS, MAX_CONTROL_SHARE * len(sniffed))
