"""Tables of web pages to rows: which cell stands in which column, and which row names the columns."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from backends.local.documents.blocks import Block
from backends.local.documents.faq import is_question
from backends.local.documents.tables.headers import is_header, is_sure_header, kind_of

MAX_COLUMNS = 200
"""Of a table; what stands further right is left out of a row that only spans of cells make so long."""

MAX_ROWS_SPANNED = 1_000
"""Rows that a cell may hang into; the HTML standard (4.9.11) would allow 65,534."""

LAYOUT_CHARS = 600
"""A cell without a column's name that holds more than this is a part of a page, not a value."""

MIN_UNMARKED = 3
"""Columns from which on a first row of plain cells may be a header: two are often a name and its value."""

_LAYOUT = ("table", "h1", "h2", "h3", "h4", "h5", "h6", "form")
_NUMBER = re.compile(r"[\W\d_]+\w{0,3}")


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    """On one line."""
    names: bool = False
    """Whether it is a `<th>`."""
    names_row: bool = False
    """Whether it says that it names its row."""
    bold: bool = False
    """Whether all of it is."""


Row = dict[int, _Cell]
"""Cells by column, from 0, in order; one that spans columns or rows stands in each."""


def read_table(
    table: etree._Element, left_out: set[etree._Element], read_cell: Callable[[etree._Element], str], level: int
) -> list[Block] | None:
    """The caption and rows of a table, each `column: value; column: value`; None if it only places things on a page.

    Empty cells are left out of a row. A row that is a question and its answer becomes a heading below `level` and a paragraph.
    """
    if table.get("role") in ("presentation", "none") or _places_things(table, left_out):
        return None
    rows = [
        (element, row) for element, row in _rows(table, left_out, read_cell) if any(cell.text for cell in row.values())
    ]
    width = max((max(row) + 1 for _, row in rows), default=0)
    head = _head_length(rows, width)
    names_known = any(len(row) > 1 and not _is_title(row, width) for _, row in rows[:head])
    if width < 2 or (
        not names_known and any(len(cell.text) > LAYOUT_CHARS for _, row in rows for cell in row.values())
    ):
        return None
    captions = [read_cell(each) for each in table.iterchildren("caption") if each not in left_out]
    blocks = [Block(caption, holds_next=True) for caption in captions if caption]
    names: dict[int, str] = {}
    for _, row in rows[:head]:
        if _is_title(row, width):
            blocks.append(Block(_first(row), holds_next=True))
        else:
            names = _named(names, row)
    for _, row in rows[head:]:
        if _is_title(row, width):
            blocks.append(Block(_first(row)))
        elif len(row) > 1 and all(
            cell.names and not cell.names_row and not _NUMBER.fullmatch(cell.text) for cell in row.values()
        ):
            names = _named({}, row)
        else:
            blocks += _row_blocks(row, names, level)
    return blocks


def _places_things(table: etree._Element, left_out: set[etree._Element]) -> bool:
    """Whether headings, other tables or listings stand in a table."""
    within = (element for element in table.iter(*_LAYOUT, "pre") if element is not table and element not in left_out)
    return any(element.tag != "pre" or "\n" in "".join(element.itertext()).strip() for element in within)


def _rows(
    table: etree._Element, left_out: set[etree._Element], read_cell: Callable[[etree._Element], str]
) -> Iterator[tuple[etree._Element, Row]]:
    hanging: dict[int, tuple[_Cell, int]] = {}
    for element in table.iter("tr"):
        if element in left_out or element.getparent() in left_out:
            continue
        row: Row = {}
        column = 0
        for tag in element.iterchildren("td", "th"):
            if tag in left_out:
                continue
            while column in hanging:
                column += 1
            cell = _cell(tag, read_cell)
            across, down = _span(tag, "colspan", MAX_COLUMNS), _span(tag, "rowspan", MAX_ROWS_SPANNED)
            for at in range(column, max(column + 1, min(column + across, MAX_COLUMNS))):
                row[at] = cell
                if down > 1:
                    hanging[at] = cell, down
            column += across
        for at, (cell, left) in list(hanging.items()):
            row.setdefault(at, cell)
            hanging[at] = cell, left - 1
            if left <= 1:
                del hanging[at]
        yield element, dict(sorted(row.items()))


def _cell(tag: etree._Element, read_cell: Callable[[etree._Element], str]) -> _Cell:
    text = read_cell(tag)
    bold = next(tag.iter("b", "strong"), None)
    is_bold = bold is not None and " ".join("".join(bold.itertext()).split()) == text
    return _Cell(text, tag.tag == "th", tag.get("scope", "").startswith("row"), is_bold)


def _span(tag: etree._Element, name: str, most: int) -> int:
    """How far a cell spans: 1 where it does not say, `most` where it says 0, which is to the end."""
    value = tag.get(name, "1").strip()
    return min(int(value) or most, most) if value.isascii() and value.isdigit() and len(value) < 9 else 1


def _head_length(rows: Sequence[tuple[etree._Element, Row]], width: int) -> int:
    """How many of the first rows name the columns, or the table."""
    length = 0
    for element, row in rows:
        parent = element.getparent()
        in_head = parent is not None and parent.tag == "thead"
        heads = all((cell.names and not cell.names_row) or not cell.text for cell in row.values())
        if not (in_head or heads or (length == 0 and len(row) > 1 and all(cell.bold for cell in row.values()))):
            break
        length += 1
    texts = [[row[column].text if column in row else "" for column in range(width)] for _, row in rows]
    if not length and width >= MIN_UNMARKED and _names_unmarked(texts[0], texts[1:]):
        length = 1
    if 0 < length < len(rows) - 1 and _halves_above(rows[length - 1][1], rows[length][1], texts[length:], width):
        length += 1
    return length if length < len(rows) else 0


def _names_unmarked(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a row that is not marked as a header surely is one: by words above numbers, or by years and steps."""
    numbers = [kind_of(cell) for cell in first[1:]].count("number")
    sure = is_sure_header(first, below) or 2 * numbers >= len(first[1:])
    return all(first[1:]) and sure and is_header(first, below)


def _halves_above(above: Row, row: Row, texts: Sequence[Sequence[str]], width: int) -> bool:
    """Whether a row goes on from the row of names above it, by saying what is below each half of a name that spans columns.

    texts: of the row and those below it.
    """
    counts = Counter(id(cell) for cell in above.values())
    halved = [column for column, cell in above.items() if cell.text and counts[id(cell)] > 1]
    if not halved or _is_title(above, width) or not all(column in row and row[column].text for column in halved):
        return False
    hangs = all(not cell.text or cell is above.get(column) for column, cell in row.items() if column not in halved)
    return (hangs or is_sure_header(texts[0], texts[1:])) and is_header(texts[0], texts[1:])


def _is_title(row: Row, width: int) -> bool:
    """Whether one cell takes the whole width of a table."""
    return len(row) == width > 1 and len({id(cell) for cell in row.values()}) == 1


def _first(row: Row) -> str:
    return next(iter(row.values())).text


def _named(names: dict[int, str], row: Row) -> dict[int, str]:
    """The columns' names with those of one more row of the head below them."""
    below = {column: cell.text.rstrip(": ") for column, cell in row.items()}
    return {
        column: ", ".join(dict.fromkeys(name for name in (names.get(column), below.get(column)) if name))
        for column in sorted({*names, *below})
    }


def _row_blocks(row: Row, names: dict[int, str], level: int) -> list[Block]:
    cells = {column: cell for column, cell in row.items() if cell.text}
    texts = [cell.text for cell in cells.values()]
    if len(texts) == 2 and is_question(texts[0]):
        return [Block(texts[0], "heading", level + 1), Block(texts[1])]
    first = next(iter(cells.values()))
    if len(texts) == 2 and not any(names.values()) and (first.names or first.bold):
        return [Block(f"{first.text.rstrip(': ')}: {texts[1]}", "row")]
    pieces: list[str] = []
    seen: set[int] = set()
    for column, cell in cells.items():
        name = names.get(column)
        if name and name != cell.text:
            pieces.append(f"{name}: {cell.text}")
        elif id(cell) not in seen:
            pieces.append(cell.text)
        seen.add(id(cell))
    return [Block("; ".join(pieces), "row")]
