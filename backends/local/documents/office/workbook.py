"""Workbooks (Excel's, old and new, and OpenDocument's) to the records in their sheets.

Formulas are not computed: their results are read as the program saved them.
"""

import datetime
import io
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from python_calamine import CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from backends.local.documents.archives.members import listed
from backends.local.documents.blocks import Block, Reading
from backends.local.documents.office.number_formats import (
    NumberFormat,
    column_of,
    formats_by_row,
    formats_by_style,
    parsed,
)
from backends.local.documents.office.package import OLE, check_package, is_locked, locked, title_of
from backends.local.documents.tables.records import Faults, Row, table_blocks
from backends.local.documents.text import one_line
from pipeline.errors import InputError

MOST_CELLS = 20_000_000
"""In the rectangle around a sheet's cells, all of which takes memory: a cell in the last corner makes it 17 billion."""

EXACT_FLOATS = 1e15
"""Up to here a number is shown with all its digits, as spreadsheets do."""

WORKBOOK = "xl/workbook.xml"
RELATIONS = "xl/_rels/workbook.xml.rels"
"""Parts that say which sheet is kept where."""

FormatRows = Iterator[tuple[int, dict[int, NumberFormat]]]
"""A row's number, from 1, and the formats of its cells by column, from 0."""

_NUMBERED = re.compile(
    r"(?:sheet|tabelle|feuil|feuille|hoja|foglio|folha|planilha|blad|ark|arkusz|list|taul|sayfa|лист|аркуш|シート|工作表)\s?\d*",
    re.IGNORECASE,
)
"""What programs call a sheet to which nobody has given a name."""

_CELL = re.compile(rb'<c [^>]{0,100}?\br="([A-Z]{1,3})(\d{1,7})"[^>]{0,100}[^/]>')
_UNCOMPUTED = re.compile(rb"<c ([^>]{0,200})>\s*<f\b[^>]{0,500}(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")

Value = int | float | str | bool | datetime.time | datetime.date | datetime.datetime | datetime.timedelta


def read(name: str, data: bytes) -> list[Reading]:
    """A workbook; each sheet is a section, if there are several or it has a name of its own. Hidden sheets are left out and told.

    Raises InputError if it is locked, or a sheet spreads too far; whatever calamine raises if it is broken.
    """
    parts: dict[str, bytes] = {}
    if not data.startswith(OLE):
        parts = check_package(name, data, ".xlsx")
    elif is_locked(data):
        raise InputError(locked(name))
    sheets = [content for part, content in parts.items() if part.startswith("xl/worksheets/") and part.endswith(".xml")]
    _check_spread(name, sheets)
    faults = Faults()
    with _panics_are_errors():
        try:
            workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        except PasswordError as error:
            raise InputError(locked(name)) from error
        hidden, blocks = _sheets(workbook, _Formats(parts), faults)
    return [Reading(title_of(parts), tuple(blocks), (*_doubts(sheets, hidden), *faults.doubts()))]


@contextmanager
def _panics_are_errors() -> Iterator[None]:
    """A panic of Rust's is no Exception in Python, and would end more than the reading of a broken file."""
    try:
        yield
    except BaseException as error:
        if type(error).__module__ == "pyo3_runtime":
            raise ValueError("calamine gave up") from error
        raise


def _sheets(workbook: CalamineWorkbook, formats: "_Formats", faults: Faults) -> tuple[list[str], list[Block]]:
    """(names of the hidden sheets, blocks of the others)."""
    sheets = [each for each in workbook.sheets_metadata if each.typ == SheetTypeEnum.WorkSheet]
    hidden = [each.name for each in sheets if each.visible != SheetVisibleEnum.Visible]
    names = [each.name for each in sheets if each.name not in hidden]
    blocks: list[Block] = []
    for name in names:
        body = list(table_blocks(_rows(workbook.get_sheet_by_name(name), formats.rows(name)), faults))
        if body and (len(names) > 1 or not _NUMBERED.fullmatch(name)):
            blocks.append(Block(name, "heading"))
        blocks += body
    return hidden, blocks


class _Formats:
    """The formats of numbers in a workbook of XML; none of another kind."""

    def __init__(self, parts: dict[str, bytes]) -> None:
        self._parts = parts
        self._styles = formats_by_style(parts.get("xl/styles.xml", b""))
        self._sheets: dict[str, str] = {}
        if self._styles and WORKBOOK in parts and RELATIONS in parts:
            targets = {each.get("Id"): each.get("Target", "") for each in parsed(parts[RELATIONS])}
            for sheet in parsed(parts[WORKBOOK]).iter("{*}sheet"):
                target = next(
                    (targets[value] for name, value in sheet.items() if name.endswith("}id") and value in targets), ""
                )
                self._sheets[sheet.get("name", "")] = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")

    def rows(self, name: str) -> FormatRows:
        """Those of a sheet, row by row."""
        sheet = self._parts.get(self._sheets.get(name, ""))
        return formats_by_row(sheet, self._styles) if sheet else iter(())


def _rows(sheet: CalamineSheet, formats: FormatRows) -> Iterator[Row]:
    """Numbered rows, their numbers in the formats of their cells; what is merged from several rows of a column is said in each of them."""
    left = sheet.start[1] if sheet.start else 0
    merged = {
        (top, column - left): bottom
        for (top, column), (bottom, last) in sheet.merged_cell_ranges or ()
        if last == column
    }
    going_on: dict[int, tuple[int, str]] = {}
    formatted, by_column = next(formats, (0, {}))
    for at, values in enumerate(sheet.iter_rows()):
        while formatted and formatted < at + 1:
            formatted, by_column = next(formats, (0, {}))
        own = by_column if formatted == at + 1 else {}
        cells = [_shown(value, own.get(column + left)) for column, value in enumerate(values)]
        for column, (bottom, text) in list(going_on.items()):
            if at > bottom:
                del going_on[column]
            elif not cells[column]:
                cells[column] = text
        if merged:
            going_on |= {
                column: (merged[at, column], cell) for column, cell in enumerate(cells) if (at, column) in merged
            }
        yield at + 1, cells


def _shown(value: Value, number_format: NumberFormat | None) -> str:
    """A cell's value: numbers as their format shows them, dates and times as ISO 8601 has them, whole numbers without a point."""
    if isinstance(value, bool):
        return str(value).upper()
    if number_format and isinstance(value, int | float) and abs(value) < EXACT_FLOATS:
        return number_format.shown(value)
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < EXACT_FLOATS else f"{value:.15g}"
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ", "seconds" if value.second else "minutes")
    if isinstance(value, datetime.time):
        return value.isoformat("seconds" if value.second else "minutes")
    return one_line(str(value))


def _check_spread(name: str, sheets: Iterable[bytes]) -> None:
    """Raise InputError if the cells of a sheet lie further apart than fits into memory."""
    for content in sheets:
        cells = _CELL.findall(content)
        columns = max((column_of(letters.decode()) for letters in {letters for letters, _ in cells}), default=0)
        rows = max((int(row) for _, row in cells), default=0)
        if rows * columns > MOST_CELLS:
            raise InputError(
                f"{name} has a sheet that spreads over {rows:,} rows and {columns:,} columns. Delete what stands far from its tables, "
                "or save the sheet as .csv and add that."
            )


def _doubts(sheets: Iterable[bytes], hidden: Sequence[str]) -> Iterator[str]:
    if hidden:
        yield f"Hidden sheets were left out: {listed(hidden)}. Show them and save the workbook to have them read."
    uncomputed = sum(b't="str"' not in attributes for content in sheets for attributes in _UNCOMPUTED.findall(content))
    if uncomputed:
        cells = "1 formula has" if uncomputed == 1 else f"{uncomputed:,} formulas have"
        yield f"{cells} no saved result: open the workbook in a spreadsheet program and save it."
