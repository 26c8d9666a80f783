"""Several questions at once: embedded in one go, and answered in one go where the generator can. Each gives a trace like any other.

A question's span of a shared stage is its even share of the time, marked with `batch`, the questions that shared it. Refuses to let
one question's failure take the others along: where a shared stage fails, each question goes its own way.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.checks import check_deadline, check_top_k, clean_question
from pipeline.deadline import Deadline
from pipeline.errors import BackendError
from pipeline.pipeline import Pipeline
from pipeline.protocols import BatchGenerator, Embedder, Vectors
from pipeline.recording import Attributes, Recorder, new_span_id
from pipeline.types import Chunk, Failure, Generation, Setting, Span, Trace

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asking:
    """How the questions of a batch are asked."""

    backend: str
    """Full name, as stored with every trace."""
    top_k: int
    """Chunks to retrieve."""
    deadline_s: float
    """Seconds for each question; a shared stage gets them for all of its questions."""
    rerank: bool
    """Whether to rerank."""
    settings: Mapping[str, Setting]
    """Recorded in each trace."""


@dataclass(slots=True)
class _Turn:
    """One question of a batch on its way."""

    question: str
    recorder: Recorder
    failure: Failure | None = None
    spent_ms: float = 0.0
    """What it has taken, waiting for the others not counted."""

    def pause(self) -> None:
        """The others' turn."""
        self.spent_ms = self.recorder.elapsed_ms()

    def go_on(self) -> None:
        """Its own turn again: the clock stands where it stood."""
        self.recorder.started = self.recorder.clock() - self.spent_ms / 1000

    def share(self, stage: str, share_ms: float, attributes: Attributes) -> None:
        """Its part of a stage that it shared, which ends now."""
        self.recorder.spans.append(Span(stage, self.spent_ms, share_ms, attributes, span_id=new_span_id()))
        self.spent_ms += share_ms
        self.go_on()


def answer_together(
    pipeline: Pipeline,
    questions: Sequence[str],
    *,
    backend: str,
    top_k: int,
    deadline_s: float,
    rerank: bool = False,
    settings: Mapping[str, Setting] | None = None,
) -> list[Trace]:
    """A trace for each question, in order; see `pipeline.protocols.Backend.answer` for what is raised and what is kept."""
    pipeline.check_rerank(backend, rerank)
    check_top_k(top_k)
    check_deadline(deadline_s)
    texts = [clean_question(question) for question in questions]
    given = {**(settings or {}), "top_k": top_k, "deadline_s": deadline_s, "rerank": rerank, "batch": len(texts)}
    asking = Asking(backend, top_k, deadline_s, rerank, given)
    turns = [_Turn(text, Recorder(None)) for text in texts]
    vectors = _embed(pipeline.embedder, turns, deadline_s)
    if vectors is None:
        return [_answer_alone(pipeline, text, asking) for text in texts]
    together = isinstance(pipeline.generator, BatchGenerator)
    found: list[tuple[_Turn, list[Chunk]]] = []
    for place, turn in enumerate(turns):
        with _taken(turn):
            deadline = Deadline(deadline_s)
            chunks = pipeline.find_near(
                turn.recorder, turn.question, vectors[place : place + 1], top_k, rerank, deadline
            )
            found.append((turn, chunks))
            if not together:
                pipeline.write_answer(turn.recorder, turn.question, chunks, deadline)
    if together:
        _generate(pipeline, found, deadline_s)
    return [_end(turn, asking) for turn in turns]


@contextmanager
def _taken(turn: _Turn) -> Iterator[None]:
    """Around a question's own stages: its clock runs meanwhile, and what fails stays with it."""
    turn.go_on()
    try:
        yield
    except BackendError as error:
        turn.failure = error.to_failure()
    turn.pause()


def _embed(embedder: Embedder, turns: Sequence[_Turn], deadline_s: float) -> Vectors | None:
    """The vectors of all, and a share of the time for each; None where that failed."""
    texts = [turn.question for turn in turns]
    clock = Recorder(None)
    try:
        with clock.stage("embed", Deadline(deadline_s * len(texts))) as attributes:
            attributes.update(model=embedder.name, batch=len(texts))
            known = know_all(embedder, texts)
            vectors = embedder.embed(texts, "query", deadline=Deadline(deadline_s * len(texts)))
    except BackendError as error:
        log.warning("the batch could not be embedded in one go (%s); each question is asked by itself", error)
        return None
    share_ms = clock.spans[0].duration_ms / len(texts)
    for turn, cached in zip(turns, known, strict=True):
        turn.share("embed", share_ms, {**attributes, "cached": True} if cached else dict(attributes))
    return vectors


def know_all(embedder: Embedder, questions: Sequence[str]) -> list[bool]:
    """Which vectors the embedder has already: an embedder may offer `knows_all`, and that may take it a moment to find out."""
    ask = getattr(embedder, "knows_all", None)
    return list(ask(questions)) if callable(ask) else [False] * len(questions)


def _generate(pipeline: Pipeline, found: Sequence[tuple[_Turn, list[Chunk]]], deadline_s: float) -> None:
    """Write every answer in one go, and note a share of the time for each; by itself where that fails."""
    generations = _generate_together(pipeline, found, deadline_s)
    if generations is not None:
        for (turn, _), generation in zip(found, generations, strict=True):
            turn.recorder.generation = generation
        return
    for turn, chunks in found:
        with _taken(turn):
            pipeline.write_answer(turn.recorder, turn.question, chunks, Deadline(deadline_s))


def _generate_together(
    pipeline: Pipeline, found: Sequence[tuple[_Turn, list[Chunk]]], deadline_s: float
) -> list[Generation] | None:
    generator = pipeline.generator
    if not found or not isinstance(generator, BatchGenerator):
        return None
    requests = [(turn.question, chunks) for turn, chunks in found]
    clock, deadline = Recorder(None), Deadline(deadline_s * len(requests))
    try:
        with clock.stage("generate", deadline):
            generations = generator.generate_batch(requests, pipeline.options, deadline=deadline)
    except BackendError as error:
        log.warning("the batch could not be answered in one go (%s); each question is answered by itself", error)
        return None
    share_ms = clock.spans[0].duration_ms / len(requests)
    for (turn, _), generation in zip(found, generations, strict=True):
        attributes: Attributes = {
            "model": generator.name,
            "batch": len(requests),
            "tokens": len(generation.tokens) if generation.completion_tokens is None else generation.completion_tokens,
        }
        turn.share("generate", share_ms, attributes)
    return generations


def _answer_alone(pipeline: Pipeline, question: str, asking: Asking) -> Trace:
    return pipeline.answer(
        question,
        backend=asking.backend,
        top_k=asking.top_k,
        deadline_s=asking.deadline_s,
        rerank=asking.rerank,
        settings={**asking.settings, "batch": 1},
    )


def _end(turn: _Turn, asking: Asking) -> Trace:
    turn.go_on()
    return turn.recorder.to_trace(turn.question, asking.backend, asking.settings, turn.failure)
