"""Ordered lists: the number, letter or Roman numeral that stands in front of an item."""

import re
from typing import Literal

from lxml import etree

Numerals = Literal["1", "a", "A", "i", "I"]
"""Kinds of numerals, as HTML's `type` has them (HTML standard, 4.4.5)."""

MOST_ROMAN = 3_999
"""The last number that Roman numerals of ASCII letters write."""

_ROMAN = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)
_NAMED: dict[str, Numerals] = {
    "lower-alpha": "a",
    "lower-latin": "a",
    "loweralpha": "a",
    "upper-alpha": "A",
    "upper-latin": "A",
    "upperalpha": "A",
    "lower-roman": "i",
    "lowerroman": "i",
    "upper-roman": "I",
    "upperroman": "I",
}
_STYLE = re.compile(r"list-style(?:-type)?\s*:[^;]*?(none|disc|circle|square|(?:lower|upper)-(?:alpha|latin|roman))")
_WHOLE = re.compile(r"\s*(-?\d{1,9})\s*")


def numeral(number: int, kind: Numerals) -> str:
    """A number as it is written in a list: 28 is `28`, `ab` or `xxviii`. What has no letters or Roman numerals is in digits."""
    if kind == "1" or number < 1 or (kind in "iI" and number > MOST_ROMAN):
        return str(number)
    written = _roman(number) if kind in "iI" else _letters(number)
    return written.upper() if kind.isupper() else written


def _letters(number: int) -> str:
    written = ""
    while number:
        number, letter = divmod(number - 1, 26)
        written = chr(ord("a") + letter) + written
    return written


def _roman(number: int) -> str:
    written = ""
    for value, letters in _ROMAN:
        count, number = divmod(number, value)
        written += count * letters
    return written


class ListCount:
    """Counts the items of a page's ordered lists, which come in order."""

    def __init__(self) -> None:
        self._next: dict[etree._Element, int] = {}

    def mark(self, item: etree._Element) -> str:
        """What stands in front of the next `<li>` of its list: `3.`, `c.`; empty if the list is not ordered, or shows no numbers."""
        around = item.getparent()
        if around is None or around.tag != "ol":
            return ""
        step = -1 if around.get("reversed") is not None else 1
        number = _whole(item.get("value"))
        if number is None:
            number = self._next.get(around)
        if number is None:
            number = _whole(around.get("start"))
        if number is None:
            number = 1 if step > 0 else sum(1 for _ in around.iterchildren("li"))
        self._next[around] = number + step
        kind = _kind(item.get("type"), "") or _kind(around.get("type"), _looks(around)) or "1"
        return "" if kind == "none" else f"{numeral(number, kind)}."


def _whole(value: str | None) -> int | None:
    found = _WHOLE.fullmatch(value or "")
    return int(found.group(1)) if found else None


def _looks(around: etree._Element) -> str:
    """What the style or, as docutils writes it, the class of a list says of its numerals."""
    style = _STYLE.search(around.get("style", "")[:500].lower())
    return style.group(1) if style else around.get("class", "").lower()


def _kind(said: str | None, looks: str) -> Numerals | Literal["none", ""]:
    if said in ("1", "a", "A", "i", "I"):
        return said  # type: ignore[return-value]
    if looks in ("none", "disc", "circle", "square"):
        return "none"
    return next((_NAMED[word] for word in looks.split() if word in _NAMED), "")
