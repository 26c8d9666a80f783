"""Which encoding bytes are in that are not UTF-8: what a page declares, else what its letters suggest."""

import codecs
import re

from charset_normalizer import from_bytes

DECLARATION_BYTES = 4_096
"""How much of a file's beginning is searched for a declaration. The HTML standard asks for 1,024 (13.2.3.2); pages break that."""

GUESSED_BYTES = 65_536
"""How much of a file a guess looks at."""

WESTERN = "cp1252"
"""What bytes that are not UTF-8 most often are: Windows' Western European code page."""

WIDE = ("cp932", "cp949", "big5", "euc_jp", "gb18030")
"""Encodings of Chinese, Japanese and Korean, two bytes a character."""

CANDIDATES = ("cp1250", "cp1251", "cp1252", "cp1253", "cp1255", "cp1256", "cp866", "koi8_r", "mac_roman", *WIDE)
"""The encodings that are told apart: the commonest of each script."""

MIN_WIDE_BYTES = 40
"""Bytes above ASCII that a Chinese, Japanese or Korean encoding is believed from: in fewer, other scripts look like these."""

MIN_COHERENCE = 0.3
"""How well the letters' frequencies must fit some language for an alphabet to be believed; charset-normalizer's measure, 0 to 1."""

TIE = 0.1
"""How much worse than another the commonest encoding may fit, and be preferred: what separates them on a sentence of Portuguese."""

NAMES = {"cp932": "Shift JIS", "cp949": "EUC-KR", "cp866": "DOS Cyrillic", "big5": "Big5", "koi8_r": "KOI8-R"}
NAMES |= {"mac_roman": "Mac Roman", "euc_jp": "EUC-JP", "gb18030": "GB 18030"}
"""What a person calls them; `cp1250` and its like are "Windows-1250"."""

_LABELS = {
    **dict.fromkeys(("ascii", "iso8859-1"), WESTERN),
    "iso8859-9": "cp1254",
    **dict.fromkeys(("iso8859-11", "tis-620"), "cp874"),
    **dict.fromkeys(("shift_jis", "x-sjis", "windows-31j"), "cp932"),
    **dict.fromkeys(("euc_kr", "ks_c_5601-1987"), "cp949"),
    **dict.fromkeys(("gb2312", "gbk", "x-gbk"), "gb18030"),
    **dict.fromkeys(("big5", "x-x-big5"), "big5hkscs"),
    "iso-8859-8-i": "iso8859-8",
    "x-mac-roman": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
}
"""Where the web means another encoding than the name's own (Encoding Standard, 4.2), or Python lacks the name."""

_NO_TEXT = re.compile(r"utf|ucs|u16|u32|unicode|punycode|idna|undefined|mbcs|oem", re.IGNORECASE)
"""Codecs that no page can mean: UTF-8 is tried anyway, UTF-16 could not be read up to its declaration, the rest are Python's own."""

_XML = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{2,40})["']""", re.IGNORECASE)
_META = re.compile(rb"""<meta[^>]{0,300}?charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)


def declared_encoding(data: bytes) -> str | None:
    """The codec of the encoding that a page's XML declaration or `<meta>` names; None if it names none, or UTF-8."""
    start = data[:DECLARATION_BYTES]
    found = _XML.match(start) or _META.search(re.sub(rb"<!--.*?-->", b"", start, flags=re.DOTALL))
    return codec_of(found.group(1).decode("ascii", "ignore")) if found else None


def codec_of(label: str) -> str | None:
    """Python's codec for an encoding's name on the web or in mail; None if there is none that text could be in."""
    label = label.strip().lower()
    try:
        name = _LABELS.get(label) or codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    if _NO_TEXT.search(name):
        return None
    name = _LABELS.get(name, name)
    try:
        b"a".decode(name)
    except (LookupError, ValueError):  # A codec of bytes to bytes, as base64 is.
        return None
    return name


def guessed_encoding(data: bytes) -> str:
    """The likeliest of CANDIDATES for bytes that are not UTF-8; WESTERN where the letters say too little."""
    start = data[:GUESSED_BYTES]
    found = from_bytes(start, cp_isolation=list(CANDIDATES))
    best = found.best()
    if best is None or best.encoding not in CANDIDATES or WESTERN in best.could_be_from_charset:
        return WESTERN
    western = next((match for match in found if match.encoding == WESTERN), None)
    if (
        western
        and western.coherence >= best.coherence - TIE
        and western.chaos <= best.chaos + TIE
        and best.encoding not in WIDE
    ):
        return WESTERN
    wide = best.encoding in WIDE and sum(byte > 127 for byte in start) >= MIN_WIDE_BYTES
    return best.encoding if wide or best.coherence >= MIN_COHERENCE else WESTERN


def encoding_name(codec: str) -> str:
    """What a person calls an encoding."""
    return NAMES.get(codec) or re.sub(r"^cp(\d+)$", r"Windows-\1", codec)
