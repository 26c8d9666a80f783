"""Tables for a spreadsheet."""

import csv
import io

import pytest

from metrics.spreadsheet import csv_text, inert


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx"])
def test_no_text_is_run(text: str) -> None:
    assert inert(text) == f"'{text}"


def test_numbers_stay_numbers_and_texts_survive() -> None:
    made = csv_text(["name", "=head"], [('a,\n"b"', -0.5), ("ü\0", None)])
    assert list(csv.reader(io.StringIO(made, newline=""))) == [
        ["name", "'=head"],
        ['a,\n"b"', "-0.5"],
        ["ü\ufffd", ""],
    ]
