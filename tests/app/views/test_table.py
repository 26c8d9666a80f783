"""What the browser side of a table is sent, and what is taken away of it."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.kit.difference import MARKED
from app.views.kit.table import (
    Bar,
    Cell,
    Row,
    answer_cells,
    marked_note,
    number_cell,
    stage_cell,
    status_cell,
    time_cell,
    way,
)
from metrics.spreadsheet import MARK
from tests.tables import listed, tables

NASTY = '<img src=x onerror="alert(1)"> **b** =1+1'


def page() -> None:
    """A table whose second column is not shown at first."""
    import streamlit as st

    from app.views.kit.table import Column, Row, choose_columns, number_cell, show_table

    nasty = '<img src=x onerror="alert(1)"> **b** =1+1'
    columns = (
        Column("name", "Name", "question", local=True),
        Column("figure", "Figure", "number", up="least", down="most", shown=False),
    )
    rows = [
        Row("a", {"name": nasty, "figure": number_cell(1.5, "1.50")}, "traces?trace=a"),
        Row("b", {"name": "second"}),
    ]
    done = show_table(choose_columns(columns, "t"), rows, key="list", label="Things", order="least", file_name="t.csv")
    st.text(f"{done.opened} {done.picked}")


@pytest.mark.slow
def test_texts_are_sent_as_they_are_and_what_is_missing_is_left_out() -> None:
    at = AppTest.from_function(page)
    at.query_params["t_columns"] = "figure"
    at.run()
    assert listed(at) == [{"Name": NASTY, "Figure": "1.50"}, {"Name": "second"}]
    [sent] = tables(at)
    assert (sent["order"], sent["rows"][0]["href"], sent["rows"][1]["href"]) == ("least", "traces?trace=a", "")
    assert sent["rows"][0]["cells"]["name"]["value"] == NASTY
    assert "value" not in sent["rows"][0]["cells"]["figure"]
    assert at.text[0].value == "None ()"


def test_words_are_marked_that_the_other_answer_does_not_have() -> None:
    before, after = answer_cells("In the spring of 1912.", "In the autumn of 1912.")
    assert [cell.text[slice(*cell.marks[0])] for cell in (before, after)] == ["spring", "autumn"]
    assert (before.value, len(before.marks), len(after.marks)) == (before.text, 1, 1)


@pytest.mark.parametrize(("before", "after"), [("1912", ""), ("", "1912"), ("in 1912", "Alfred Wegener"), ("a", "a")])
def test_nothing_is_marked_where_an_answer_is_missing_or_nearly_all_is_other(before: str, after: str) -> None:
    assert answer_cells(before, after) == tuple(
        Cell(each or "no answer", each or "no answer") for each in (before, after)
    )


def marking_page() -> None:
    """A table with a cell whose words are marked, one at its end, after a character that browsers count as two."""
    import streamlit as st

    from app.views.kit.table import Cell, Column, Row, show_table

    st.text("x")
    row = Row("a", {"answer": Cell("\N{GRINNING FACE} in <b>1912</b>", marks=((2, 4), (5, 16)))})
    show_table((Column("answer", "Answer", "answer"),), [row], key="t", label="Marked")


@pytest.mark.slow
def test_marked_words_are_sent_in_pieces() -> None:
    [sent] = tables(AppTest.from_function(marking_page).run())
    assert sent["rows"][0]["cells"]["answer"]["parts"] == [
        ["\N{GRINNING FACE} ", False],
        ["in", True],
        [" ", False],
        ["<b>1912</b>", True],
    ]


@pytest.mark.slow
def test_a_column_that_is_not_chosen_is_neither_shown_nor_sent() -> None:
    at = AppTest.from_function(page).run()
    assert listed(at) == [{"Name": NASTY}, {"Name": "second"}]


def test_a_table_is_taken_away_for_a_spreadsheet_with_its_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    from app.views.kit.downloads import show_download

    taken: list[object] = []
    monkeypatch.setattr(st, "download_button", lambda label, content, **more: taken.append(content))
    show_download("CSV", "a", "t.csv")
    show_download("CSV", lambda: "b", "t.csv")
    show_download("JSON", "{}", "t.json")
    text, made, other = taken
    assert (text, other) == (f"{MARK}a", "{}")
    assert callable(made)
    assert made() == f"{MARK}b"


def test_figures_times_and_states_say_what_they_are() -> None:
    assert (number_cell(None, "x").text, time_cell(None).text, time_cell(1_234).text) == ("—", "—", "1.23 s")
    assert (status_cell("failed", "bad").icon, status_cell("failed", "bad").text) == ("✕", "failed")


def test_bars_have_their_share_of_the_longest_and_are_told_in_words() -> None:
    cell = stage_cell({"embed": 10.0, "<b>": 30.0}, 80.0)
    assert cell.text == "embed 10.0 ms, <b> 30.0 ms"
    assert [bar.share for bar in cell.bars] == [0.125, 0.375]
    assert cell.bars[1] == Bar("#8c96a0", 0.375)
    assert stage_cell({}, 80.0).text == "—"


def test_a_way_keeps_what_it_is_given_as_a_value() -> None:
    assert way("traces", session="a&b=<c>") == "traces?session=a%26b%3D%3Cc%3E"


def test_what_marks_mean_is_said_where_there_are_any() -> None:
    assert marked_note([row_of("It was red.", ""), row_of("", "It was blue.")]) == ""
    assert MARKED in marked_note([row_of("It was red.", "It was blue.")])


def row_of(before: str, after: str) -> Row:
    first, second = answer_cells(before, after)
    return Row("1", {"question": "What?", "first": first, "second": second})
