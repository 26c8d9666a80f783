"""What a run, and a question of it, say in a table."""

import re
from dataclasses import replace

import pytest

from app.views.kit.table import Cell, Row
from app.views.runs.tables import question_row, run_row
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
