"""Which row of a table is its header, and what its columns are called."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

MIN_HEADER_SHARE = 0.6
"""Of a table's usual number of filled cells, which its header has too: a title above it has one or two."""

SENTENCE_CHARS = 60
"""A cell with spaces that is longer than this is a sentence, whatever it ends in."""

INDEX_NAMES = frozenset({"", "unnamed: 0"})
"""What the first column is called where a program wrote its row numbers there."""

_NUMBER = re.compile(r"[-+(\u2212]?\s?[$€£¥]?\s?\d[\d.,'\u2019 ]{0,30}(?:[eE][-+]?\d{1,3})?\s?[%$€£¥]?\)?")
_MOMENT = re.compile(
    r"(?:\d{1,4}[-/]\d{1,2}(?:[-/]\d{1,4})?|\d{1,2}\.\d{1,2}\.\d{2,4})(?:[T ].{0,30})?|\d{1,2}:\d{2}(?::\d{2})?"
)
_ADDRESS = re.compile(r"\S{1,100}@\S{1,100}\.\w{2,20}|https?://\S{1,2000}")
_YEAR = re.compile(r"(?:1\d|20|21)\d\d")
_NEAR_YEAR = re.compile(r"(?:19|20)\d\d|2100")

CellKind = Literal["blank", "text", "number", "moment", "address", "question", "sentence"]


def kind_of(cell: str) -> CellKind:
    """What a cell holds, by its looks."""
    if not cell:
        return "blank"
    for kind, looks in (("moment", _MOMENT), ("number", _NUMBER), ("address", _ADDRESS)):
        if looks.fullmatch(cell):
            return kind  # type: ignore[return-value]
    if " " in cell and cell.endswith("?"):
        return "question"
    if " " in cell and (len(cell) > SENTENCE_CHARS or cell.endswith((".", "!"))):
        return "sentence"
    return "text"


def filled(cells: Sequence[str]) -> int:
    """How many cells are not blank."""
    return sum(1 for cell in cells if cell)


def header_place(rows: Sequence[Sequence[str]]) -> int:
    """Index of the first row that is as wide as a table's rows usually are here; what stands above it is a preamble."""
    width = usual_width(rows)
    for place, cells in enumerate(rows):
        count = filled(cells)
        if count >= max(2, MIN_HEADER_SHARE * width) or (not cells[0] and count >= max(1, width - 1)):
            return place
    return 0


def usual_width(rows: Sequence[Sequence[str]]) -> int:
    """The commonest number of filled cells, the greater of two that are as common; 0 of no rows."""
    counts = Counter(filled(cells) for cells in rows)
    return max(counts, key=lambda width: (counts[width], width), default=0)


def is_header(cells: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a row names the columns of the rows below it.

    It does not if one of its cells comes again in its column, or is of a kind that its column holds (numbers, dates, addresses,
    sentences); but numbers in it may be years or steps that run on from column to column, or stand beside a blank corner.
    """
    if not below:
        return False
    numbers: list[int] = []
    for at, cell in enumerate(cells):
        kind = kind_of(cell)
        column = [row[at] for row in below if at < len(row) and row[at]]
        if kind == "blank" or not column:
            continue
        if kind == "number":
            numbers.append(at)
        elif kind == "text":
            if any(value == cell for value in column) and not any(list(row) == list(cells) for row in below):
                return False
        elif 2 * sum(kind_of(value) == kind for value in column) >= len(column):
            return False
    return _may_name(cells, below, numbers)


def is_sure_header(cells: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a row of words stands above a column of numbers or dates."""
    for at, cell in enumerate(cells):
        column = [kind_of(row[at]) for row in below if at < len(row) and row[at]]
        if kind_of(cell) == "text" and column and all(kind in ("number", "moment") for kind in column):
            return True
    return False


def _may_name(cells: Sequence[str], below: Sequence[Sequence[str]], places: Sequence[int]) -> bool:
    """Whether the numbers at these places may be names: none, or years, or not of a kind with their columns."""
    numeric = [at for at in places if any(kind_of(row[at]) == "number" for row in below if at < len(row) and row[at])]
    if not numeric:
        return True
    values = [row[at] for row in below for at in numeric if at < len(row) and row[at]]
    years = sum(_YEAR.fullmatch(value) is not None for value in values)
    if all(_YEAR.fullmatch(cells[at]) for at in numeric) and not years:
        return True
    if not _rises(cells, numeric):
        return False
    if all(_NEAR_YEAR.fullmatch(cells[at]) for at in numeric):
        return 2 * sum(_NEAR_YEAR.fullmatch(value) is not None for value in values) < len(values)
    if not cells[0] and all(row and kind_of(row[0]) == "text" for row in below):
        return True
    if len(numeric) > 2 and 2 * sum(not value.isdecimal() for value in values) > len(values):
        return True
    return _runs(cells, numeric) and 2 * sum(_runs(row, numeric) for row in below) <= len(below)


def _rises(cells: Sequence[str], places: Sequence[int]) -> bool:
    """Whether the cells are two whole numbers or more, each greater, or each smaller, than the one before."""
    texts = [cells[at] for at in places]
    if len(texts) < 2 or not all(re.fullmatch(r"\d{1,9}", text) for text in texts):
        return False
    steps = [int(later) - int(earlier) for earlier, later in pairwise(texts)]
    return all(step > 0 for step in steps) or all(step < 0 for step in steps)


def _runs(cells: Sequence[str], places: Sequence[int]) -> bool:
    """Whether the cells count on evenly, in steps of one to ten."""
    texts = [cells[at] if at < len(cells) else "" for at in places]
    if not all(re.fullmatch(r"\d{1,9}", text) for text in texts):
        return False
    steps = {int(later) - int(earlier) for earlier, later in pairwise(texts)}
    return len(steps) == 1 and 1 <= abs(steps.pop()) <= 10


def names_of(header: Sequence[str]) -> tuple[str, ...]:
    """A name for every column: `column 3` where it has none (`row` for the first, of labels), `price (2)` for the second `price`."""
    names: list[str] = []
    seen: Counter[str] = Counter()
    for at, cell in enumerate(header):
        unnamed = "row" if at == 0 else f"column {at + 1}"
        name = unnamed if not cell or (at == 0 and cell.lower() in INDEX_NAMES) else cell
        while seen[name]:
            seen[name] += 1
            name = f"{name} ({seen[name]})"
        seen[name] = 1
        names.append(name)
    return tuple(names)


def counts_rows(header: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether the first column has no name and counts the rows from 0 or 1, as data frames are saved."""
    if not header or header[0].lower() not in INDEX_NAMES or not below:
        return False
    first = [row[0] if row else "" for row in below]
    return any(first == [str(start + at) for at in range(len(first))] for start in (0, 1))
