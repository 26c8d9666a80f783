"""What indexes are measured on: the vectors of an index in use, each once, and the vectors and gold chunks of a dataset's questions."""

import json
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from evaluation.datasets import Dataset, LabelledQuestion
from explain.answers import normalise
from pipeline.types import Chunk

if TYPE_CHECKING:
    from backends.local.corpus import LocalCorpus
    from backends.local.index import OpenIndex

FloatArray = npt.NDArray[np.float32]

BATCH = 32
"""Questions that are embedded between two looks at whether to stop."""


@dataclass(frozen=True, slots=True)
class Material:
    """Vectors and questions."""

    vectors: FloatArray
    """(n, dim), L2-normalised, no two alike."""
    questions: FloatArray
    """(q, dim), L2-normalised."""
    clusters: tuple[str, ...]
    """What each question is drawn with: its gold document, or itself."""
    gold: tuple[frozenset[int], ...]
    """Rows of `vectors` that are gold for each question; empty where none is known."""
    duplicates: int = 0
    """Vectors of the index that are another's double, and left out."""


def gather(corpus: "LocalCorpus", dataset: Dataset) -> Generator[tuple[int, int], None, Material]:
    """Yields how many questions are embedded, of how many, and returns what there is to measure on."""
    opened = corpus.index.opened()
    vectors, row_of = distinct(opened.vectors.reconstruct(np.arange(opened.vectors.size, dtype=np.int64)))
    texts = [question.text for question in dataset.questions]
    embedded = []
    for start in range(0, len(texts), BATCH):
        yield start, len(texts)
        embedded.append(corpus.embed_questions(texts[start : start + BATCH]))
    return Material(
        vectors,
        np.ascontiguousarray(np.concatenate(embedded), np.float32),
        tuple(question.cluster for question in dataset.questions),
        find_gold(opened, dataset.questions, lambda row: int(row_of[row])),
        opened.vectors.size - len(vectors),
    )


def distinct(vectors: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Each vector once, in the order in which they first come, and the place there of every one that was given."""
    _, first, inverse = np.unique(vectors, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return np.ascontiguousarray(vectors[first[order]]), place[inverse.ravel()]


def find_gold(
    opened: "OpenIndex", questions: Sequence[LabelledQuestion], row_of: Callable[[int], int]
) -> tuple[frozenset[int], ...]:
    """Rows of the chunks of each question's document that hold its answer; none where either is not known."""
    documents = defaultdict[str, set[str]](set)
    for document_id, title in opened.execute("SELECT document_id, title FROM documents"):
        documents[normalise(title)].add(document_id)
        documents[normalise(document_id)].add(document_id)
    chunks: dict[str, list[tuple[int, Chunk]]] = {}

    def of(question: LabelledQuestion) -> frozenset[int]:
        article = normalise(question.article)
        if not article or not question.answers:
            return frozenset()
        if article not in chunks:
            chunks[article] = _chunks(opened, documents.get(article, set()))
        held = chunks[article]
        return frozenset(row_of(held[place][0]) for place in question.gold.places([chunk for _, chunk in held]))

    return tuple(map(of, questions))


def _chunks(opened: "OpenIndex", documents: set[str]) -> list[tuple[int, Chunk]]:
    rows: list[Any] = opened.execute(
        "SELECT row, chunk_id, document_id, title, text FROM chunks "
        "WHERE document_id IN (SELECT value FROM json_each(?)) ORDER BY row",
        (json.dumps(sorted(documents)),),
    )
    return [
        (row, Chunk(chunk_id, document_id, title, text, 0.0, 1)) for row, chunk_id, document_id, title, text in rows
    ]
