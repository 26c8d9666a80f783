"""CSV to records: every row becomes `column: value; column: value`."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from backends.local.documents.blocks import Block, Reading
from backends.local.documents.text import clean, decode_file, one_line
from backends.local.documents.types import Place

DELIMITERS = (",", ";", "\t", "|")
"""Tried in this order; the first wins a tie."""

SNIFFED_ROWS = 50
"""Rows from which the delimiter is judged."""

MAX_FIELD_CHARS = 2**31 - 1
"""The csv module refuses longer fields; its own limit is 131,072. A C long on Windows holds no more than this."""

csv.field_size_limit(MAX_FIELD_CHARS)


def read(name: str, data: bytes) -> list[Reading]:
    """A table in a text file."""
    text, doubts = decode_file(name, data)
    return [replace(read_csv(text), doubts=doubts)]


def read_csv(text: str) -> Reading:
    """The table's rows as records; empty cells are left out, and rows longer than the header are kept.

    The first row names the columns unless a cell of it is empty, repeated or a number; they are then `column 1`, ….
    """
    delimiter, body = _delimiter(_lines(text))
    rows = (cells for cells in _rows(body, delimiter) if any(cells))
    first = next(rows, None)
    if first is None:
        return Reading("", ())
    second = next(rows, None)
    header = first if second is not None and _is_header(first) else []
    data = [second] if header else [first, second]
    records = [_sentence(header, cells) for cells in (*data, *rows) if cells is not None]
    return Reading("", tuple(Block(text, "record", place=Place("row", n)) for n, text in enumerate(records, start=1)))


def _lines(text: str) -> str:
    # Tabs may be delimiters: clean() would make them spaces.
    return "\t".join(clean(part) for part in text.split("\t"))


def _delimiter(text: str) -> tuple[str, str]:
    """The delimiter, and the text without Excel's `sep=` line, if it has one."""
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep=") and len(first) == 5:
        return first[4], rest
    return max(DELIMITERS, key=lambda delimiter: _agreement(text, delimiter)), text


def _agreement(text: str, delimiter: str) -> float:
    """The share of rows that have the commonest number of cells; 0 where that is one cell."""
    widths = Counter(len(cells) for cells in islice(_rows(text, delimiter), SNIFFED_ROWS) if any(cells))
    if not widths:
        return 0
    width, rows = widths.most_common(1)[0]
    return rows / widths.total() if width > 1 else 0


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    for cells in reader:
        yield [one_line(cell) for cell in cells]


def _is_header(cells: list[str]) -> bool:
    return all(cells) and len(set(cells)) == len(cells) and not any(_is_number(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _sentence(header: list[str], cells: list[str]) -> str:
    named = (header[i] if i < len(header) else f"column {i + 1}" for i in range(len(cells)))
    return "; ".join(f"{name}: {cell}" for name, cell in zip(named, cells, strict=True) if cell)
