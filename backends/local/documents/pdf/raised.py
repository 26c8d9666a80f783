"""Small letters above the line: exponents, marks of footnotes, ordinals."""

import re

_EXPONENT = re.compile(r"[−–+-]?\d+(?:[./]\d+)?")
_SIGNED = re.compile(r"[−–+-][\d\w]+")
_MARK = re.compile(r"\[?\d{1,3}(?:\s?[,;–-]\s?\d{1,3})*[\],]?|[a-z]")
_LAST_TOKEN = re.compile(r"[^\s(\[{/*×·=+−-]{1,24}$")
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_UNITS = re.compile(r"[kcmdµμnp]?m|ft|yd|mi|m?s|h|[km]?g|t|[lLVAWKJN]|k?Hz|Pa|mol|px|cd|sec")


def write_raised(before: str, raised: str) -> str:
    """What to write for `raised` after the text `before`: `^30` after 2, ` [1]` after a word, `st` after 1."""
    base = found.group() if (found := _LAST_TOKEN.search(before)) else before[-1:]
    if raised in ("o", "º", "°") and base[-1:].isdigit():
        return "°"
    if _SIGNED.fullmatch(raised) or (_EXPONENT.fullmatch(raised) and _takes_exponent(base)):
        return "^" + raised
    if len(raised) == 1 and raised.isalpha() and (base[-1:].isdigit() or len(base) == 1):
        return "^" + raised
    if _MARK.fullmatch(raised):
        return f" [{raised.strip('[],')}]"
    return raised


def _takes_exponent(base: str) -> bool:
    """Whether a raised number after `base` is a power rather than the mark of a footnote."""
    if base[-1:].isdigit():
        return not _YEAR.fullmatch(base) and "," not in base
    if base[-1:] == ")":
        return len(base) > 1
    return (len(base) == 1 and base.isalpha()) or _UNITS.fullmatch(base) is not None
