"""The newest questions on the embedding map: where they fall, how they ended, and where those that went badly gather. No streamlit."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from app.kit.numbers import count
from app.kit.plain import shortened
from app.kit.wording import LOW
from backends.local.corpus import LocalCorpus
from metrics.queries import TraceQuery, TraceRow
from metrics.store import TraceStore

NEWEST = 300
"""Questions that are drawn, the newest."""

KEPT = 2_000
"""Questions whose vectors are kept in memory: 384 numbers each, some 3 MB in all."""

NEAREST = 10
"""Questions nearest to one, itself among them, that say whether those that went badly gather there."""

GATHERED = 0.5
"""Share of these from which on they do."""

SHOWN_CHARS = 80
"""Of a question in the headline."""

FloatArray = npt.NDArray[np.float32]

End = Literal["answered", "low confidence", "abstained", "failed"]
"""How a question ended; an answer that is more probably wrong than right has low confidence."""


@dataclass(frozen=True, slots=True)
class AskedPoint:
    """A question on the map."""

    trace_id: str
    """Its trace."""
    question: str
    """Its text."""
    end: End
    """How it ended."""
    x: float
    """Where it falls, across."""
    y: float
    """And upwards."""


@dataclass(frozen=True, slots=True)
class AskedMap:
    """The newest questions."""

    points: tuple[AskedPoint, ...]
    """The newest first."""
    headline: str
    """How many went badly, and where they gather."""


class QuestionVectors:
    """Vectors of questions that were embedded lately, for one corpus: embedding takes some 10 ms each. Threads may share one."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, FloatArray] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, corpus: LocalCorpus, questions: Sequence[str]) -> FloatArray:
        """Vectors of some questions, float32 (n, dim), L2-normalised."""
        with self._lock:
            new = [question for question in dict.fromkeys(questions) if question not in self._known]
            if new:
                self._known.update(zip(new, corpus.embed_questions(new), strict=True))
            found = np.stack([self._known[question] for question in questions])
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
            return found


def read_asked(
    corpus: LocalCorpus, store: TraceStore, backend: str, origin: str | None, vectors: QuestionVectors
) -> AskedMap:
    """The newest questions to a backend on its corpus's map. origin: whence they came; None for all."""
    origins = frozenset() if origin is None else frozenset({origin})
    rows = store.page(TraceQuery(backends=frozenset({backend}), origins=origins), limit=NEWEST).rows
    rows = tuple(row for row in rows if row.question.strip())
    if not rows:
        return AskedMap((), "No question to this backend is stored yet")
    embedded = vectors.of(corpus, [row.question for row in rows])
    places = corpus.embedding_map().projection.project(embedded)
    ends = [end_of(row) for row in rows]
    points = tuple(
        AskedPoint(row.trace_id, row.question, end, float(x), float(y))
        for row, end, (x, y) in zip(rows, ends, places, strict=True)
    )
    return AskedMap(points, headline(points, embedded))


def end_of(row: TraceRow) -> End:
    """How a question ended."""
    if row.error_kind:
        return "failed"
    if row.abstained:
        return "abstained"
    return "low confidence" if row.confidence is not None and row.confidence < LOW else "answered"


def headline(points: Sequence[AskedPoint], vectors: FloatArray) -> str:
    """How many questions went badly, and near which they gather. vectors: the points', float32 (n, dim), L2-normalised."""
    bad = np.array([point.end != "answered" for point in points])
    told = f"{int(bad.sum()):,} of the newest {count(len(points), 'question')} failed, abstained or were unsure"
    near = min(NEAREST, len(points))
    if not bad.any() or near < NEAREST:
        return told
    nearest = np.argpartition(-(vectors @ vectors.T), near - 1, axis=1)[:, :near]
    shares = np.where(bad, bad[nearest].mean(axis=1), 0.0)
    worst = int(shares.argmax())
    if shares[worst] <= max(GATHERED, bad.mean()):
        return f"{told}, spread over the map"
    gathered = round(float(shares[worst]) * near)
    return f"{told}: {gathered} of the {near} most like “{shortened(points[worst].question, SHOWN_CHARS)}”"
