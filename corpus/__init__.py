"""The built-in corpus: short articles that Raglass's authors wrote, and labelled questions about them. Read-only.

Standard library only; nothing of Raglass is imported here.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

FOLDER = Path(__file__).parent

QuestionType = Literal["DATE", "LOCATION", "PERSON", "FACT", "REASON", "STATISTICS", "ENTITY", "PROCESS", "OPINION"]
"""What kind of answer a question asks for; corpus/README.md defines each."""

QUESTION_TYPES: tuple[QuestionType, ...] = get_args(QuestionType)


@dataclass(frozen=True, slots=True)
class Article:
    """One document of the built-in corpus."""

    document_id: str
    """`<subject>/<slug>`, from the file's place."""
    title: str
    """The first line, without its `# `."""
    text: str
    """The paragraphs below it, separated by one blank line."""


@dataclass(frozen=True, slots=True)
class Question:
    """A labelled question."""

    question_id: str
    """`<subject>-<number>`."""
    question: str
    """The question."""
    type: QuestionType
    """The kind of answer asked for; unanswerable questions have one too."""
    answers: tuple[str, ...]
    """Accepted answers, the fullest first, each a part of one sentence of the gold article; empty if unanswerable."""
    document_id: str | None
    """The gold article; None if unanswerable."""
    answerable: bool
    """Whether the corpus answers it."""


@cache
def articles() -> tuple[Article, ...]:
    """All articles, sorted by document id."""
    return tuple(_read_article(path) for path in sorted(FOLDER.glob("articles/*/*.md")))


@cache
def questions() -> tuple[Question, ...]:
    """All questions, by subject and then in the order of the files."""
    return tuple(question for path in sorted(FOLDER.glob("questions/*.jsonl")) for question in _read_questions(path))


@cache
def fingerprint() -> str:
    """SHA-256 of all articles (ids, titles, texts), in hexadecimal digits."""
    hasher = hashlib.sha256()
    for article in articles():
        hasher.update("\0".join((article.document_id, article.title, article.text, "")).encode())
    return hasher.hexdigest()


def _read_article(path: Path) -> Article:
    heading, _, text = path.read_text(encoding="utf-8").partition("\n")
    return Article(f"{path.parent.name}/{path.stem}", heading.removeprefix("# ").strip(), text.strip())


def _read_questions(path: Path) -> Iterator[Question]:
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield Question(**{**row, "answers": tuple(row["answers"])})
