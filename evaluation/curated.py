"""Rows of a dataset that people keep and edit: a question, what is right of it or that nobody has said so yet, and whence it came.

Owns their form as JSONL and CSV, which `evaluation.datasets` reads, and what changed between two versions. Refuses to write files.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from corpus import QUESTION_TYPES
from evaluation.cells import answer_texts, cell_text, is_yes
from evaluation.datasets import read_table
from explain.answers import normalise
from pipeline.checks import UNSTORABLE, clean_question
from pipeline.errors import InputError

MOST_ROWS = 20_000
"""Of a dataset that is edited in a table."""

MOST_CHARS = 20_000
"""Of a cell."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would run."""

SEPARATOR = "|"
"""Between several accepted answers."""

COLUMNS = (
    "id",
    "question",
    "answers",
    "answerable",
    "type",
    "article",
    "notes",
    "suggestion",
    "trace",
    "synthetic",
    "hard",
    "context",
)
"""Of a file, in this order."""


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A question of a kept dataset."""

    row_id: str
    """Unique in its dataset, and the same in every version."""
    question: str
    """The question."""
    answers: tuple[str, ...] = ()
    """Accepted answers, the fullest first."""
    answerable: bool | None = None
    """Whether the documents have an answer; None as long as nobody has said so, and then it is not asked."""
    type: str = ""
    """What kind of answer is asked for; empty if not known."""
    article: str = ""
    """Title or id of the document that holds the answer; empty if not known."""
    notes: str = ""
    """What people note about it."""
    suggestion: str = ""
    """What a model answered: shown beside the gold answer, never taken for it."""
    trace: str = ""
    """The trace that it was picked from; empty if it was not."""
    synthetic: bool = False
    """Whether a program wrote it."""
    hard: bool = False
    """Whether retrieval did not find the chunk that it was written from."""
    context: str = ""
    """A text of its own that it is about; empty where the backend's corpus is meant."""

    @property
    def is_labelled(self) -> bool:
        """Whether it can be asked and its answer be judged."""
        return self.answerable is not None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without what is empty. A row that nobody has labelled has no answers at all."""
        found = {name: getattr(self, "row_id" if name == "id" else name) for name in COLUMNS}
        kept = {name: value for name, value in found.items() if value not in ("", False) or name == "answerable"}
        kept["answers"] = list(self.answers)
        if not self.is_labelled:
            del kept["answers"]
        return kept


def read_rows(path: Path) -> tuple[list[DatasetRow], list[str]]:
    """The rows of a JSONL or CSV file, those that nobody has labelled included, and what was left out and why. Raises InputError."""
    rows: dict[str, DatasetRow] = {}
    problems: list[str] = []
    for each in read_table(path):
        try:
            row = each if isinstance(each, str) else read_row(each[1])
        except InputError as error:
            row = f"{each[0]}: {error}"
        if isinstance(row, str):
            problems.append(row)
        elif row.row_id in rows:
            problems.append(f"question {row.row_id}: its id was used before; the first one is kept")
        else:
            rows[row.row_id] = row
    return list(rows.values()), problems


def read_row(cells: Mapping[str, Any]) -> DatasetRow:
    """A row of a file, by the names of COLUMNS. Raises InputError for one that cannot be kept."""
    said = {name: _plain(cell_text(cells.get(name))) for name in ("type", "article", "notes", "suggestion", "context")}
    given = [_plain(each) for each in answer_texts(cells.get("answers", cells.get("answer")))]
    answerable = is_yes(cells.get("answerable"))
    if "answerable" not in cells and ("answers" in cells or "answer" in cells):
        answerable = bool(given)
    question = _plain(cell_text(cells.get("question")))
    row = DatasetRow(
        _plain(cell_text(cells.get("id"))) or cell_text(cells.get("question_id")) or id_of(question),
        question,
        tuple(dict.fromkeys(given)),
        answerable,
        trace=cell_text(cells.get("trace")),
        synthetic=bool(is_yes(cells.get("synthetic"))),
        hard=bool(is_yes(cells.get("hard"))),
        **said,
    )
    return check_row(row)


def _plain(text: str) -> str:
    """A text without the apostrophe that `to_csv` puts before what a spreadsheet would run."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA) else text


def id_of(question: str) -> str:
    """An id for a question that has none: the same for the same question."""
    return f"q-{hashlib.sha256(question.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"


def check_row(row: DatasetRow) -> DatasetRow:
    """The row as it is kept: a gold answer says that there is one. Raises InputError for one that contradicts itself."""
    row = _storable(row)
    clean_question(row.question)
    for name in ("question", "notes", "suggestion", "context", *(["answers"] if row.answers else [])):
        size = max(map(len, row.answers)) if name == "answers" else len(getattr(row, name))
        if size > MOST_CHARS:
            raise InputError(f"Its {name} has {size:,} characters; at most {MOST_CHARS:,} are kept. Shorten it.")
    for answer in row.answers:
        if not normalise(answer):
            raise InputError(f"Its answer {answer[:40]!r} has no word that an answer could be compared with.")
    if row.answers and row.answerable is False:
        raise InputError("It is marked as not answerable and has an expected answer. Take one of the two away.")
    if not row.answers and row.answerable:
        raise InputError("It is marked as answerable and has no expected answer. Write one, or leave the mark open.")
    known = row.type.upper()
    return replace(
        row, answerable=True if row.answers else row.answerable, type=known if known in QUESTION_TYPES else row.type
    )


def _storable(row: DatasetRow) -> DatasetRow:
    """The row without what no file can hold, and without white space around its texts."""
    texts = {each.name: value for each in fields(row) if isinstance(value := getattr(row, each.name), str)}
    cleaned: dict[str, Any] = {name: value.translate(UNSTORABLE).strip() for name, value in texts.items()}
    answers = (each.translate(UNSTORABLE).strip() for each in row.answers)
    return replace(row, **cleaned, answers=tuple(dict.fromkeys(filter(None, answers))))


def check_rows(rows: Sequence[DatasetRow]) -> tuple[DatasetRow, ...]:
    """The rows as they are kept. Raises InputError, naming the row, for what cannot be."""
    if len(rows) > MOST_ROWS:
        raise InputError(f"{len(rows):,} questions are too many for one dataset; {MOST_ROWS:,} are kept. Make several.")
    checked: dict[str, DatasetRow] = {}
    for number, row in enumerate(rows, start=1):
        try:
            found = check_row(row)
        except InputError as error:
            raise InputError(f"Question {number} ({row.question[:60]!r}): {error}") from error
        if found.row_id in checked:
            raise InputError(f"Question {number} ({row.question[:60]!r}) has the id of another one: {row.row_id}.")
        checked[found.row_id] = found
    return tuple(checked.values())


def to_jsonl(rows: Iterable[DatasetRow]) -> str:
    """A line of JSON each."""
    return "".join(f"{json.dumps(row.to_dict(), ensure_ascii=False)}\n" for row in rows)


def to_csv(rows: Iterable[DatasetRow]) -> str:
    """A table (RFC 4180). A text that a spreadsheet would run gets an apostrophe in front, which `read_rows` takes away again."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    words = {True: "yes", False: "no", None: ""}
    for row in rows:
        cells = {name: getattr(row, "row_id" if name == "id" else name) for name in COLUMNS}
        cells |= {name: words[cells[name]] for name in ("answerable", "synthetic", "hard")}
        cells["answers"] = write_answers(row.answers)
        writer.writerow([f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells.values()])
    return out.getvalue()


def write_answers(answers: Sequence[str]) -> str:
    """Answers in a cell, separated by `|`; as a list of JSON where one holds that."""
    plain = SEPARATOR.join(answers)
    return plain if tuple(answer_texts(plain)) == tuple(answers) else json.dumps(list(answers), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Change:
    """A cell that is other in a later version."""

    row_id: str
    """The row."""
    question: str
    """Its question, as it is later."""
    column: str
    """The cell's column."""
    before: str
    """What it said."""
    after: str
    """What it says."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is other between two versions."""

    added: tuple[DatasetRow, ...]
    """Rows of the later one alone."""
    removed: tuple[DatasetRow, ...]
    """Rows of the earlier one alone."""
    changed: tuple[Change, ...]
    """Cells of rows that both have."""


def compare_rows(before: Iterable[DatasetRow], after: Iterable[DatasetRow]) -> Changes:
    """What changed between two versions, rows told by their ids."""
    first, second = ({row.row_id: row for row in rows} for rows in (before, after))
    changed = [
        Change(row_id, row.question, name, _cell(first[row_id], name), _cell(row, name))
        for row_id, row in second.items()
        if row_id in first
        for name in (field.name for field in fields(row))
        if getattr(first[row_id], name) != getattr(row, name)
    ]
    return Changes(
        tuple(row for row_id, row in second.items() if row_id not in first),
        tuple(row for row_id, row in first.items() if row_id not in second),
        tuple(changed),
    )


def _cell(row: DatasetRow, name: str) -> str:
    value = getattr(row, name)
    if isinstance(value, tuple):
        return write_answers(value)
    return {True: "yes", False: "no", None: ""}.get(value, value) if not isinstance(value, str) else value
