"""Stages that do nothing a second time, and a ledger of what each took when it was done, so that no cell looks quicker for it."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from backends.local.fusion import CANDIDATES
from backends.local.index import LocalIndex
from backends.local.questions import QuestionEmbedder
from backends.local.spans.model import Marks
from backends.local.spans.remembered import SpanSource
from backends.local.vectors import FloatArray
from pipeline.deadline import Deadline
from pipeline.pipeline import RERANK_DEPTH
from pipeline.prompts import PromptedGenerator
from pipeline.protocols import BatchGenerator, Generator, Reranker
from pipeline.types import Chunk, GenerateOptions, Generation, Kind, Span, Token, Trace

DIGITS = 4
"""Decimals to which a chunk's scores must agree to be the same to a generator."""


@dataclass(slots=True)
class Page:
    """What the questions of one batch are charged."""

    ms: dict[tuple[str, str], float] = field(default_factory=dict)
    """By stage and question: what the stage took when it was done, in ms."""
    shared: set[tuple[str, str]] = field(default_factory=set)
    """Stages that were not done again."""
    marks_ms: float = 0.0
    """Of the answer that is being written: ms of reading that was not done again."""


class Ledger:
    """Where shared stages note what they took. One batch at a time; another one waits."""

    def __init__(self) -> None:
        self.page = Page()
        self._lock = threading.Lock()

    @contextmanager
    def open(self) -> Iterator[Page]:
        """A new page, for a batch."""
        with self._lock:
            self.page = Page()
            yield self.page

    def note(self, stage: str, question: str, ms: float, *, shared: bool) -> None:
        """What a stage took for a question, now or when it was done."""
        self.page.ms[stage, question] = ms
        if shared:
            self.page.shared.add((stage, question))


def charged(trace: Trace, page: Page) -> Trace:
    """A trace whose shared stages take what they took when they were done; what failed stays as it was."""
    spans: list[Span] = []
    moved_ms = 0.0
    for span in trace.spans:
        key = span.stage, trace.question
        took_ms = span.duration_ms if span.error is not None else page.ms.get(key, span.duration_ms)
        attributes = {**span.attributes, "shared": True} if key in page.shared else span.attributes
        spans.append(replace(span, start_ms=span.start_ms + moved_ms, duration_ms=took_ms, attributes=dict(attributes)))
        moved_ms += took_ms - span.duration_ms
    return replace(trace, spans=tuple(spans), duration_ms=max(0.0, trace.duration_ms + moved_ms))


class SharedQuestions:
    """An embedder that remembers every question, as an embedder that runs in this process must be to embed a corpus."""

    def __init__(self, embedder: QuestionEmbedder) -> None:
        self._embedder = embedder
        self.name, self.dimension, self.fingerprint = embedder.name, embedder.dimension, embedder.fingerprint
        self._vectors: dict[str, tuple[FloatArray, float]] = {}

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> FloatArray:
        """As the embedder does; a question once."""
        if kind == "passage":
            return np.asarray(self._embedder.embed(texts, kind, deadline=deadline), np.float32)
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            started = time.perf_counter()
            made = np.asarray(self._embedder.embed(new, kind, deadline=deadline), np.float32)
            each_ms = (time.perf_counter() - started) * 1000 / len(new)
            self._vectors.update({text: (row.copy(), each_ms) for text, row in zip(new, made, strict=True)})
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        return np.stack([self._vectors[text][0] for text in texts])

    def knows(self, question: str) -> bool:
        """Whether a question's vector is remembered."""
        return question in self._vectors

    def remember(self, vectors: Mapping[str, FloatArray]) -> None:
        """Take vectors of questions that were made elsewhere, in no time."""
        self._vectors.update({text: (vector, 0.0) for text, vector in vectors.items()})

    def took_ms(self, question: str) -> float:
        """What a question that is remembered took, in ms."""
        return self._vectors[question][1]

    def charging(self, ledger: Ledger) -> "ChargingQuestions":
        """The same as a pipeline's stage, which is charged for every question."""
        return ChargingQuestions(self, ledger)


class ChargingQuestions:
    """The stage `embed`. Whoever else asks for a question's vector finds it there for nothing, as they do in any pipeline."""

    def __init__(self, questions: SharedQuestions, ledger: Ledger) -> None:
        self.name = questions.name
        self._questions, self._ledger = questions, ledger

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> FloatArray:
        """As the embedder does."""
        known = [self._questions.knows(text) for text in texts]
        vectors = self._questions.embed(texts, kind, deadline=deadline)
        for text, shared in zip(texts, known, strict=True):
            self._ledger.note("embed", text, self._questions.took_ms(text), shared=shared)
        return vectors


class SharedSearch:
    """The stage `retrieve`: what top_k ask for that look at equally many candidates is one search, and is cut."""

    def __init__(self, index: LocalIndex, ledger: Ledger) -> None:
        self._index, self._ledger = index, ledger
        self._found: dict[tuple[str, int], tuple[list[Chunk], int, float]] = {}
        self.deepest = RERANK_DEPTH
        """Chunks that are fetched of a search at least, so that a larger top_k that looks at as many candidates finds them there."""

    @property
    def fingerprint(self) -> str:
        """Of the index."""
        return self._index.manifest.fingerprint

    @property
    def index(self) -> LocalIndex:
        """What is searched."""
        return self._index

    def search(
        self,
        vectors: FloatArray,
        top_k: int,
        *,
        texts: Sequence[str] | None = None,
        deadline: Deadline | None = None,
    ) -> list[list[Chunk]]:
        """As `LocalIndex.search`; each text once for each depth."""
        if texts is None:
            return self._index.search(vectors, top_k, deadline=deadline)
        return [self._one(vectors[place : place + 1], text, top_k, deadline) for place, text in enumerate(texts)]

    def _one(self, vector: FloatArray, text: str, top_k: int, deadline: Deadline | None) -> list[Chunk]:
        key = text, max(top_k, CANDIDATES)
        known = self._found.get(key)
        shared = known is not None and known[1] >= top_k
        if known is None or not shared:
            fetched = max(top_k, self.deepest)
            started = time.perf_counter()
            [chunks] = self._index.search(vector, fetched, texts=[text], deadline=deadline)
            known = self._found[key] = chunks, fetched, (time.perf_counter() - started) * 1000
        self._ledger.note("retrieve", text, known[2], shared=shared)
        return known[0][:top_k]


class SharedReranker:
    """The stage `rerank`: the same chunks are put into order once for a question."""

    def __init__(self, reranker: Reranker, ledger: Ledger) -> None:
        self.name = reranker.name
        self._reranker, self._ledger = reranker, ledger
        self._orders: dict[tuple[str, tuple[Any, ...]], tuple[list[Chunk], float]] = {}

    def rerank(self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None) -> list[Chunk]:
        """As the reranker does."""
        key = question, _identity(chunks)
        known = self._orders.get(key)
        shared = known is not None
        if known is None:
            started = time.perf_counter()
            ordered = self._reranker.rerank(question, chunks, deadline=deadline)
            known = self._orders[key] = ordered, (time.perf_counter() - started) * 1000
        self._ledger.note("rerank", question, known[1], shared=shared)
        return list(known[0])


class SharedMarks:
    """A `SpanSource` that reads no chunk twice for a question, and notes for the answer at hand what that would have taken."""

    def __init__(self, spans: SpanSource, ledger: Ledger) -> None:
        self.name, self.fingerprint = spans.name, spans.fingerprint
        self._spans, self._ledger = spans, ledger
        self._marks: dict[tuple[str, str, str], tuple[Marks, float]] = {}

    def read(self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None) -> list[Marks]:
        """As the source does; chunks that are read together share the time evenly."""
        keys = [(question, chunk.heading, chunk.text) for chunk in chunks]
        new = {key: chunk for key, chunk in zip(keys, chunks, strict=True) if key not in self._marks}
        self._ledger.page.marks_ms += sum(self._marks[key][1] for key in keys if key not in new)
        if new:
            started = time.perf_counter()
            made = self._spans.read(question, list(new.values()), deadline=deadline)
            each_ms = (time.perf_counter() - started) * 1000 / len(new)
            self._marks.update({key: (marks, each_ms) for key, marks in zip(new, made, strict=True)})
        return [self._marks[key][0] for key in keys]


class SharedGenerator:
    """The stage `generate`: what is asked over the very same chunks is answered once, as only a generator that is not random allows."""

    def __init__(self, generator: Generator, ledger: Ledger) -> None:
        self.name = generator.name
        self.prompt = generator.prompt if isinstance(generator, PromptedGenerator) else None
        """What it is told; None where it reads no prompt."""
        self._generator, self._ledger = generator, ledger
        self._made: dict[tuple[str, tuple[Any, ...], int], tuple[tuple[Token, ...], Generation, float]] = {}
        if isinstance(generator, BatchGenerator):
            # A method of the object alone, so that a pipeline sees a batch generator only where there is one.
            self.generate_batch = self._generate_batch

    def generate(
        self, question: str, chunks: Sequence[Chunk], options: GenerateOptions, *, deadline: Deadline | None = None
    ) -> Iterator[Token | Generation]:
        """As the generator does."""
        key = question, _identity(chunks), options.max_new_tokens
        known = self._made.get(key)
        shared = known is not None
        if known is None:
            self._ledger.page.marks_ms = 0.0
            started = time.perf_counter()
            made = list(self._generator.generate(question, chunks, options, deadline=deadline))
            took_ms = (time.perf_counter() - started) * 1000 + self._ledger.page.marks_ms
            tokens = tuple(each for each in made if isinstance(each, Token))
            [generation] = [each for each in made if isinstance(each, Generation)]
            known = self._made[key] = tokens, generation, took_ms
        self._ledger.note("generate", question, known[2], shared=shared)
        yield from known[0]
        yield known[1]

    def _generate_batch(
        self,
        requests: Sequence[tuple[str, Sequence[Chunk]]],
        options: GenerateOptions,
        *,
        deadline: Deadline | None = None,
    ) -> list[Generation]:
        """As the generator does; time that questions shared is split evenly among those that took part."""
        keys = [(question, _identity(chunks), options.max_new_tokens) for question, chunks in requests]
        new = {key: request for key, request in zip(keys, requests, strict=True) if key not in self._made}
        if new:
            generator: Any = self._generator
            started = time.perf_counter()
            made = generator.generate_batch(list(new.values()), options, deadline=deadline)
            each_ms = (time.perf_counter() - started) * 1000 / len(new)
            for key, generation in zip(new, made, strict=True):
                self._made[key] = generation.tokens, generation, each_ms
        for key in keys:
            self._ledger.note("generate", key[0], self._made[key][2], shared=key not in new)
        return [self._made[key][1] for key in keys]


def _identity(chunks: Sequence[Chunk]) -> tuple[Any, ...]:
    """What a stage may look at of chunks, scores rounded: two kinds of index give them with another rounding error."""
    return tuple(
        (
            chunk.chunk_id,
            chunk.document_id,
            None if chunk.score is None else round(chunk.score, DIGITS),
            chunk.rank,
            tuple(sorted((name, round(value, DIGITS)) for name, value in chunk.signals.items())),
        )
        for chunk in chunks
    )
