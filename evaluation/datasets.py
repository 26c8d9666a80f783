"""Labelled questions from a file, or those of the built-in corpus; rows that cannot be used are reported, not dropped in silence.

Read here: SQuAD v2 JSON, CSV with the columns `question,type,answer,context`, JSONL with the same names, and rows of the Hugging Face hub.
Refuses to ask anything.
"""

import csv
import hashlib
import io
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import corpus
from backends.local.documents.blocks import compose
from backends.local.documents.plaintext.plain import plain_blocks
from backends.local.documents.text import one_line
from backends.local.documents.types import MAX_TITLE_CHARS, Document
from evaluation.cells import cell_text, is_missing, is_yes, list_answers
from evaluation.hub import PREFIX, read_hub
from explain.answers import normalise
from explain.gold import Gold
from pipeline.checks import clean_question
from pipeline.errors import InputError

BUILTIN = "builtin"
"""Name of the dataset that ships with Raglass."""

MOST_PROBLEMS = 20
"""Problems that are listed; how many more there are is said."""

MOST_BYTES = 500_000_000

VERSION = re.compile(r"(?P<name>\w[\w-]{0,59})@(?P<number>[1-9]\d{0,6})")
"""What a version of a kept dataset is called, as `evaluation.kept` has it."""


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """A question and what is right about it."""

    question_id: str
    """Unique in its dataset."""
    text: str
    """The question."""
    answers: tuple[str, ...]
    """Accepted answers; empty if the documents have none."""
    article: str = ""
    """Title or id of the document that holds the answer; empty if not known."""
    type: str = ""
    """What kind of answer is asked for; empty if not known."""
    synthetic: bool = False
    """Whether a program wrote it; no part of the fingerprint."""

    @property
    def gold(self) -> Gold:
        """For comparing answers and chunks with."""
        return Gold(self.answers, self.article)

    @property
    def cluster(self) -> str:
        """What goes together when questions are drawn or split: the article, or the question itself where none is known."""
        return self.article or self.question_id


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled questions, and the documents they are about if the dataset holds them."""

    name: str
    """The file's name, the name and number of a kept version, or `builtin`."""
    questions: tuple[LabelledQuestion, ...]
    """In the file's order."""
    documents: tuple[Document, ...] = ()
    """What has to be indexed before it is asked; empty where the backend's own corpus is meant."""
    problems: tuple[str, ...] = ()
    """What was wrong with rows that were left out or mended, with their numbers."""

    @property
    def version(self) -> int | None:
        """The number of a kept version; None of what is none."""
        found = VERSION.fullmatch(self.name)
        return int(found["number"]) if found else None

    @property
    def synthetic(self) -> int:
        """How many of the questions a program wrote."""
        return sum(each.synthetic for each in self.questions)

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of the questions and their labels."""
        rows = [(q.question_id, q.text, q.answers, q.article, q.type) for q in self.questions]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]

    @property
    def documents_fingerprint(self) -> str:
        """16 hexadecimal digits of the documents."""
        rows = [(document.document_id, document.title, document.text) for document in self.documents]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]

    def draw(self, limit: int | None, seed: int = 0) -> "Dataset":
        """`limit` questions at random, in the file's order; all of them where there are no more. Raises InputError for less than 1."""
        if limit is None or limit >= len(self.questions):
            return self
        if limit < 1:
            raise InputError(f"{limit} questions cannot be drawn; ask for at least 1.")
        places = sorted(random.Random(seed).sample(range(len(self.questions)), limit))
        return replace(self, questions=tuple(self.questions[place] for place in places))


def load_dataset(spec: str) -> Dataset:
    """The built-in questions (`builtin`), or those of a file. Raises InputError, saying what to do, for what holds no question."""
    if spec == BUILTIN:
        return Dataset(BUILTIN, tuple(_builtin()))
    if spec.startswith(PREFIX):
        return _asked(_collect(*_hub(spec)))
    path = Path(spec)
    readers = {".json": _squad, ".csv": _csv, ".jsonl": _jsonl}
    if path.suffix.lower() not in readers:
        raise InputError(
            f"{path.name} is no dataset: give SQuAD v2 as .json, or .csv or .jsonl, {PREFIX}NAME for one of the Hugging Face hub, or the "
            f"word {BUILTIN}."
        )
    name = path.stem if VERSION.fullmatch(path.stem) else path.name
    return _asked(_collect(name, readers[path.suffix.lower()](_read(path))))


def read_table(path: Path) -> list[tuple[str, Mapping[str, Any]] | str]:
    """The rows of a CSV or JSONL file as they stand there, each with its place; in words, what is no row. Raises InputError."""
    readers = {".csv": _csv_rows, ".jsonl": _jsonl_rows}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path.name} is no table of questions: give a .jsonl or a .csv.")
    return list(readers[path.suffix.lower()](_read(path)))


def settle(spec: str) -> str:
    """The same dataset, to be found again from whichever folder one is in."""
    return spec if spec == BUILTIN or spec.startswith(PREFIX) else str(Path(spec).resolve())


def _asked(found: Dataset) -> Dataset:
    if not found.questions:
        raise InputError(f"{found.name} holds no question that can be asked. {'; '.join(found.problems[:3])}".strip())
    return found


def problem_lines(dataset: Dataset) -> list[str]:
    """The problems, at most MOST_PROBLEMS of them, and how many more there are."""
    left = len(dataset.problems) - MOST_PROBLEMS
    return [*dataset.problems[:MOST_PROBLEMS], *([f"and {left:,} more"] if left > 0 else [])]


def _builtin() -> Iterator[LabelledQuestion]:
    for each in corpus.questions():
        yield LabelledQuestion(each.question_id, each.question, each.answers, each.document_id or "", each.type)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path.name} has more than {MOST_BYTES / 1e6:,.0f} MB. Split it.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            f"The dataset {path} cannot be read ({error.strerror}). Give a file, or the word {BUILTIN}."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path.name} is not UTF-8: byte {error.start:,} cannot be read. Save it as UTF-8, from a spreadsheet as “CSV UTF-8”."
        ) from error


Found = LabelledQuestion | Document | str
"""What a file holds: questions, the documents they are about, and, in words, what cannot be used."""


def _collect(name: str, found: Iterator[Found]) -> Dataset:
    """A dataset of what was found; a question that comes a second time is a problem."""
    questions: dict[str, LabelledQuestion] = {}
    documents: dict[str, Document] = {}
    problems: list[str] = []
    places: dict[tuple[object, ...], str] = {}
    for each in found:
        if isinstance(each, str):
            problems.append(each)
        elif isinstance(each, Document):
            documents.setdefault(each.document_id, each)
        elif each.question_id in questions:
            problems.append(f"question {each.question_id}: its id was used before; the first one is kept")
        elif (same := places.setdefault((each.text, each.answers, each.article), each.question_id)) != each.question_id:
            problems.append(f"question {each.question_id}: it is the same as question {same}, which is kept")
        else:
            questions[each.question_id] = each
    return Dataset(name, tuple(questions.values()), tuple(documents.values()), tuple(problems))


def _squad(text: str) -> Iterator[Found]:
    paragraphs: Counter[str] = Counter()
    try:
        for article in json.loads(text)["data"]:
            title = str(article["title"]).replace("_", " ")
            for paragraph in article["paragraphs"]:
                # Numbered over the whole file: a title may come twice, or be blank.
                yield _document(f"{article['title']}/{paragraphs[title]}", title, str(paragraph["context"]))
                paragraphs[title] += 1
                for qa in paragraph["qas"]:
                    place = f"question {qa['id']}"
                    answers = [each["text"] for each in qa["answers"]]
                    yield _labelled(place, str(qa["id"]), str(qa["question"]), answers, title)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"This is no SQuAD v2 JSON ({type(error).__name__}: {error}). It needs data → paragraphs → context and qas."
        ) from error


Rows = Iterator[tuple[str, Mapping[str, Any]] | str]
"""The rows of a table with their places; in words, what is no row."""


def _csv(text: str) -> Iterator[Found]:
    yield from _questions(_csv_rows(text))


def _jsonl(text: str) -> Iterator[Found]:
    yield from _questions(_jsonl_rows(text))


def _questions(rows: Rows) -> Iterator[Found]:
    for each in rows:
        if isinstance(each, str):
            yield each
        else:
            yield from _row(each[1], each[0])


def _csv_rows(text: str) -> Rows:
    """Rows are numbered as a spreadsheet shows them: the header is row 1, and a cell may have several lines."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        named = [name.strip().lower() for name in next(reader, [])]
        if "question" not in named or not {"answer", "answers"} & set(named):
            raise InputError(
                f"The columns are {', '.join(named) or 'missing'}; `question` and `answer` are needed, `type`, `context`, `article` and "
                "`id` are read too. Separate columns by commas."
            )
        for number, cells in enumerate(reader, start=2):
            if any(cell.strip() for cell in cells[len(named) :]):
                yield f"row {number}: it has more cells than there are columns; put quotes around cells with commas"
            elif any(cell.strip() for cell in cells):
                yield f"row {number}", dict(zip(named, cells, strict=False))
    except csv.Error as error:
        raise InputError(f"Line {reader.line_num} is no CSV ({error}). Save the table again.") from error


def _jsonl_rows(text: str) -> Rows:
    # Not `splitlines`, which also cuts at characters that JSON allows within a text.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            yield f"line {number}: it is no JSON"
            continue
        if isinstance(row, dict):
            yield f"line {number}", row
        else:
            yield f"line {number}: it is no object"


def _hub(spec: str) -> tuple[str, Iterator[Found]]:
    """Rows as SQuAD is kept there have their article in `title`."""
    name, rows = read_hub(spec)

    def found() -> Iterator[Found]:
        for number, row in enumerate(rows, start=1):
            yield from _row({"article": row.get("title"), **row}, f"row {number}")

    return name, found()


def _row(row: Mapping[str, Any], place: str) -> Iterator[Found]:
    """A row by the names that all formats share; an answer may be a list, or several separated by `|`, or empty for none.

    A list may be written out in a cell, as Python or JSON writes it. What programs write for a missing value is no answer, and told.
    """
    if "answerable" in row and is_yes(row["answerable"]) is None and not any(map(cell_text, _given(row))):
        yield f"{place}: nobody has said yet what its right answer is"
        return
    if "answer" not in row and "answers" not in row:
        yield f"{place}: it has no answer; leave it empty if the documents have none"
        return
    given = _given(row)
    answers = [each for each in given if not is_missing(each)]
    if len(answers) < len(given) and not any(map(cell_text, answers)):
        missing = next(each for each in given if is_missing(each))
        yield (
            f"{place}: its answer is {missing}, which is none, and it counts as one that the documents do not answer; "
            "write the answer, or leave it empty"
        )
    context, article = cell_text(row.get("context")), cell_text(row.get("article"))
    if context:
        digest = hashlib.sha256(context.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        # Named by its own beginning where it has no title: the question in its place would help to find it.
        document = _document(f"context/{digest}", article or " ".join(context.split())[:80], context)
        article = article or document.document_id
        yield document
    question_id = cell_text(row.get("id")) or cell_text(row.get("question_id")) or place.replace(" ", "-")
    found = _labelled(place, question_id, cell_text(row.get("question")), answers, article, cell_text(row.get("type")))
    if (
        isinstance(found, LabelledQuestion)
        and "answerable" in row
        and is_yes(row["answerable"]) not in (None, bool(found.answers))
    ):
        found = f"{place}: it says that it is {'not ' * bool(found.answers)}answerable, and has {'an' if found.answers else 'no'} answer"
    elif isinstance(found, LabelledQuestion) and is_yes(row.get("synthetic")):
        found = replace(found, synthetic=True)
    yield found


def _given(row: Mapping[str, Any]) -> list[Any]:
    return list_answers(row.get("answers", row.get("answer")))


def _labelled(
    place: str,
    question_id: str,
    text: str,
    given: list[Any],
    article: str,
    kind: str = "",
) -> LabelledQuestion | str:
    """A question, or why it cannot be asked or its answer be judged."""
    try:
        clean_question(text)
    except InputError as error:
        return f"{place}: {error}"
    if not all(isinstance(each, str | int | float | None) for each in given):
        return f"{place}: its answer is no text; give a text, or a list of texts"
    listed = [cell_text(each) for each in given]
    answers = tuple(dict.fromkeys(each for each in listed if normalise(each)))
    if any(listed) and not answers:
        return f"{place}: its answer has no word that an answer could be compared with"
    return LabelledQuestion(question_id, text.strip(), answers, article, kind.upper())


def _document(document_id: str, title: str, text: str) -> Document:
    name = one_line(document_id)
    read, parts = compose(plain_blocks(text))
    return Document(name, one_line(title)[:MAX_TITLE_CHARS] or name, read or "–", f"dataset:{name}", parts)
