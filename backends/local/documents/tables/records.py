"""Tables whose rows stand for themselves, from text files, workbooks and slides alike: what each row says.

Rows come numbered as a spreadsheet shows them. A row becomes `column: value; column: value`; one with a question and its answer becomes a
heading and a paragraph, so that an answer is quoted as it was written.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice

from backends.local.documents.blocks import Block
from backends.local.documents.tables.headers import (
    MIN_HEADER_SHARE,
    counts_rows,
    filled,
    header_place,
    is_header,
    is_sure_header,
    names_of,
    usual_width,
)
from backends.local.documents.types import PartKind, Place

HEAD_ROWS = 50
"""Rows from which a table's header and width are judged."""

QUESTION_LEVEL = 2
"""Of a question as a heading: a workbook's sheets are of level 1."""

FAQ = (
    ("question", "answer"),
    ("questions", "answers"),
    ("question", "answers"),
    ("q", "a"),
    ("prompt", "response"),
    ("prompt", "completion"),
    ("instruction", "response"),
    ("frage", "antwort"),
    ("question", "réponse"),
    ("pregunta", "respuesta"),
    ("pergunta", "resposta"),
    ("domanda", "risposta"),
    ("vraag", "antwoord"),
    ("fråga", "svar"),
    ("otázka", "odpověď"),
    ("вопрос", "ответ"),
    ("问题", "答案"),
    ("質問", "回答"),
)
"""Names of two columns of which the second answers the first, in lower case. Pairs that might mean anything else are left out."""

Row = tuple[int, Sequence[str]]
"""A row's number, from 1, and its cells, each on one line. A blank row counts; it has no cells, or blank ones."""


@dataclass(slots=True)
class Faults:
    """What was odd about a table's rows."""

    ragged: int = 0
    """Rows with more or fewer cells than there are columns."""
    first_ragged: int = 0
    """Number of the first of them."""

    def count(self, number: int, cells: Sequence[str], width: int) -> None:
        """Judge a row. One of a single cell is a remark."""
        if any(cells[width:]) or (len(cells) < width and (len(cells) > 1 or width <= 2)):
            self.ragged += 1
            self.first_ragged = self.first_ragged or number

    def doubts(self) -> tuple[str, ...]:
        """In words."""
        if not self.ragged:
            return ()
        rows = (
            f"Row {self.first_ragged} has"
            if self.ragged == 1
            else f"{self.ragged:,} rows, row {self.first_ragged} first, have"
        )
        return (
            f"{rows} more or fewer cells than there are columns: put quotes around cells that hold the separator, "
            "and add what is missing.",
        )


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table."""

    header: tuple[str, ...]
    """The cells of the row that names them; empty where none does."""
    names: tuple[str, ...]
    """All different and none blank."""
    counts: bool = False
    """Whether the first one only counts the rows."""
    faq: tuple[str, str] | None = None
    """Names of the columns of the question and its answer."""

    def blocks(self, cells: Sequence[str], place: Place, kind: PartKind) -> Iterator[Block]:
        """What a row says, without its blank cells. The header comes again where lists were joined, and says nothing then."""
        if tuple(cells) == self.header:
            return
        if len(cells) == 1 and len(self.names) > 2:
            yield Block(cells[0], place=place)
            return
        names = chain(self.names, (f"column {at}" for at in range(len(self.names) + 1, len(cells) + 1)))
        values = {name: cell for name, cell in zip(names, cells, strict=False) if cell}
        if self.counts and cells[0].isdecimal():
            del values[self.names[0]]
        yield from record_blocks(values, self.faq, place, kind)


def record_blocks(
    values: Mapping[str, str], faq: tuple[str, str] | None, place: Place | None, kind: PartKind = "record"
) -> Iterator[Block]:
    """A record of named values. faq: names of those that are a question and its answer, as `faq_of` finds them."""
    question, answer = (values.get(name) for name in faq) if faq else (None, None)
    if question and answer:
        yield Block(question, "heading", QUESTION_LEVEL, place)
        yield Block(answer, place=place)
        values = {name: value for name, value in values.items() if name not in (faq or ())}
        kind = "text"
    if values:
        yield Block("; ".join(f"{name}: {value}" for name, value in values.items()), kind, place=place)


def faq_of(names: Iterable[str]) -> tuple[str, str] | None:
    """The names of a question and its answer, if there are such."""
    named = {name.strip().lower(): name for name in names}
    for question, answer in FAQ:
        if question in named and answer in named:
            return named[question], named[answer]
    return None


def table_blocks(
    rows: Iterable[Row],
    faults: Faults,
    *,
    place: Callable[[int], Place] = lambda number: Place("row", number),
    kind: PartKind = "record",
) -> Iterator[Block]:
    """The tables in rows, lazily, with what stands above, between and below them as paragraphs.

    A blank row ends a table only where another begins behind it. Rows of a single cell are a list, those of a label and a value
    paragraphs.
    faults: counts ragged rows. kind: of a block that holds a row.
    """
    columns: Columns | None = None
    for head, rest, next_width in _runs(rows):
        width = usual_width([cells for _, cells in head])
        if all(map(_is_remark, head)) or (columns is None and width < MIN_HEADER_SHARE * next_width):
            listed = len(head) > 1 and all(filled(cells) == 1 for _, cells in head)
            remark: PartKind = "item" if listed else "text"
            yield from (Block(_joined(cells), remark, place=place(number)) for number, cells in chain(head, rest))
            continue
        above, body, columns = _opening([cells for _, cells in head], columns)
        yield from (Block(_joined(cells), place=place(number)) for number, cells in head[:above])
        for number, cells in chain(head[body:], rest):
            faults.count(number, cells, len(columns.names))
            yield from columns.blocks(cells, place(number), kind)


def _runs(rows: Iterable[Row]) -> Iterator[tuple[list[Row], Iterator[Row], int]]:
    """(the first HEAD_ROWS, the other rows, usual width of the next run) of every run of rows without a blank one.

    The next run's width is known only where the run is no longer than its head, and 0 otherwise.
    """
    groups = (group for holds, group in groupby(rows, key=lambda row: any(row[1])) if holds)
    head, rest = _cut(groups)
    while head:
        if len(head) == HEAD_ROWS:
            yield head, rest, 0
            head, rest = _cut(groups)
        else:
            following, following_rest = _cut(groups)
            yield head, iter(()), usual_width([cells for _, cells in following])
            head, rest = following, following_rest


def _cut(groups: Iterator[Iterator[Row]]) -> tuple[list[Row], Iterator[Row]]:
    group = next(groups, iter(()))
    return list(islice(group, HEAD_ROWS)), group


def _opening(rows: Sequence[Sequence[str]], before: Columns | None) -> tuple[int, int, Columns]:
    """(rows above the table, rows above its records, columns) of a run of rows. before: the columns of the run before it."""
    above = header_place(rows)
    header, below = tuple(rows[above]), rows[above + 1 :]
    if before is not None and not _begins(header, below, before):
        return above, above, before
    if not is_header(header, below):
        width = Counter(map(len, rows[above:])).most_common(1)[0][0]
        names = tuple(f"column {at}" for at in range(1, width + 1))
        asks = width == 2 and all(cells[0].endswith(("?", "？")) for cells in rows[above:] if cells[0])
        return above, above, Columns((), names, faq=(names[0], names[1]) if asks else None)
    names = names_of(header)
    return above, above + 1, Columns(header, names, counts_rows(header, below), faq_of(names))


def _begins(header: Sequence[str], below: Sequence[Sequence[str]], before: Columns) -> bool:
    """Whether another table begins with this row, rather than that the one before goes on behind a blank row."""
    width = max((at for at, cell in enumerate(header, start=1) if cell), default=0)
    other = [bool(cell) for cell in header[:width]] != [bool(cell) for cell in before.header[:width]]
    return is_header(header, below) and (other or width != len(before.names) or is_sure_header(header, below))


def _is_remark(row: Row) -> bool:
    """Whether a row is a line of text or a labelled value (`Printed: 3 March`), rather than of a table."""
    return filled(row[1]) == 1 or next(cell for cell in row[1] if cell).endswith(":")


def _joined(cells: Sequence[str]) -> str:
    return " ".join(cell for cell in cells if cell)
