"""Rows of datasets that people edit: their files, what they must be, what changed."""

import csv
import json
from pathlib import Path

import pytest

from evaluation.curated import DatasetRow, check_row, check_rows, compare_rows, read_rows, to_csv, to_jsonl
from evaluation.datasets import load_dataset
from pipeline.errors import InputError

ROWS = (
    DatasetRow(
        "a",
        "Who proposed drift?",
        ("Alfred Wegener", "Wegener"),
        True,
        "PERSON",
        "earth/drift",
        "checked",
        "Wegener did",
        "t1",
    ),
    DatasetRow("b", "Who let the dogs out?", (), False),
    DatasetRow("c", "=1+1 is what?", ("2|two", "-2"), True, synthetic=True, hard=True, context="Sums.\n\nMore."),
    DatasetRow("d", "Not labelled?", suggestion="=cmd()"),
)


@pytest.mark.parametrize(("suffix", "write"), [("jsonl", to_jsonl), ("csv", to_csv)])
def test_a_file_that_was_written_is_read_back_as_it_was(tmp_path: Path, suffix: str, write) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / f"rows.{suffix}"
    path.write_text(write(ROWS), newline="")
    assert read_rows(path) == (list(ROWS), [])


@pytest.mark.parametrize(("suffix", "write"), [("jsonl", to_jsonl), ("csv", to_csv)])
def test_a_run_leaves_out_what_nobody_has_labelled_and_knows_what_is_synthetic(
    tmp_path: Path, suffix: str, write
) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / f"rows.{suffix}"
    path.write_text(write(ROWS), newline="")
    found = load_dataset(str(path))
    assert [(q.question_id, q.answers, q.synthetic) for q in found.questions] == [
        ("a", ("Alfred Wegener", "Wegener"), False),
        ("b", (), False),
        ("c", ("2|two", "-2"), True),
    ]
    assert found.synthetic == 1
    assert [problem.partition(": ")[2] for problem in found.problems] == [
        "nobody has said yet what its right answer is"
    ]


def test_no_cell_of_a_csv_is_run_by_a_spreadsheet() -> None:
    cells = [cell for row in csv.reader(to_csv(ROWS).splitlines()) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (DatasetRow("a", " "), "question is blank"),
        (DatasetRow("a", "Who?", ("He",), False), "not answerable and has an expected answer"),
        (DatasetRow("a", "Who?", (), True), "has no expected answer"),
        (DatasetRow("a", "Who?", ("?!",), True), "no word that an answer could be compared with"),
        (DatasetRow("a", "Who?", notes="n" * 20_001), "notes has 20,001 characters"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused_by_name(row: DatasetRow, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_rows([DatasetRow("z", "Fine?"), row])


def test_ids_are_unique_and_a_gold_answer_says_that_there_is_one() -> None:
    with pytest.raises(InputError, match="id of another one: a"):
        check_rows([DatasetRow("a", "Who?"), DatasetRow("a", "When?")])
    assert check_row(DatasetRow("a", "Who?", (" He ", "He", ""), None, "person")) == DatasetRow(
        "a", "Who?", ("He",), True, "PERSON"
    )


def test_what_no_file_can_hold_is_replaced() -> None:
    kept = check_row(DatasetRow("a", "Who\0?", notes="\ud800"))
    assert (kept.question, kept.notes) == ("Who ?", "\ufffd")
    to_jsonl([kept]).encode()


def test_rows_of_other_files_are_taken_as_they_say_it(tmp_path: Path) -> None:
    path = tmp_path / "others.jsonl"
    lines = [
        {"question": "Who?", "answer": "He|Him"},
        {"question": "None?", "answers": []},
        {"question": "Open?"},
        "no row",
        {"question": ""},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    rows, problems = read_rows(path)
    assert [(row.answers, row.answerable) for row in rows] == [(("He", "Him"), True), ((), False), ((), None)]
    assert [problem.partition(":")[0] for problem in problems] == ["line 4", "line 5"]


def test_what_changed_is_told_by_row_and_column() -> None:
    first = [DatasetRow("a", "Who?"), DatasetRow("b", "When?", ("1912",), True)]
    second = [DatasetRow("a", "Who?", ("He", "Him"), True), DatasetRow("c", "Where?")]
    found = compare_rows(first, second)
    assert ([row.row_id for row in found.added], [row.row_id for row in found.removed]) == (["c"], ["b"])
    assert [(each.column, each.before, each.after) for each in found.changed] == [
        ("answers", "", "He|Him"),
        ("answerable", "", "yes"),
    ]
