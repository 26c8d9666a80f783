"""The labelled questions that the quality benchmarks are run on, and their fixed split into fit and report articles."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from backends.local.chunking import split_document
from backends.local.documents.types import BUILT_IN, Document
from pipeline.types import Chunk

ROOT = Path(__file__).resolve().parents[1]
SQUAD = ROOT.parent / "shared" / "data" / "squad-v2-dev-a.json"
"""Half of the SQuAD v2 development set, where it is at hand; the product does not need it."""
VISITORS = SQUAD.with_name("visitor-questions.jsonl")
"""Questions as visitors type them, where they are at hand."""

Split = Literal["fit", "report"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its gold answers."""

    question_id: str
    text: str
    golds: tuple[str, ...]
    """Answer strings; empty for an unanswerable question."""
    document_id: str | None
    """The document that holds the answer (SQuAD: that the question was asked about)."""
    article: str
    """What the split goes by."""
    answerable: bool
    kind: str
    """The built-in corpus's question type; SQuAD has none."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Documents and questions. Every document is indexed whichever split its article is in."""

    name: str
    documents: tuple[Document, ...]
    questions: tuple[Question, ...]
    fit_articles: frozenset[str]

    def of_split(self, split: Split) -> list[Question]:
        """Questions about the fit articles, or about the others."""
        return [q for q in self.questions if (q.article in self.fit_articles) == (split == "fit")]


def cut_chunks(documents: tuple[Document, ...]) -> list[Chunk]:
    """Every document's chunks, unscored (score 0, rank 1)."""
    return [
        Chunk(f"{doc.document_id}#{n}", doc.document_id, doc.title, piece.text, 0.0, 1)
        for doc in documents
        for n, piece in enumerate(split_document(doc))
    ]


def sample(questions: list[Question], answerable: int, unanswerable: int, *, seed: int) -> list[Question]:
    """Draw questions of both kinds without replacement; all of a kind where there are fewer."""
    draw = random.Random(seed)
    yes = [q for q in questions if q.answerable]
    no = [q for q in questions if not q.answerable]
    return draw.sample(yes, min(answerable, len(yes))) + draw.sample(no, min(unanswerable, len(no)))


def read_squad(path: Path) -> Dataset:
    """SQuAD v2 in its official JSON form. Fit articles: every second of those with questions, by title."""
    documents, questions = [], []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        title = article["title"].replace("_", " ")
        for number, paragraph in enumerate(article["paragraphs"]):
            document_id = f"{article['title']}/{number}"
            documents.append(Document(document_id, title, paragraph["context"], path.name))
            questions += [_squad_question(qa, document_id, article["title"]) for qa in paragraph["qas"]]
    return Dataset("squad", tuple(documents), tuple(questions), frozenset(sorted({q.article for q in questions})[1::2]))


def read_builtin(corpus: Path = ROOT / "corpus") -> Dataset:
    """The built-in corpus. Fit articles: every second by id.

    An unanswerable question belongs to no article; each counts as one of its own (its id), so that they split evenly as well.
    """
    documents = []
    for path in sorted((corpus / "articles").glob("*/*.md")):
        heading, _, body = path.read_text(encoding="utf-8").partition("\n")
        documents.append(
            Document(f"{path.parent.name}/{path.stem}", heading.lstrip("# ").strip(), body.strip(), BUILT_IN)
        )
    questions = []
    for path in sorted((corpus / "questions").glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        questions += [_builtin_question(row) for row in rows]
    articles = sorted(doc.document_id for doc in documents)
    unanswerable = sorted(q.article for q in questions if not q.answerable)
    return Dataset("builtin", tuple(documents), tuple(questions), frozenset(articles[1::2] + unanswerable[1::2]))


def _squad_question(qa: dict[str, object], document_id: str, article: str) -> Question:
    answers = qa["answers"]
    assert isinstance(answers, list)
    golds = tuple(dict.fromkeys(answer["text"] for answer in answers))
    return Question(
        str(qa["id"]), str(qa["question"]).strip(), golds, document_id, article, not qa["is_impossible"], ""
    )


def _builtin_question(row: dict[str, object]) -> Question:
    golds = row["answers"]
    assert isinstance(golds, list)
    document_id = str(row["document_id"]) if row["document_id"] else None
    return Question(
        str(row["question_id"]),
        str(row["question"]),
        tuple(golds),
        document_id,
        document_id or str(row["question_id"]),
        bool(row["answerable"]),
        str(row["type"]),
    )
