"""Running heads, page numbers and repeated footers: found by what pages have in common at the same height, and left out."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from backends.local.documents.pdf.rows import Page, Row

EDGE_ROWS = 4
"""Rows at either end of a page among which running lines are sought."""

SAME_HEIGHT = 4.0
"""In points: running lines of two pages differ by no more."""

APART = 1.75
"""Times the letters' size: a wider gap to the next row sets a line apart from the text."""

FULL = 0.8
"""Of the page's widest row: so wide a line that nothing sets apart is one of the text, however many pages have it."""

MARGIN = 0.2
"""Of a page's height: words that pages share stand no further in, unless they hold the page's number."""

LARGE = 1.15
"""Times the size of the document's text: larger lines are titles, as of slides, unless half of all pages share them."""

HEAD = 0.065
"""Of a page's height: bold lines that stand higher are above the text; others may be headings that count up with the pages."""

_NUMBER = re.compile(r"\d{1,5}|\b[ivxlcdm]{1,8}\b", re.IGNORECASE)
_BARE = re.compile(
    r"\W*(?:(?:page|seite|p(?:ág(?:ina)?)?|pagina|sida|side|str)\b\.?\s*)?(#)(?:\s*(?:of|/|von|de|sur|av|van|z)\s*\d{1,5})?\W*|\W*[A-Z\d]{1,3}\s*[-–.]\s*(#)\W*",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\b(?:page|seite|página|pagina|sida|side)\W{0,2}#", re.IGNORECASE)
"""Where a key says itself that its number is a page's."""

_OF_TOTAL = re.compile(
    r"\W*(?:page|seite|página|pagina)?\W*(\d{1,5})\s*(?:of|/|von|de|sur|av|van)\s*(\d{1,5})\W*", re.IGNORECASE
)
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
    full: bool
    """Whether it is as wide as a line of the text."""
    heading: bool
    """Whether it is set as headings are, above a text: larger, or bold where the text is not."""
    bold: bool


def remove_margins(pages: list[Page], size: float) -> None:
    """Take running lines from the pages' rows. size: of the letters of the document's text, in points.

    A page keeps a line that only pages without other text share: it is their text, as of forms that were scanned.
    """
    running: list[list[_Edge]] = [[] for _ in pages]
    heavy = _is_bold(pages)
    sides = [
        [_edges(page, number, size, top=top, heavy=heavy) for number, page in enumerate(pages)] for top in (True, False)
    ]
    alone = {edge.page for edges in sides for edge in _page_numbers(edges, len(pages))}
    for edges in sides:
        known = _Known(_places(edges), len(pages), alone)
        zones = _zones(edges, known)
        for found, rows in zip(running, edges, strict=True):
            for position, edge in enumerate(rows):
                inner = rows[position + 1] if position + 1 < len(rows) else None
                if not (_is_running(edge, known, inner) or _is_in_zone(edge, zones)):
                    break
                found.append(edge)
    _remove(pages, running)


def _remove(pages: list[Page], running: list[list[_Edge]]) -> None:
    """Take the pages' running lines, but for those that are all that a page has, and a text's beside none."""
    taken = [{id(edge.row) for edge in found} for found in running]
    beside_text = {
        key
        for page, found, rows in zip(pages, running, taken, strict=True)
        if len(rows) < len(page.rows)
        for edge in found
        for key, _ in _keys(edge)
    }
    for page, found, rows in zip(pages, running, taken, strict=True):
        kept = rows
        if len(rows) == len(page.rows):
            kept = {id(edge.row) for edge in found if any(bare or key in beside_text for key, bare in _keys(edge))}
        page.rows = [row for row in page.rows if id(row) not in kept]


def _is_bold(pages: list[Page]) -> bool:
    """Whether bold is how the text is set."""
    letters: Counter[bool] = Counter()
    for page in pages:
        for row in page.rows:
            for piece in row.pieces:
                letters[piece.face.bold] += len(piece.text)
    return letters[True] > letters[False]


def _edges(page: Page, number: int, size: float, *, top: bool, heavy: bool) -> list[_Edge]:
    """The outermost rows of a page, the outermost first. heavy: whether the document's text is bold."""
    rows = page.rows if top else page.rows[::-1]
    found: list[_Edge] = []
    widest = max((row.right - row.left for row in rows), default=0.0)
    for position, row in enumerate(rows[:EDGE_ROWS]):
        gap = abs(rows[position + 1].y - row.y) if position + 1 < len(rows) else 0.0
        apart = gap > APART * max(row.size, size) or (gap > 0 and row.size < 0.93 * size)
        outer = row.y < MARGIN * page.height if top else row.y > (1 - MARGIN) * page.height
        full = row.right - row.left > FULL * widest and len(row.pieces) == 1
        bold = all(piece.face.bold for piece in row.pieces)
        large = row.size > LARGE * size
        stressed = bold and not heavy and row.size > 0.95 * size and row.y > HEAD * page.height
        heading = top and (large or stressed) and gap > 0
        text = " ".join(row.text.split())
        found.append(_Edge(number, row, text, row.y, apart, large, outer, full, heading, bold))
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


Places = dict[tuple[str, int], dict[int, str]]
"""The pages on which a key occurs at a height, in steps of `SAME_HEIGHT`, and the words beside its number there."""


def _places(edges: list[list[_Edge]]) -> Places:
    places: Places = defaultdict(dict)
    for rows in edges:
        for edge in rows:
            words = _NUMBER.sub("#", edge.text)
            for key, _ in _keys(edge):
                places[key, round(edge.y / SAME_HEIGHT)][edge.page] = words
    return places


def _shared(places: Places, key: str, y: float) -> int:
    """On how many pages a key occurs at about this height; 0 if it is only a number's and no two have the same words."""
    step = round(y / SAME_HEIGHT)
    found = [words for each in (step - 1, step, step + 1) for words in places.get((key, each), {}).values()]
    return len(found) if not key.startswith("#") or len(set(found)) < len(found) else 0


@dataclass(frozen=True, slots=True)
class _Known:
    """What a document's pages have in common."""

    places: Places
    pages: int
    """How many there are."""
    alone: set[int]
    """Those on which the page's number stands by itself: other numbers there are none of the page."""


def _page_numbers(edges: list[list[_Edge]], pages: int) -> Iterator[_Edge]:
    """The rows that hold nothing but the page's number."""
    places = _places(edges)
    for rows in edges:
        for edge in rows:
            shared = (bare and _shared(places, key, edge.y) >= 2 for key, bare in _keys(edge))
            if not edge.large and (_is_of_total(edge, pages) or any(shared)):
                yield edge


def _is_of_total(edge: _Edge, pages: int) -> bool:
    """Whether a row says which of how many pages this is."""
    total = _OF_TOTAL.fullmatch(edge.text)
    return total is not None and int(total[1]) == edge.page + 1 and int(total[2]) == pages


def _is_running(edge: _Edge, known: _Known, inner: _Edge | None = None) -> bool:
    """Whether other pages have the same line here. inner: the row next to it, which may be another line of the same head.

    Headings may count up with the pages, so a number makes no running line of what is set as they are.
    """
    if _is_of_total(edge, known.pages):
        return True
    apart = edge.apart or (inner is not None and inner.apart and _is_running(inner, known))
    least = max(3, known.pages / 2 if edge.large else known.pages / 3)
    for key, bare in _keys(edge):
        shared = _shared(known.places, key, edge.y)
        counted = key != edge.text
        if bare and shared >= 2 and not (edge.heading and edge.large):
            return True
        if counted and (edge.heading or (edge.page in known.alone and not _NAMED.search(key))):
            continue
        if ((edge.large or edge.heading) and shared < least) or (not edge.outer and not counted):
            continue
        if shared >= (2 if apart and not key.startswith("#") else 3 if apart else max(3, known.pages / 3)):
            return apart or not edge.full
    return False


Zone = tuple[float, float, bool]
"""Height, letters' size, and whether they are bold."""


def _zones(edges: list[list[_Edge]], known: _Known) -> list[Zone]:
    """Where half of the pages have a running line: others there that are set alike are running heads that change."""
    heights: Counter[Zone] = Counter()
    for rows in edges:
        for edge in rows[:2]:
            if edge.apart and _is_running(edge, known):
                heights[round(edge.y), round(edge.row.size, 1), edge.bold] += 1
    return [zone for zone, count in heights.items() if count >= max(3, known.pages / 2)]


def _is_in_zone(edge: _Edge, zones: list[Zone]) -> bool:
    return (
        edge.apart
        and not edge.large
        and any(
            abs(edge.y - y) <= 2 and abs(edge.row.size - size) < 0.3 and edge.bold == bold for y, size, bold in zones
        )
    )
