"""Rows to lines in reading order: columns one after the other, tables row by row."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import and_
from statistics import median

from backends.local.documents.pdf.pieces import Face, Piece
from backends.local.documents.pdf.rows import Row
from backends.local.documents.pdf.tables import find_tables

MAX_ROWS = 2_000
"""Columns are not sought on a page of more rows: no one set such a page by hand."""

MAX_DEPTH = 6
"""How often a page is cut into columns within columns."""

MIN_LINES = 3
"""On each side of a gutter, unless a longer left column goes on in fewer."""

FLOW_LINES = 12
"""Short lines make columns only if so many stand on each side, and one column is drawn after the other."""

MAX_JUMPS = 8
"""Of a page, from one column to the next, that are looked at."""

SHARED = 0.67
"""Of a table's rows: where no more stand on the height of a line of text beside them, the two are columns."""

HEADING_LINES = 3
"""So many lines above what spans the page, set apart from a column, are no part of it."""

GUTTER = 0.8
"""In ems: narrowest white space between columns."""

NARROW_WORDS = 2.5
"""Columns of running text have at least so many words a line."""

FILL = 0.6
"""And their lines cover such a share of the column's width."""


@dataclass(slots=True)
class Line:
    """A line of a column, or a row of a table."""

    text: str
    left: float
    right: float
    y: float
    """Of its baseline, downward."""
    size: float
    """Of its largest letters."""
    face: Face
    """Bold, monospaced or italic only if all of it is."""
    page: int = 0
    """From 1."""
    region: int = 0
    """A column or another part of a page that is read as a whole; counted over the document."""
    edges: tuple[float, float] = (0.0, 0.0)
    """Left and right of its region."""
    is_row: bool = False
    """Whether it is a row of a table, or of a form that was filled in."""
    marked: bool = False
    """Whether it begins with a raised mark."""
    level: int = 0
    """Of a heading; 0 for other lines."""
    is_code: bool = False
    """Whether its white space counts."""


def reading_order(rows: list[Row]) -> list[list[Line]]:
    """The regions of a page in the order in which they are read, each with its lines."""
    regions = _cut(rows, MAX_DEPTH) if len(rows) <= MAX_ROWS else [rows]
    return [lines for region in regions if (lines := _lines(region))]


def _cut(rows: list[Row], depth: int) -> list[list[Row]]:
    """Rows above columns, each column, and rows below them."""
    found = _columns(rows) if depth else None
    if found is None:
        return [rows] if rows else []
    first, last, gutter = found
    sides: tuple[list[Row], list[Row]] = ([], [])
    for row in rows[first:last]:
        for side, pieces in zip(sides, _halves(row, gutter), strict=True):
            if pieces:
                side.append(Row(pieces))
    above, below = rows[:first], rows[last:]
    return [*_cut(above, depth - 1), *_cut(sides[0], depth - 1), *_cut(sides[1], depth - 1), *_cut(below, depth - 1)]


def _halves(row: Row, gutter: float) -> tuple[list[Piece], list[Piece]]:
    left = [piece for piece in row.pieces if piece.left < gutter]
    return left, [piece for piece in row.pieces if piece.left >= gutter]


def _columns(rows: list[Row]) -> tuple[int, int, float] | None:
    """(first row, one past the last row, x of the gutter) of the longest stretch of two columns of running text."""
    if len(rows) < MIN_LINES:
        return None
    starts = Counter(round(piece.left) for row in rows for piece in row.pieces)
    leftmost = min(row.left for row in rows)
    best: tuple[int, int, float] | None = None
    candidates = sorted(starts, key=lambda x: -(starts[x] + starts[x - 1] + starts[x + 1]))[:12]
    common = [x for x in candidates if starts[x] + starts[x - 1] + starts[x + 1] >= MIN_LINES]
    for start in [*common, *_jumps(rows)]:
        if start < leftmost + 20:
            continue
        gutter = start - 1.5
        whole = [each for each in _stretches(rows, gutter, parted=False) if _flows(rows[slice(*each)], gutter)]
        for first, last in [*whole, *_stretches(rows, gutter, parted=True)]:
            if (best is None or last - first > best[1] - best[0]) and _are_columns(rows[first:last], gutter):
                best = first, last, gutter
    return best


def _jumps(rows: list[Row]) -> list[int]:
    """Where text is drawn that follows on text far below it and left of it: columns begin so, however short they are."""
    drawn = sorted((piece for row in rows for piece in row.pieces), key=lambda piece: piece.order)
    jumps = (
        round(piece.left)
        for before, piece in pairwise(drawn)
        if piece.left > before.left and piece.y < before.y - MIN_LINES * piece.size
    )
    return list(dict.fromkeys(jumps))[:MAX_JUMPS]


def _stretches(rows: list[Row], gutter: float, *, parted: bool) -> list[tuple[int, int]]:
    """Runs of rows that leave the gutter free, each with what goes on in its left column.

    parted: whether white space over both columns ends one, as above a heading that stands over two others.
    """
    found: list[tuple[int, int]] = []
    first = last = None
    for number, row in enumerate(rows):
        crossed = _crosses(row, gutter)
        ended = parted and last is not None and row.right < gutter and not _follows(rows[number - 1], row)
        if crossed or ended:
            if first is not None and last is not None:
                found.append((first, last + 1))
            first = last = None
        if not crossed:
            first = number if first is None else first
            last = number if row.right > gutter else last
    if first is not None and last is not None:
        found.append((first, last + 1))
    return [_with_tail(rows, stretch, gutter) for stretch in found]


def _follows(row: Row, below: Row) -> bool:
    """Whether a row stands below another as the next line of a paragraph or after a usual gap does."""
    return below.y - row.y < 2.4 * max(row.size, below.size)


def _crosses(row: Row, gutter: float) -> bool:
    return any(piece.left < gutter and piece.right > gutter - GUTTER * min(piece.size, 14.0) for piece in row.pieces)


def _with_tail(rows: list[Row], stretch: tuple[int, int], gutter: float) -> tuple[int, int]:
    """The stretch, with the lines below it in its left column, which is longer than the right one.

    A heading or a line or two that stand apart above what spans both columns belong to that.
    """
    first, last = stretch
    end = last
    while end < len(rows) and rows[end].right <= gutter and not _crosses(rows[end], gutter):
        end += 1
    if end == len(rows):
        return first, end
    begins = [number for number in range(last, end) if not _is_next(rows[number - 1], rows[number])]
    if not begins or (_crosses(rows[end], gutter) and end - begins[-1] > HEADING_LINES):
        return first, end
    return first, begins[-1] if _crosses(rows[end], gutter) else begins[0]


def _is_next(row: Row, below: Row) -> bool:
    """Whether a row is the next line of the same paragraph."""
    return below.y - row.y <= 1.45 * below.size and abs(below.size - row.size) <= 0.5


def _are_columns(rows: list[Row], gutter: float) -> bool:
    """Whether both sides hold running text that is read by itself, rather than the cells of a table."""
    sides = [[pieces for row in rows if (pieces := _halves(row, gutter)[side])] for side in (0, 1)]
    fewest = min(map(len, sides))
    if not fewest:
        return False
    flows = _flows(rows, gutter)
    prose = [_is_prose(side) for side in sides]
    if fewest < MIN_LINES:
        return flows and prose[0] and len(sides[0]) >= FLOW_LINES
    if all(prose):
        return flows or not (_are_cells(rows, gutter) or _is_code([piece for row in rows for piece in row.pieces]))
    if not flows:
        return False
    shared = sum(map(len, sides)) - len(rows)
    if any(prose) and max(map(len, sides)) >= FLOW_LINES and shared <= SHARED * fewest:
        return True
    return fewest >= FLOW_LINES and not any(map(_is_numeric, sides))


def _flows(rows: list[Row], gutter: float) -> bool:
    """Whether all that stands left of the gutter is drawn before what stands right of it."""
    orders: tuple[list[int], list[int]] = ([], [])
    for row in rows:
        for piece in row.pieces:
            orders[piece.left >= gutter].append(piece.order)
    return all(orders) and max(orders[0]) < min(orders[1])


def _is_code(pieces: list[Piece]) -> bool:
    return sum(piece.face.mono for piece in pieces) > 0.5 * len(pieces)


def _is_prose(lines: list[list[Piece]]) -> bool:
    words = [sum(piece.text.count(" ") + 1 for piece in pieces) for pieces in lines]
    left, right = min(pieces[0].left for pieces in lines), max(pieces[-1].right for pieces in lines)
    fill = median(sum(piece.right - piece.left for piece in pieces) / (right - left or 1.0) for pieces in lines)
    return sum(words) / len(words) >= NARROW_WORDS and fill >= FILL and not _is_numeric(lines)


def _is_numeric(lines: list[list[Piece]]) -> bool:
    text = "".join(piece.text for pieces in lines for piece in pieces)
    return sum(map(str.isdigit, text)) > 0.4 * len(text)


def _are_cells(rows: list[Row], gutter: float) -> bool:
    """Whether wide gaps run through both sides at once, as between the rows of a table whose cells wrap."""
    gaps = [below.y - above.y for above, below in pairwise(rows)]
    usual = median(gaps)
    wide = [number for number, gap in enumerate(gaps, 1) if gap > 1.25 * usual]
    both = sum(all(_halves(rows[number], gutter)) for number in wide)
    return len(wide) >= 2 and both >= 0.8 * len(wide)


def _lines(rows: list[Row]) -> list[Line]:
    """The lines of one region; the rows of tables in it are marked."""
    edges = min(row.left for row in rows), max(row.right for row in rows)
    lines: list[Line] = []
    at = 0
    for first, last, told in find_tables(rows):
        lines += [_line(row, edges) for row in rows[at:first]]
        for row, text in told:
            line = _line(row, edges)
            line.text, line.is_row = text, True
            lines.append(line)
        at = last
    return lines + [_line(row, edges) for row in rows[at:]]


def _line(row: Row, edges: tuple[float, float]) -> Line:
    pieces = row.pieces
    face = reduce(and_, (piece.face for piece in pieces))
    text = pieces[0].text
    for before, piece in pairwise(pieces):
        spaces = max(1, round((piece.left - before.right) / (0.6 * piece.size))) if face.mono else 1
        text += " " * spaces + piece.text
    text = text if face.mono else re.sub(r" {2,}", " ", text)
    filled = any(piece.filled for piece in pieces)
    return Line(text, row.left, row.right, row.y, row.size, face, edges=edges, marked=pieces[0].marked, is_row=filled)
