"""Tables of results, and the four forms in which they leave: plain text, Markdown, CSV, HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from app.kit.markup import html, joined
from app.kit.numbers import MISSING, milliseconds, percent, three_figures
from app.kit.plain import printable
from metrics.spreadsheet import csv_line, csv_text

Kind = Literal["text", "number", "count", "share", "ms", "bytes"]
"""How a column's values are written. `share`: of 1, as percent. `bytes`: as MB."""

Cell = str | int | float | None
"""None is shown as a dash: not measured, or not defined."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column."""

    name: str
    """Its head, with the unit where the values carry none."""
    kind: Kind = "text"
    """How its values are written."""
    interval: tuple[int, int] | None = None
    """Places, in the row, of the lower and upper limit that belong to the value; these are columns that are not shown by themselves."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of results."""

    name: str
    """As in a file's name: `indexes`."""
    title: str
    """What is seen, as a sentence: "HNSW finds all that an exact search finds in a tenth of the time"."""
    columns: tuple[Column, ...]
    """The columns shown."""
    rows: tuple[tuple[Cell, ...], ...]
    """Cells, those of the columns first; the limits that intervals name may stand behind them."""
    note: str = ""
    """What the figures mean, and when not to believe them."""
    marked: frozenset[int] = frozenset()
    """Rows that stand out: the chosen, the best."""

    def cells(self, row: Sequence[Cell]) -> list[str]:
        """A row as it is shown."""
        return [written(column, row, place) for place, column in enumerate(self.columns)]


def written(column: Column, row: Sequence[Cell], place: int) -> str:
    """A cell as it is shown, with its interval."""
    value = value_words(column.kind, row[place])
    if column.interval is None or row[place] is None or row[column.interval[0]] is None:
        return value
    low, high = (value_words(column.kind, row[at]) for at in column.interval)
    return f"{value} [{low}, {high}]"


def value_words(kind: Kind, value: Cell) -> str:
    """A value as tables write it, for a title that speaks of one in them."""
    if value is None:
        return MISSING
    if isinstance(value, str):
        return value
    match kind:
        case "share":
            return percent(value, 1)
        case "ms":
            return milliseconds(float(value))
        case "count":
            return f"{value:,.0f}"
        case "bytes":
            return f"{three_figures(value / 1e6)} MB"
    return three_figures(float(value))


def to_plain(table: Table) -> str:
    """For a terminal: numbers flush right, the marked rows with a star."""
    heads = [column.name for column in table.columns]
    rows = [table.cells(row) for row in table.rows]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [table.title, "  " + _line(table.columns, heads, widths)]
    lines += [
        ("* " if number in table.marked else "  ") + _line(table.columns, cells, widths)
        for number, cells in enumerate(rows)
    ]
    return printable("\n".join([*lines, *([table.note] if table.note else [])]))


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = [
        f"{cell:<{width}}" if column.kind == "text" else f"{cell:>{width}}"
        for column, cell, width in zip(columns, cells, widths, strict=True)
    ]
    return "  ".join(parts).rstrip()


def to_markdown(table: Table) -> str:
    """A heading, a table, and its note."""
    lines = [f"### {_escaped(table.title)}", "", _markdown_row([column.name for column in table.columns])]
    lines.append("|" + "|".join("---" if column.kind == "text" else "---:" for column in table.columns) + "|")
    lines += [_markdown_row(table.cells(row)) for row in table.rows]
    return "\n".join([*lines, "", *([_escaped(table.note), ""] if table.note else [])])


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    for char in "\\`*_[]<>|#":
        text = text.replace(char, f"\\{char}")
    return " ".join(text.split())


def to_csv(table: Table) -> str:
    """Values as they are, limits in columns of their own."""
    heads: list[str] = [column.name for column in table.columns]
    extra = [(column.name, column.interval) for column in table.columns if column.interval is not None]
    heads += [f"{name}, {side}" for name, _ in extra for side in ("lower", "upper")]
    limits = [at for _, interval in extra for at in interval]
    return csv_text(heads, [(*row[: len(table.columns)], *(row[at] for at in limits)) for row in table.rows])


def tables_csv(tables: Sequence[Table]) -> str:
    """Tables one below the other, each under a row with its title, with an empty row between two."""
    return csv_line(()).join(csv_line([table.title]) + to_csv(table) for table in tables)


def table_html(table: Table) -> Markup:
    """A table as the page and the report show it."""
    numeric = [column.kind != "text" for column in table.columns]
    heads = joined(
        html('<th scope="col" class="{}">{}</th>', "rg-number" if number else "", column.name)
        for column, number in zip(table.columns, numeric, strict=True)
    )
    rows = joined(
        html(
            '<tr class="{}">{}</tr>',
            "rg-marked" if place in table.marked else "",
            joined(
                html('<td class="{}" dir="auto">{}</td>', "rg-number" if number else "", cell)
                for cell, number in zip(table.cells(row), numeric, strict=True)
            ),
        )
        for place, row in enumerate(table.rows)
    )
    return html(
        '<div class="rg-scroll"><table class="rg-pairs rg-lab" data-testid="{}"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
        table.name,
        heads,
        rows,
    )
