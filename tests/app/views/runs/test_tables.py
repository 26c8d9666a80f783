"""What a run, and a question of it, say in a table."""

import re
from dataclasses import replace

import pytest

from app.views.kit.table import Cell, Row
from app.views.runs.tables import flip_columns, flip_row, question_row, run_row
from evaluation.comparison import Flip
from evaluation.summary import headline_figures
from tests.app.runs.test_rows import RUN, SCORES


def text(row: Row, name: str) -> str:
    cell = row.cells[name]
    return cell.text if isinstance(cell, Cell) else cell


def test_a_failed_question_shows_why() -> None:
    row = question_row(SCORES[7])
    assert (text(row, "right"), text(row, "answer")) == ("failed", "The disk is full.")
    assert row.href == f"traces?trace={SCORES[7].trace_id}"


def test_a_run_stands_in_the_leaderboard_with_what_it_came_to() -> None:
    row = run_row(RUN)
    assert [text(row, name) for name in ("answered", "right", "interval")] == ["50 %", "—", ""]
    row = run_row(replace(RUN, about={**RUN.about, "figures": headline_figures(SCORES)}))
    right = row.cells["right"]
    assert isinstance(right, Cell)
    assert (right.text, right.value) == ("88.9 %", pytest.approx(8 / 9))
    assert re.fullmatch(r"\d+\.\d to \d+\.\d %", text(row, "interval"))


def test_both_answers_of_a_question_that_changed_sides_stand_beside_each_other_and_the_expected_one() -> None:
    heads = [column.head for column in flip_columns(("older", "newer"))]
    assert heads[:4] == ["Question", "Expected", "Older answer", "Newer answer"]
    first = replace(SCORES[0], answer="It was Alfred Wegener who said so")
    row = flip_row(Flip("q0", "Who?", "", False, "", first, replace(first, answer="It was Charles Darwin who said so")))
    cells = [row.cells[name] for name in ("first", "second")]
    assert [
        [cell.text[start:end] for start, end in cell.marks] if isinstance(cell, Cell) else None for cell in cells
    ] == [["Alfred Wegener"], ["Charles Darwin"]]
    assert row.cells["expected"] == "Wegener"
    silent = flip_row(Flip("q0", "Who?", "", False, "", first, replace(first, answer="", abstained=True)))
    assert [text(silent, name) for name in ("first", "second")] == [first.answer, "no answer"]
