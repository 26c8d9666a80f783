"""The use case of question types: which are unsure, and what a person decides about them. Refuses to format anything.

Decisions are kept by the text of a question, which is what its type depends on, in one file of the data folder: they hold in every dataset.
"""

import csv
import io
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from app.permitting.acting import require
from app.permitting.roles import Role
from evaluation.datasets import Dataset
from evaluation.typed_questions import TypedQuestion, check_type, type_dataset, type_question
from pipeline.errors import InputError, StoreError
from pipeline.whole_files import write_whole

FILE = "question_types.json"

NONE = "none"
"""In a table of decisions: back to what rules and classifier say."""


class QuestionTypes:
    """Types of questions that their dataset does not say."""

    def __init__(self, folder: Callable[[], Path]) -> None:
        """folder: the data folder."""
        self._folder = folder
        self._lock = threading.Lock()

    def of(self, dataset: Dataset) -> list[TypedQuestion]:
        """Every question of a dataset with its type. Raises StoreError where decisions cannot be read."""
        edits = self._read()
        return [type_question(question, edits) for question in dataset.questions]

    def fill(self, dataset: Dataset) -> Dataset:
        """The dataset as it is asked: with types."""
        return type_dataset(dataset, self._read())

    def decide(self, dataset: Dataset, decisions: Mapping[str, str]) -> int:
        """Keep types by question id, in place of earlier decisions; an empty one takes a decision back. How many differ from before.

        Raises InputError, before anything is kept, for an id that is not in the dataset, a type that is none of the nine, and a
        question whose type the dataset says; StoreError where they cannot be kept.
        """
        require(Role.EDITOR)
        questions = {question.question_id: question for question in dataset.questions}
        changes: dict[str, str] = {}
        for question_id, kind in decisions.items():
            question = questions.get(question_id)
            if question is None:
                raise InputError(f"{dataset.name} has no question {question_id[:64]!r}.")
            if question.type:
                raise InputError(
                    f"The dataset says that question {question_id[:64]!r} is {question.type}; change it there."
                )
            changes[question.text] = check_type(kind) if kind else ""
        with self._lock:
            before = self._read()
            after = {text: kind for text, kind in {**before, **changes}.items() if kind}
            if after != before:
                self._write(after)
        return sum(before.get(text, "") != kind for text, kind in changes.items())

    @property
    def _path(self) -> Path:
        return self._folder() / FILE

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return {str(text): check_type(str(kind)) for text, kind in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, InputError) as error:
            raise StoreError(
                f"The question types in {self._path} cannot be read ({type(error).__name__}). Mend the file, an object of question and "
                "type, or move it away; it is left as it is."
            ) from error

    def _write(self, edits: Mapping[str, str]) -> None:
        try:
            write_whole(self._path, json.dumps(edits, indent=1, sort_keys=True))
        except OSError as error:
            raise StoreError(
                f"The question types could not be kept in {self._path} ({error.strerror}). Make room, or let the folder be written to."
            ) from error


def read_decisions(table: str) -> dict[str, str]:
    """Decisions from CSV with the columns `id` and `type`; the type `none` takes one back. Raises InputError with row numbers."""
    reader = csv.DictReader(io.StringIO(table, newline=""), strict=True)
    found: dict[str, str] = {}
    problems: list[str] = []
    try:
        named = {name.strip().lower(): name for name in reader.fieldnames or []}
        if not {"id", "type"} <= set(named):
            raise InputError(f"The columns are {', '.join(named) or 'missing'}; `id` and `type` are needed.")
        for number, row in enumerate(reader, start=2):
            question_id, kind = ((row[named[name]] or "").strip() for name in ("id", "type"))
            try:
                found[question_id] = "" if kind.lower() == NONE else check_type(kind)
            except InputError as error:
                problems.append(f"row {number}: {error}")
    except csv.Error as error:
        raise InputError(f"Line {reader.line_num} is no CSV ({error}). Save the table again.") from error
    if problems:
        more = f" and {len(problems) - 5:,} more" if len(problems) > 5 else ""
        raise InputError(f"Nothing was changed. {' '.join(problems[:5])}{more}")
    return found
