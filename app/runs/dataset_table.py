"""A dataset as the cells of a table that people edit, and the rows that the edited cells say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.runs.dataset_words import ANSWERABLE
from evaluation.cells import answer_texts, cell_text, is_yes
from evaluation.curated import DatasetRow, id_of, write_answers

ID, QUESTION, EXPECTED, ANSWERED, KIND = "id", "question", "expected answer", "answerable", "type"
SUGGESTION, TAKE, NOTES, ARTICLE, MARKS = "the model's answer", "take it", "notes", "document", "marks"

LOCKED = (ID, SUGGESTION, MARKS)
"""Columns that nobody edits."""


def table_cells(rows: Iterable[DatasetRow]) -> list[dict[str, Any]]:
    """A row of cells each."""
    return [
        {
            QUESTION: row.question,
            EXPECTED: write_answers(row.answers),
            ANSWERED: ANSWERABLE[row.answerable],
            SUGGESTION: row.suggestion,
            TAKE: False,
            KIND: row.type,
            NOTES: row.notes,
            ARTICLE: row.article,
            MARKS: marks(row),
            ID: row.row_id,
        }
        for row in rows
    ]


def marks(row: DatasetRow) -> str:
    """What else is to be known of a row."""
    said = [("synthetic", row.synthetic), ("hard", row.hard), ("from a trace", bool(row.trace))]
    return ", ".join(word for word, so in said if so)


def read_cells(cells: Iterable[Mapping[str, Any]], before: Sequence[DatasetRow]) -> list[DatasetRow]:
    """The rows that edited cells say; blank ones are left out. before: the rows that the table was made of.

    A model's answer becomes the expected one only where its box is ticked. An expected answer says that there is one, and `no` that there
    is none: where a person changed only one of the two, the other follows.
    """
    known = {row.row_id: row for row in before}
    read = [_row(each, known.get(cell_text(each.get(ID)))) for each in cells]
    return [row for row in read if row is not None]


def _row(cells: Mapping[str, Any], before: DatasetRow | None) -> DatasetRow | None:
    said = {name: cell_text(cells.get(name)) for name in (QUESTION, EXPECTED, ANSWERED, KIND, NOTES, ARTICLE)}
    if not said[QUESTION]:
        return None
    base = before or DatasetRow(id_of(said[QUESTION]), said[QUESTION])
    take = cells.get(TAKE) is True and base.suggestion
    answers = (base.suggestion,) if take else tuple(answer_texts(said[EXPECTED]))
    answerable = True if take else is_yes(said[ANSWERED])
    if not take and answerable is False and answers == base.answers:
        answers = ()  # The mark alone was changed.
    elif not take and bool(answers) != bool(base.answers) and answerable == base.answerable:
        answerable = True if answers else None  # The answer alone was changed.
    return replace(
        base,
        question=said[QUESTION],
        answers=answers,
        answerable=answerable,
        type=said[KIND],
        notes=said[NOTES],
        article=said[ARTICLE],
    )
