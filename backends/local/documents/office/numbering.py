"""Numbers that Word draws in front of paragraphs (ECMA-376, 17.9): a file names only a paragraph's list and level."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from backends.local.documents.markup.lists import Numerals, numeral

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

MOST_LEVELS = 9
"""Levels of a list (17.9.6)."""

MOST_STYLES = 20
"""Styles that are looked through for what a paragraph's own is based on."""

_KINDS: Mapping[str, Numerals] = {
    "decimal": "1",
    "decimalZero": "1",
    "ordinal": "1",
    "lowerLetter": "a",
    "upperLetter": "A",
    "lowerRoman": "i",
    "upperRoman": "I",
}
_PLACE = re.compile(r"%([1-9])")


@dataclass(frozen=True, slots=True)
class _Level:
    start: int
    kind: Numerals | None
    """None of a bullet, or of a level that shows nothing."""
    text: str
    """`%1.%2` for the numbers of the first two levels with a point between."""


@dataclass(slots=True)
class _List:
    """Paragraphs that are counted together."""

    levels: Mapping[int, _Level]
    counts: dict[int, int] = field(default_factory=dict)
    restarted: set[str] = field(default_factory=set)
    """Numbers of the lists that began it anew."""

    def mark(self, at: int) -> str:
        """Count one more paragraph of a level, and say what stands in front of it."""
        level = self.levels.get(at)
        if level is None:
            return ""
        self.counts[at] = self.counts[at] + 1 if at in self.counts else level.start
        for deeper in [each for each in self.counts if each > at]:
            del self.counts[deeper]
        return _PLACE.sub(self._written, level.text).strip() if level.kind else ""

    def _written(self, place: re.Match[str]) -> str:
        at = int(place.group(1)) - 1
        level = self.levels.get(at)
        if level is None:
            return ""
        return numeral(self.counts.setdefault(at, level.start), level.kind or "1")


def number_paragraphs(document: bytes, numbering: bytes, styles: bytes) -> bytes:
    """A document's XML with the numbers of its paragraphs as text at their beginnings. Raises XMLSyntaxError if one is broken."""
    if not numbering:
        return document
    root = _parsed(document)
    numbers = _Numbers(_parsed(numbering), _parsed(styles) if styles else etree.Element("none"))
    for paragraph in root.iter(f"{W}p"):
        if mark := numbers.mark(paragraph):
            run = etree.Element(f"{W}r")
            etree.SubElement(run, f"{W}t").text = f"{mark} "
            run[0].set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
            paragraph.insert(1 if paragraph.find(f"{W}pPr") is not None else 0, run)
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return written


def _parsed(content: bytes) -> etree._Element:
    return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))


class _Numbers:
    """The lists of a document, as far as they are counted."""

    def __init__(self, numbering: etree._Element, styles: etree._Element) -> None:
        self._styles = {
            style.get(f"{W}styleId"): style
            for style in styles.iter(f"{W}style")
            if style.get(f"{W}type") == "paragraph"
        }
        abstract = {each.get(f"{W}abstractNumId"): each for each in numbering.iter(f"{W}abstractNum")}
        linked = {_value(each, "styleLink"): each for each in abstract.values() if _value(each, "styleLink")}
        self._lists = {
            name: _List(dict(_levels(linked.get(_value(each, "numStyleLink"), each))))
            for name, each in abstract.items()
        }
        self._nums = {num.get(f"{W}numId"): num for num in numbering.iter(f"{W}num")}
        self._level_styles = {
            (name, style): level.get(f"{W}ilvl", "0")
            for name, each in abstract.items()
            for level in each.iter(f"{W}lvl")
            if (style := _value(level, "pStyle"))
        }

    def mark(self, paragraph: etree._Element) -> str:
        """What stands in front of the next paragraph: `2.`, `a)`; empty where there is nothing or a bullet."""
        properties = paragraph.find(f"{W}pPr")
        if properties is None or next(paragraph.iter(f"{W}t"), None) is None:
            return ""
        number, level, style = self._numbered(properties)
        num = self._nums.get(number)
        name = _value(num, "abstractNumId") if num is not None else ""
        counted = self._lists.get(name)
        if num is None or counted is None:
            return ""
        level = level or self._level_styles.get((name, style), "0")
        if not level.isdecimal() or int(level) >= MOST_LEVELS:
            return ""
        if number not in counted.restarted:
            counted.restarted.add(number)
            counted.counts |= _restarts(num)
        return counted.mark(int(level))

    def _numbered(self, properties: etree._Element) -> tuple[str, str, str]:
        """(number of the list, level, style that says so) of a paragraph, from its own properties or those of its style."""
        number = level = ""
        style = following = _value(properties, "pStyle")
        own: etree._Element | None = properties
        for _ in range(MOST_STYLES):
            said = own.find(f"{W}numPr") if own is not None else None
            if said is not None:
                number = number or _value(said, "numId")
                level = level or _value(said, "ilvl")
            if number or following not in self._styles:
                break
            style = following
            own, following = self._styles[style].find(f"{W}pPr"), _value(self._styles[style], "basedOn")
        return number, level, style


def _levels(abstract: etree._Element) -> Iterator[tuple[int, _Level]]:
    for level in abstract.iter(f"{W}lvl"):
        at, start = level.get(f"{W}ilvl", ""), _value(level, "start")
        if at.isdecimal() and int(at) < MOST_LEVELS:
            kind = _KINDS.get(_value(level, "numFmt") or "decimal")
            yield int(at), _Level(int(start) if start.isdecimal() else 1, kind, _value(level, "lvlText"))


def _restarts(num: etree._Element) -> dict[int, int]:
    """One less than the first number, by level, where a list begins anew."""
    found: dict[int, int] = {}
    for override in num.iter(f"{W}lvlOverride"):
        start, at = _value(override, "startOverride"), override.get(f"{W}ilvl", "")
        if start.isdecimal() and at.isdecimal():
            found[int(at)] = int(start) - 1
    return found


def _value(element: etree._Element, name: str) -> str:
    child = element.find(f"{W}{name}")
    return (child.get(f"{W}val") or "") if child is not None else ""
