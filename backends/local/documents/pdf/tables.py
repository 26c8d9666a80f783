"""Tables within a region: rows of cells that stand below one another, told with the names of their columns."""

import re
from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import pairwise

from backends.local.documents.pdf.pieces import HYPHEN, Piece
from backends.local.documents.pdf.rows import Row

ALIGNED = 3.0
"""In points: cells whose left, right or middle differ by no more are aligned."""

MAX_ROWS = 300
"""Lines of one table on one page; more are cut."""

MAX_CELL_WORDS = 14
"""Cells of more words, on average, are lines of text that happen to have gaps."""

_MARKER = re.compile(r"\(?[\dA-Za-z]{1,3}[.)]|\d+(\.\d+)+\.?|[•◦▪‣●○■□➢*–—-]|\[\d{1,3}\]")
_NUMBER = re.compile(r"[^\w]{0,3}\d[\d.,\s'%–-]*[^\W\d]{0,3}\W{0,3}|[-–—.]+|n/?a", re.IGNORECASE)

_YEAR = re.compile(r"(?:19|20)\d\d(?:[/–-]\d\d(?:\d\d)?)?")

Cell = tuple[float, float, str]
"""Left, right and text."""

Told = list[tuple[Row, str]]
"""The first row of each row of a table, and its text."""


def find_tables(rows: list[Row]) -> Iterator[tuple[int, int, Told]]:
    """(first row, one past the last, what it says) of each table, in order."""
    at = 0
    cells = [_cells(row) for row in rows]
    while at < len(rows):
        last = _table_end(rows, cells, at)
        if last is None:
            at += 1
            continue
        yield at, last, _tell(rows[at:last], cells[at:last])
        at = last


def _cells(row: Row) -> list[Cell]:
    """A row's cells; one for a list's item and for a line in a monospaced face, whose spaces are its own."""
    found = row.cells()
    if len(found) == 1 or all(piece.face.mono for piece in row.pieces):
        return [_cell(row.pieces)]
    if len(found) == 2 and _MARKER.fullmatch(found[0][0].text):
        return [_cell(row.pieces)]
    return [_cell(pieces) for pieces in found]


def _cell(pieces: list[Piece]) -> Cell:
    return pieces[0].left, pieces[-1].right, " ".join(piece.text for piece in pieces)


def _table_end(rows: list[Row], cells: list[list[Cell]], first: int) -> int | None:
    """One past the last row of the table that begins at `first`, if one does: two rows of aligned cells at least."""
    if len(cells[first]) < 2:
        return None
    last, end, full = first, first + 1, 1
    for number in range(first + 1, min(len(rows), first + MAX_ROWS)):
        gap = rows[number].y - rows[number - 1].y
        if len(cells[number]) > 1 and gap <= 3.5 * rows[number].size and _are_aligned(cells[last], cells[number]):
            last, full = number, full + 1
        elif len(cells[number]) > 1 or not _goes_on(cells[last], cells[number][0], gap / rows[number].size):
            break
        end = number + 1
    if full < 2:
        return None
    words = [cell[2].count(" ") + 1 for row in cells[first:end] for cell in row]
    return end if sum(words) <= MAX_CELL_WORDS * len(words) else None


def _are_aligned(row: list[Cell], below: list[Cell]) -> bool:
    """Whether a cell beyond the first is aligned with one of the other row."""
    return any(
        abs(a[0] - b[0]) <= ALIGNED or abs(a[1] - b[1]) <= ALIGNED or abs(a[0] + a[1] - b[0] - b[1]) <= 2 * ALIGNED
        for a in row[1:]
        for b in below[1:]
    )


def _goes_on(row: list[Cell], cell: Cell, distance: float) -> bool:
    """Whether a lone cell stands under one of a row above: it goes on from it, or begins a row whose other cells stand lower.

    distance: between the two rows, over the letters' size.
    """
    left, right, _ = cell
    if abs(left - row[0][0]) <= ALIGNED:
        return distance <= 1.6 and right < row[1][0]
    return distance <= 2.6 and any(abs(left - above[0]) <= ALIGNED for above in row[1:])


def _tell(rows: list[Row], cells: list[list[Cell]]) -> Told:
    """`column: value; column: value` where the columns have names, else the cells one after the other."""
    columns = _columns(cells)
    table = _merged(rows, [_assigned(row, columns) for row in cells])
    header = _header(table)
    if not header:
        return [(row, _told([text for text in texts if text])) for row, texts in table]
    return [
        (row, "; ".join(f"{name}: {text}" if name else text for name, text in zip(header, texts, strict=True) if text))
        for row, texts in table[1:]
    ]


def _told(cells: list[str]) -> str:
    """Cells without names: the second of two says what the first asks for, as does one behind a colon."""
    if len(cells) == 2:
        return f"{cells[0].rstrip(':')}: {cells[1]}"
    told = cells[0] if cells else ""
    for before, cell in pairwise(cells):
        told += f" {cell}" if before.endswith(":") else f"; {cell}"
    return told


def _columns(cells: list[list[Cell]]) -> list[tuple[float, float]]:
    """The columns' (left, right): cells that overlap are in one. Cells that span several are left out of account."""
    most = max(len(row) for row in cells)
    columns: list[tuple[float, float]] = []
    spans = sorted((cell[0], cell[1]) for row in cells if len(row) >= min(most, 3) for cell in row)
    for left, right in spans:
        if columns and left < columns[-1][1]:
            columns[-1] = columns[-1][0], max(columns[-1][1], right)
        else:
            columns.append((left, right))
    return columns


def _assigned(row: list[Cell], columns: list[tuple[float, float]]) -> list[str]:
    """A row's texts, one for each column."""
    texts = [""] * len(columns)
    for left, right, text in row:
        number = min(range(len(columns)), key=lambda each: max(columns[each][0] - right, left - columns[each][1], 0.0))
        texts[number] = f"{texts[number]} {text}".strip()
    return texts


def _merged(rows: list[Row], texts: list[list[str]]) -> list[tuple[Row, list[str]]]:
    """The table's rows, with the lines of cells that wrap put together.

    Where some gaps between lines are wider, they part the rows, unless several lines between two of them are whole rows.
    Else a row begins with a line that has a first cell.
    """
    gaps = [0.0] + [below.y - above.y for above, below in pairwise(rows)]
    tight = min(gaps[1:], default=0.0)
    groups = _groups([gap > 1.2 * tight for gap in gaps])
    whole = [len(row) > 2 and sum(map(bool, row)) >= max(3, len(row) - 1) for row in texts]
    firsts = max(sum(bool(texts[number][0]) for number in group) for group in groups)
    lone = sum(not row[0] for row in texts)
    if (
        len(groups) == 1
        or not lone
        or firsts > 1 + lone // 2
        or any(sum(whole[n] for n in group) > 1 for group in groups)
    ):
        groups = _groups([bool(row[0]) or full for row, full in zip(texts, whole, strict=True)])
    return [(rows[group[0]], reduce(_joined_rows, (texts[number] for number in group))) for group in groups]


def _groups(begins: list[bool]) -> list[list[int]]:
    """The numbers of lines that belong together, each group begun by one that does."""
    groups: list[list[int]] = []
    for number, begin in enumerate(begins):
        if groups and not begin:
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def _joined_rows(row: list[str], below: list[str]) -> list[str]:
    return [_joined(cell, other) for cell, other in zip(row, below, strict=True)]


def _joined(cell: str, below: str) -> str:
    """A cell and what goes on from it. A hyphen at its line's end stays marked as one."""
    return cell + below if cell.endswith(HYPHEN) else f"{cell} {below}".strip()


def _header(table: list[tuple[Row, list[str]]]) -> list[str]:
    """The columns' names, if the first row has them: alone in bold, above an empty corner, or above numbers.

    Names that are numbers themselves are years in order, or they are told by the bold type or by the empty corner.
    """
    if len(table) < 2:
        return []
    row, names = table[0]
    body = table[1:]
    if not all(names[1:]):
        return []
    is_bold = all(piece.face.bold for piece in row.pieces) and not all(
        piece.face.bold for each, _ in body for piece in each.pieces
    )
    has_corner = not names[0] and len(names) > 2 and len(body) > 1 and all(texts[0] for _, texts in body)
    numbers = [name for name in names[1:] if _NUMBER.fullmatch(name) or _YEAR.fullmatch(name)]
    numeric = len(names) > 2 and any(_is_numeric(texts[column] for _, texts in body) for column in range(1, len(names)))
    is_header = is_bold or has_corner or (numeric and (not numbers or _are_years(numbers, body)))
    return [name.rstrip(":") for name in names] if is_header and not _NUMBER.fullmatch(names[0]) else []


def _is_numeric(column: Iterable[str]) -> bool:
    """Whether a column's cells, but for empty ones, are numbers."""
    filled = [text for text in column if text]
    return bool(filled) and all(_NUMBER.fullmatch(text) for text in filled)


def _are_years(names: list[str], body: list[tuple[Row, list[str]]]) -> bool:
    """Whether names are two years or more that only rise or only fall, above cells that are not all years."""
    if len(names) < 2 or not all(map(_YEAR.fullmatch, names)):
        return False
    rises = {before < name for before, name in pairwise(names)}
    is_ordered = len(rises) == 1 and len(set(names)) == len(names)
    return is_ordered and not all(_YEAR.fullmatch(text) for _, texts in body for text in texts[1:] if text)
