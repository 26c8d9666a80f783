"""A study's table as the page shows it: the table of everything that is listed, sorted by any of its columns."""

from app.lab import tables as studied
from app.views.kit.table import Cell, Column, Row, show_table


def show_studied(table: studied.Table, key: str) -> None:
    """Draw a study's table. key: its own on the page."""
    columns = [
        Column(f"c{place}", each.name, "words" if each.kind == "text" else "number", local=True)
        for place, each in enumerate(table.columns)
    ]
    rows = [
        Row(
            str(number),
            {f"c{place}": Cell(words, values[place]) for place, words in enumerate(table.cells(values))},
            tone="marked" if number in table.marked else "",
        )
        for number, values in enumerate(table.rows)
    ]
    show_table(columns, rows, key=key, label=table.title, opens=False)
