"""Running heads, page numbers and repeated footers: found by what pages have in common at the same height, and left out."""

import re
from collections import defaultdict
from dataclasses import dataclass

from backends.local.documents.pdf.rows import Page, Row

EDGE_ROWS = 4
"""Rows at either end of a page among which running lines are sought."""

SAME_HEIGHT = 4.0
"""In points: running lines of two pages differ by no more."""

APART = 1.75
"""Times the letters' size: a wider gap to the next row sets a line apart from the text."""

MARGIN = 0.2
"""Of a page's height: words that pages share stand no further in, unless they hold the page's number."""

LARGE = 1.15
"""Times the size of the document's text: larger lines are titles, as of slides, unless half of all pages share them."""

_NUMBER = re.compile(r"\d{1,5}|\b[ivxlcdm]{1,8}\b", re.IGNORECASE)
_BARE = re.compile(
    r"\W*(?:(?:page|seite|p(?:ág(?:ina)?)?|pagina|sida|side|str)\b\.?\s*)?(#)(?:\s*(?:of|/|von|de|sur|av|van|z)\s*\d{1,5})?\W*|\W*[A-Z\d]{1,3}\s*[-–.]\s*(#)\W*",
    re.IGNORECASE,
)
_OF_TOTAL = re.compile(r"\W*(?:page|seite|página|pagina)?\W*(\d{1,5})\s*(?:of|/|von|de|sur|av|van)\s*(\d{1,5})\W*", re.IGNORECASE)
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}


@dataclass(frozen=True, slots=True)
class _Edge:
    """A row at the edge of a page."""

    page: int
    """The page's position in the document, from 0."""
    row: Row
    text: str
    y: float
    apart: bool
    """Whether a gap, or the size of its letters, sets it apart from the text."""
    large: bool
    outer: bool
    """Whether it stands where running heads and footers do."""


def remove_margins(pages: list[Page], size: float) -> None:
    """Take running lines from the pages' rows. size: of the letters of the document's text, in points.

    A page keeps a line that only pages without other text share: it is their text, as of forms that were scanned.
    """
    running: list[list[_Edge]] = [[] for _ in pages]
    for top in (True, False):
        edges = [_edges(page, number, size, top=top) for number, page in enumerate(pages)]
        places = _places(edges)
        zones = _zones(edges, places, len(pages))
        for found, rows in zip(running, edges, strict=True):
            for edge in rows:
                if not (_is_running(edge, places, len(pages)) or _is_in_zone(edge, zones)):
                    break
                found.append(edge)
    taken = [{id(edge.row) for edge in found} for found in running]
    beside_text = {
        key
        for page, found, rows in zip(pages, running, taken, strict=True)
        if len(rows) < len(page.rows)
        for edge in found
        for key, _ in _keys(edge)
    }
    for page, found, rows in zip(pages, running, taken, strict=True):
        if len(rows) == len(page.rows):
            rows = {id(edge.row) for edge in found if any(bare or key in beside_text for key, bare in _keys(edge))}
        page.rows = [row for row in page.rows if id(row) not in rows]


def _edges(page: Page, number: int, size: float, *, top: bool) -> list[_Edge]:
    """The outermost rows of a page, the outermost first."""
    rows = page.rows if top else page.rows[::-1]
    found: list[_Edge] = []
    for position, row in enumerate(rows[:EDGE_ROWS]):
        gap = abs(rows[position + 1].y - row.y) if position + 1 < len(rows) else 0.0
        apart = gap > APART * max(row.size, size) or (gap > 0 and row.size < 0.93 * size)
        outer = row.y < MARGIN * page.height if top else row.y > (1 - MARGIN) * page.height
        found.append(_Edge(number, row, " ".join(row.text.split()), row.y, apart, row.size > LARGE * size, outer))
    return found


def _keys(edge: _Edge) -> list[tuple[str, bool]]:
    """(what a row has in common with running lines of other pages, whether that is a page's number alone)."""
    keys = [(edge.text, False)]
    numbers = list(_NUMBER.finditer(edge.text))[:6]
    for found in numbers:
        value = _value(found.group())
        if value is None:
            continue
        around = f"{edge.text[: found.start()]}#{edge.text[found.end() :]}"
        keys.append((f"{around}#{value - edge.page}", _BARE.fullmatch(around) is not None))
        if found.start() == 0 or found.end() == len(edge.text):
            side = "first" if found.start() == 0 else "last"
            keys.append((f"#{side}#{value - edge.page}", False))
    return keys


def _value(number: str) -> int | None:
    """Of Arabic or Roman digits; None where letters are no number."""
    if number.isdigit():
        return int(number)
    digits = [_ROMAN[letter] for letter in number.lower()]
    value = sum(-a if a < b else a for a, b in zip(digits, [*digits[1:], 0], strict=True))
    return value if value < 200 else None


Places = dict[str, list[tuple[int, float]]]


def _places(edges: list[list[_Edge]]) -> Places:
    """Where each key occurs: (page, height)."""
    places: Places = defaultdict(list)
    for rows in edges:
        for edge in rows:
            for key, _ in _keys(edge):
                places[key].append((edge.page, edge.y))
    return places


def _shared(places: Places, key: str, y: float) -> int:
    """On how many pages a key occurs at this height, as far as that matters."""
    return len({page for page, other in places[key][:2000] if abs(other - y) <= SAME_HEIGHT})


def _is_running(edge: _Edge, places: Places, pages: int) -> bool:
    total = _OF_TOTAL.fullmatch(edge.text)
    if total and int(total[1]) == edge.page + 1 and int(total[2]) == pages:
        return True
    for key, bare in _keys(edge):
        shared = _shared(places, key, edge.y)
        if bare and shared >= 2:
            return True
        if (edge.large and shared < max(3, pages / 2)) or (not edge.outer and key == edge.text):
            continue
        if shared >= (max(3, pages / 3) if not edge.apart else 3 if key.startswith("#") else 2):
            return True
    return False


def _zones(edges: list[list[_Edge]], places: Places, pages: int) -> list[tuple[float, float]]:
    """(height, letters' size) at which half of the pages have a running line: others there are running heads that change."""
    heights: dict[tuple[int, float], int] = defaultdict(int)
    for rows in edges:
        for edge in rows[:2]:
            if edge.apart and _is_running(edge, places, pages):
                heights[round(edge.y), round(edge.row.size, 1)] += 1
    return [zone for zone, count in heights.items() if count >= max(3, pages / 2)]


def _is_in_zone(edge: _Edge, zones: list[tuple[float, float]]) -> bool:
    return edge.apart and not edge.large and any(
        abs(edge.y - y) <= 2 and abs(edge.row.size - size) < 0.3 for y, size in zones
    )
