"""Tables in their four forms."""

import csv
import io
import json

import pytest

from app.lab.report import Picture, report_html
from app.lab.tables import Column, Table, table_html, tables_csv, to_csv, to_markdown, to_plain

TABLE = Table(
    "indexes",
    "HNSW finds <all>",
    (Column("index"), Column("recall", "share", (4, 5)), Column("p50", "ms"), Column("memory", "bytes")),
    (("exact", 1.0, 2.5, 1_500_000, 1.0, 1.0), ("=cmd|x", 0.987, None, 800_000, 0.95, 1.0)),
    "Of 271 vectors.",
    frozenset({0}),
)


def test_terminal_has_intervals_units_and_a_star_at_what_stands_out() -> None:
    lines = to_plain(TABLE).split("\n")
    assert lines[0] == "HNSW finds <all>"
    assert lines[2].startswith("* exact")
    assert "100.0 % [100.0 %, 100.0 %]" in lines[2]
    assert "98.7 % [95.0 %, 100.0 %]" in lines[3]
    assert " — " in lines[3]
    assert lines[-1] == "Of 271 vectors."


def test_markdown_shows_text_as_it_is() -> None:
    text = to_markdown(TABLE)
    assert text.startswith("### HNSW finds \\<all\\>")
    assert "| =cmd\\|x |" in text
    assert "|---|---:|---:|---:|" in text


def test_spreadsheet_gets_values_limits_and_no_formula() -> None:
    assert to_csv(TABLE).splitlines()[:3] == [
        'index,recall,p50,memory,"recall, lower","recall, upper"',
        "exact,1.0,2.5,1500000,1.0,1.0",
        "'=cmd|x,0.987,,800000,0.95,1.0",
    ]


def test_spreadsheet_has_every_table_under_its_title() -> None:
    other = Table("times", "=It takes, as it were, 2 s", (Column("t"),), ((1,),))
    rows = list(csv.reader(io.StringIO(tables_csv([TABLE, other]), newline="")))
    assert [len(row) for row in rows] == [1, 6, 6, 6, 0, 1, 1, 1]
    assert [rows[0], *rows[5:]] == [["HNSW finds <all>"], ["'=It takes, as it were, 2 s"], ["t"], ["1"]]


@pytest.mark.slow
def test_report_holds_pictures_as_text_and_plotly_only_where_there_are_some() -> None:
    nasty = '"><script>alert(1)</script>'
    plain = report_html("A study", "", {"dataset": nasty}, [TABLE], [])
    drawn = report_html("A study", "", {}, [TABLE], [Picture(nasty, json.dumps({"data": [nasty], "layout": {}}))])
    assert plain.count("<script") == 0
    assert drawn.count("<script") == 2
    assert "alert(1)" in drawn
    assert "Plotly.newPlot" in drawn
    assert len(plain) < 5_000 < 4_000_000 < len(drawn)


def test_page_escapes_what_is_put_into_a_table() -> None:
    made = str(table_html(Table("t", "T", (Column("name"),), (("<script>",),))))
    assert "&lt;script&gt;" in made
    assert "<script>" not in made


@pytest.mark.parametrize(
    ("kind", "value", "text"), [("count", 12345, "12,345"), ("number", 0.12345, "0.123"), ("text", None, "—")]
)
def test_values_are_written_by_their_kind(kind: str, value: int | float | None, text: str) -> None:
    table = Table("t", "T", (Column("v", kind),), ((value,),))  # type: ignore[arg-type]
    assert table.cells(table.rows[0]) == [text]
