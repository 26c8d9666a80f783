"""A dataset as a table that people edit."""

from typing import Any

import pytest

from app.runs.dataset_table import ANSWERED, EXPECTED, MARKS, NOTES, QUESTION, SUGGESTION, TAKE, read_cells, table_cells
from evaluation.curated import DatasetRow

OPEN = DatasetRow("a", "Who?", suggestion="Wegener | did", trace="t1")
GOLDEN = DatasetRow("b", "When?", ("1912", "in 1912"), True, "DATE", synthetic=True, hard=True, context="A text.")
NONE = DatasetRow("c", "Why?", (), False)
ROWS = (OPEN, GOLDEN, NONE)


def edited(place: int, **cells: Any) -> DatasetRow:
    table = table_cells(ROWS)
    table[place] |= {
        {"gold": EXPECTED, "answerable": ANSWERED, "take": TAKE, "notes": NOTES}[name]: value
        for name, value in cells.items()
    }
    return read_cells(table, ROWS)[place]


def test_a_table_that_nobody_edited_says_the_same_rows() -> None:
    assert tuple(read_cells(table_cells(ROWS), ROWS)) == ROWS
    assert [cells[MARKS] for cells in table_cells(ROWS)] == ["from a trace", "synthetic, hard", ""]


@pytest.mark.parametrize(
    ("place", "cells", "answers", "answerable"),
    [
        (0, {"gold": "Wegener|Alfred Wegener"}, ("Wegener", "Alfred Wegener"), True),
        (0, {"answerable": "no"}, (), False),
        (0, {"take": True}, ("Wegener | did",), True),
        (0, {"notes": "?"}, (), None),
        (1, {"gold": ""}, (), None),
        (1, {"gold": None}, (), None),
        (1, {"answerable": "no"}, (), False),
        (1, {"gold": "1915"}, ("1915",), True),
        (2, {"gold": "Because"}, ("Because",), True),
        (2, {"answerable": ""}, (), None),
        (2, {"take": True}, (), False),
    ],
)
def test_what_was_changed_counts_and_the_other_follows(
    place: int, cells: dict[str, Any], answers: tuple[str, ...], answerable: bool | None
) -> None:
    found = edited(place, **cells)
    assert (found.answers, found.answerable) == (answers, answerable)
    assert (found.row_id, found.trace, found.synthetic, found.context) == (
        ROWS[place].row_id,
        ROWS[place].trace,
        ROWS[place].synthetic,
        ROWS[place].context,
    )


def test_lines_are_added_and_deleted_and_nobody_can_type_a_suggestion() -> None:
    table = [
        {QUESTION: "New?", EXPECTED: "Yes", SUGGESTION: "forged", TAKE: True},
        {QUESTION: None},
        *table_cells(ROWS)[1:],
    ]
    rows = read_cells(table, ROWS)
    assert (rows[0].question, rows[0].answers, rows[0].suggestion) == ("New?", ("Yes",), "")
    assert [row.row_id for row in rows[1:]] == ["b", "c"]
