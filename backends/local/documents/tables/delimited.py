"""CSV, TSV and their kin: which character separates the cells, which quotes were never closed, and the rows that result."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from backends.local.documents.blocks import Reading
from backends.local.documents.tables.records import Faults, Row, table_blocks
from backends.local.documents.text import clean, decode_file, one_line

DELIMITERS = ("\t", ";", "|", ",")
"""The first of two that are as likely wins: commas also stand in numbers and sentences."""

NONE = "\x1f"
"""Separates nothing: a control character that text does not keep."""

SNIFFED_CHARS = 65_536
SNIFFED_ROWS = 100
"""How much of a file the delimiter is judged by."""

MIN_AGREEMENT = 0.9
"""Share of rows as long as most below which lines that look like sentences are such."""

MAX_FIELD_CHARS = 2**31 - 1
"""The csv module refuses longer fields; its own limit is 131,072. A C long on Windows holds no more than this."""

MOST_TOLD = 3
"""Lines with an unclosed quote that are named; the others are counted."""

csv.field_size_limit(MAX_FIELD_CHARS)


def read(name: str, data: bytes) -> list[Reading]:
    """A table in a text file, of which every row is a record."""
    text, doubts = decode_file(name, data)
    text = clean(text, tabs=True)
    delimiter, body = find_delimiter(text)
    body, unclosed = close_quotes(body, delimiter)
    faults = Faults()
    blocks = tuple(table_blocks(rows_of(body, delimiter), faults))
    skipped = text.count("\n") - body.count("\n")
    quotes = _quotes_doubt([line + skipped for line in unclosed])
    return [Reading("", blocks, (*doubts, *quotes, *faults.doubts()))]


def rows_of(text: str, delimiter: str) -> Iterator[Row]:
    """Numbered rows; a line break in quotes is a space."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    for number, cells in enumerate(reader, start=1):
        yield number, [one_line(cell) for cell in cells]


def find_delimiter(text: str) -> tuple[str, str]:
    """The delimiter, and the text without Excel's `sep=` line, if it has one. `NONE` where every line is one cell."""
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep=") and len(first) == 5:
        return first[4], rest
    head = text[:SNIFFED_CHARS]
    if len(text) > SNIFFED_CHARS and "\n" in head:
        head = head[: head.rindex("\n")]
    scores = {delimiter: _agreement(head, delimiter) for delimiter in DELIMITERS}
    best = max(scores, key=lambda delimiter: scores[delimiter])
    share, _ = scores[best]
    prose = share < MIN_AGREEMENT and _is_prose(head, best)
    return (NONE if prose or not share else best), text


def _agreement(head: str, delimiter: str) -> tuple[float, int]:
    """(the share of rows that have the commonest number of cells, minus the rows above the first of them, which are left out).

    Rows with cells that are cut through quotes count against it; 0 where no row has two cells.
    """
    rows = [cells for _, cells in _head_rows(close_quotes(head, delimiter)[0], delimiter) if any(cells)]
    widths = Counter(len(cells) for cells in rows if len(cells) > 1)
    if not widths:
        return 0, 0
    width = widths.most_common(1)[0][0]
    start = next(at for at, cells in enumerate(rows) if len(cells) == width)
    if any(len(cells) > width for cells in rows[:start]):
        start = 0
    table = rows[start:]
    torn = sum(any(cell.count('"') % 2 for cell in cells) for cells in table)
    return (widths[width] - torn) / len(table), -start


def _head_rows(head: str, delimiter: str) -> list[Row]:
    return [row for row, _ in zip(rows_of(head, delimiter), range(SNIFFED_ROWS), strict=False)]


def _is_prose(head: str, delimiter: str) -> bool:
    """Whether nearly every delimiter has a space behind it and most lines end as sentences do."""
    spaced = len(re.findall(re.escape(delimiter) + r"\s", head))
    lines = [line.rstrip() for line in head.split("\n") if line.strip()]
    ended = sum(line.endswith((".", "!", "?")) for line in lines)
    return delimiter in ",;" and spaced >= 0.9 * head.count(delimiter) and 2 * ended > len(lines)


def close_quotes(text: str, delimiter: str) -> tuple[str, list[int]]:
    """The text without the quotes that open a cell and are never closed, and the lines, from 1, where they stood.

    Such a quote runs to the end of the text, or over a line's end to a quote that no cell can end with.
    """
    cut = re.escape(delimiter)
    quoted = re.compile(rf'(?:\A|(?<=[{cut}\n])) *(")[^"]*+(?:""[^"]*+)*+(?:(")(?= *(?:[{cut}\n]|\Z)))?')
    kept: list[str] = []
    lines: list[int] = []
    start = at = counted = 0
    line = 1
    while found := quoted.search(text, at):
        quote = found.start(1)
        if found.group(2) or ("\n" not in found.group() and found.end() < len(text)):
            at = found.end()
            continue
        line += text.count("\n", counted, quote)
        counted = quote
        lines.append(line)
        kept.append(text[start:quote])
        start = at = quote + 1
    return "".join([*kept, text[start:]]), lines


def _quotes_doubt(lines: Sequence[int]) -> tuple[str, ...]:
    if not lines:
        return ()
    if len(lines) == 1:
        return (f"The quote in line {lines[0]} is never closed and was left out: close it, or take it away.",)
    told = ", ".join(map(str, lines[:MOST_TOLD])) + (f" and {len(lines) - MOST_TOLD:,} more" * (len(lines) > MOST_TOLD))
    return (f"The quotes in lines {told} are never closed and were left out: close them, or take them away.",)
