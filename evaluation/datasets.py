"""Labelled questions from a file, or those of the built-in corpus; rows that cannot be used are reported, not dropped in silence.

Read here: SQuAD v2 JSON, CSV with the columns `question,type,answer,context`, and JSONL with the same names. Refuses to ask anything.
"""

import csv
import hashlib
import io
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import corpus
from backends.local.documents.types import Document
from explain.gold import Gold
from pipeline.errors import InputError

BUILTIN = "builtin"
"""Name of the dataset that ships with Raglass."""

MOST_PROBLEMS = 20
"""Problems that are listed; how many more there are is said."""

MOST_BYTES = 500_000_000


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
    """The file's name, or `builtin`."""
    questions: tuple[LabelledQuestion, ...]
    """In the file's order."""
    documents: tuple[Document, ...] = ()
    """What has to be indexed before it is asked; empty where the backend's own corpus is meant."""
    problems: tuple[str, ...] = ()
    """What was wrong with rows that were left out or mended, with their numbers."""

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
    path = Path(spec)
    text = _read(path)
    readers = {".json": _squad, ".csv": _csv, ".jsonl": _jsonl}
    if path.suffix.lower() not in readers:
        raise InputError(
            f"{path.name} is no dataset: give SQuAD v2 as .json, or .csv or .jsonl, or the word {BUILTIN}."
        )
    found, documents, problems = [], {}, []
    for row in readers[path.suffix.lower()](text):
        if isinstance(row, str):
            problems.append(row)
            continue
        question, document = row
        found.append(question)
        if document is not None:
            documents[document.document_id] = document
    kept, repeated = _unique(found)
    problems += repeated
    if not kept:
        raise InputError(f"{path.name} holds no question that can be asked. {_listed(problems)}".strip())
    return Dataset(path.name, tuple(kept), tuple(documents.values()), tuple(problems))


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


Row = tuple[LabelledQuestion, Document | None] | str
"""A question with its document, or what is wrong with a row."""


def _squad(text: str) -> Iterator[Row]:
    try:
        articles = json.loads(text)["data"]
        for article in articles:
            title = str(article["title"]).replace("_", " ")
            for number, paragraph in enumerate(article["paragraphs"]):
                document = _document(f"{article['title']}/{number}", title, str(paragraph["context"]))
                for qa in paragraph["qas"]:
                    answers = tuple(dict.fromkeys(str(each["text"]) for each in qa["answers"]))
                    question = LabelledQuestion(str(qa["id"]), str(qa["question"]).strip(), answers, title)
                    yield (question, document) if question.text else f"question {qa['id']}: it is blank"
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"This is no SQuAD v2 JSON ({type(error).__name__}: {error}). It needs data → paragraphs → context and qas."
        ) from error


def _csv(text: str) -> Iterator[Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    named = [name.strip().lower() for name in reader.fieldnames or ()]
    if not {"question", "answer"} <= set(named):
        raise InputError(
            f"The columns are {', '.join(named) or 'missing'}; `question` and `answer` are needed, `type`, `context` and `id` are read too."
        )
    reader.fieldnames = named
    try:
        for row in reader:
            yield _row({name: value for name, value in row.items() if name}, f"row {reader.line_num}")
    except csv.Error as error:
        raise InputError(f"Line {reader.line_num} is no CSV ({error}). Save the table again.") from error


def _jsonl(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            yield f"line {number}: it is no JSON"
            continue
        yield _row(row, f"line {number}") if isinstance(row, dict) else f"line {number}: it is no object"


def _row(row: Mapping[str, Any], place: str) -> Row:
    """A row by the names that all formats share; an answer may be a list, or several separated by `|`, or empty for none."""
    text = str(row.get("question") or "").strip()
    if not text:
        return f"{place}: it has no question"
    if "answer" not in row and "answers" not in row:
        return f"{place}: it has no answer; leave it empty if the documents have none"
    given = row.get("answers", row.get("answer"))
    listed = given if isinstance(given, list) else str(given or "").split("|")
    answers = tuple(dict.fromkeys(str(each).strip() for each in listed if str(each).strip()))
    context, kind = str(row.get("context") or "").strip(), str(row.get("type") or "").strip().upper()
    document = None
    article = str(row.get("article") or "").strip()
    if context:
        digest = hashlib.sha256(context.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        document = _document(f"context/{digest}", article or text[:80], context)
        article = document.document_id
    question_id = str(row.get("id") or row.get("question_id") or place.replace(" ", "-"))
    return LabelledQuestion(question_id, text, answers, article, kind), document


def _document(document_id: str, title: str, text: str) -> Document:
    clean = "\n\n".join(part.strip() for part in text.splitlines() if part.strip())
    return Document(document_id, " ".join(title.split())[:200] or document_id, clean or "–", f"dataset:{document_id}")


def _unique(questions: list[LabelledQuestion]) -> tuple[list[LabelledQuestion], list[str]]:
    """Questions less those whose id was seen before, and what was left out."""
    seen: set[str] = set()
    kept, problems = [], []
    for question in questions:
        if question.question_id in seen:
            problems.append(f"question {question.question_id}: its id was used before; the first one is kept")
        else:
            seen.add(question.question_id)
            kept.append(question)
    return kept, problems


def _listed(problems: list[str]) -> str:
    return "; ".join(problems[:3])
