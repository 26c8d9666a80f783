"""The use case of asking a trace's question again over other chunks, with another prompt or on another backend. Without streamlit.

Owns what an edited chunk is, what is kept of an attempt, and how two answers are scored against each other. Nothing is retrieved: the
chunks are those that a person left. Refuses to format anything.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from explain.explained import read_chunks, scored_answer
from pipeline.errors import BackendError, InputError, RaglassError
from pipeline.prompts import PromptTemplate, asking_as_recorded, asking_with, describe_prompt, prompt_of
from pipeline.protocols import AnswerScorer, Backend, Experimenter
from pipeline.recording import new_span_id, new_trace_id
from pipeline.spans import Failure, Span
from pipeline.types import Chunk, Generation, Setting, Trace

PLAYGROUND_OF = "playground_of"
"""In a trace's settings: the trace whose question was asked again."""

OWN_DOCUMENT = "playground"
"""The document of a chunk that a person wrote."""

Keep = Callable[[Trace], str | None]
"""Stores a trace; why that could not be done, else None."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A chunk as a person left it."""

    title: str
    """Its title."""
    text: str
    """Its text."""
    origin: Chunk | None = None
    """The chunk that it was; None for one that was written anew."""
    used: bool = True
    """Whether it is asked with."""

    def to_chunk(self, rank: int) -> Chunk:
        """The chunk itself where nothing was changed; else one of its own, with no score, as nothing ranked it. rank: from 1."""
        origin = self.origin
        if origin is not None and (self.title, self.text) == (origin.title, origin.text):
            return replace(origin, rank=rank)
        digest = hashlib.sha256(f"{self.title}\0{self.text}".encode()).hexdigest()[:12]
        if origin is None:
            return Chunk(f"written-{digest}", OWN_DOCUMENT, self.title, self.text, None, rank)
        return replace(
            origin, chunk_id=f"edited-{digest}", title=self.title, text=self.text, score=None, rank=rank, signals={}
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """How to ask again."""

    backend: str
    """Full name of the backend."""
    drafts: Sequence[Draft]
    """The chunks, in the order in which they are read."""
    prompt: PromptTemplate | None = None
    """What the generator is told; None for what the backend tells it usually."""

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """Those that are asked with, ranked by their order; of two that are the same the first."""
        used: dict[str, Draft] = {}
        for draft in self.drafts:
            if draft.used and draft.text.strip():
                used.setdefault(draft.to_chunk(1).chunk_id, draft)
        return tuple(draft.to_chunk(rank) for rank, draft in enumerate(used.values(), start=1))


@dataclass(frozen=True, slots=True)
class Scores:
    """Log-probabilities of two answers, in nats, each over what the earlier trace read and over what the attempt read."""

    before_then: float
    """The earlier answer over what it was given over."""
    before_now: float
    """The earlier answer over what the attempt read."""
    now_then: float
    """The new answer over what the earlier trace read."""
    now_now: float
    """The new answer over what it was given over."""


class Playground:
    """Asks again."""

    def __init__(self, backend: Callable[[str], Backend], keep: Keep, deadline_s: float) -> None:
        """backend: an open one by name. keep: stores an attempt's trace. deadline_s: for an answer."""
        self._backend, self._keep, self._deadline_s = backend, keep, deadline_s

    def ask(self, trace: Trace, attempt: Attempt) -> tuple[Trace, str | None]:
        """Ask a trace's question again: the attempt's trace, and why it could not be stored, None if it was.

        A generator that fails leaves a trace that says so. Raises InputError for a trace without a question, a backend that answers only
        from what it retrieves itself, or a prompt that it does not take; ConfigError or Unavailable for a backend that cannot be opened.
        """
        _check_question(trace)
        made = self._answer(trace, asking_with(self._backend(attempt.backend), attempt.prompt), attempt)
        return made, self._keep(made)

    def ask_as_recorded(self, trace: Trace, chunks: Sequence[Chunk]) -> Trace:
        """Ask a trace's question again over other chunks, on its backend and with its prompt: a trace that is kept nowhere.

        Fails and raises as `ask` does.
        """
        _check_question(trace)
        attempt = Attempt(trace.backend, [Draft(chunk.title, chunk.text, chunk) for chunk in chunks])
        return self._answer(trace, asking_as_recorded(self._backend(trace.backend), trace.settings), attempt)

    def why_not_as_recorded(self, trace: Trace) -> str | None:
        """Why `ask_as_recorded` cannot ask a trace's question again; None if it can."""
        if not _is_ours(trace):
            return (
                f"{trace.service or trace.backend} is another application, whose model cannot be asked again from here. Explain its "
                "answer with a stand-in."
            )
        try:
            _check_question(trace)
            _experimenter(asking_as_recorded(self._backend(trace.backend), trace.settings))
        except RaglassError as error:
            return str(error)
        return None

    def _answer(self, trace: Trace, asked: Backend, attempt: Attempt) -> Trace:
        backend = _experimenter(asked)
        asked_at, started = time.time(), time.perf_counter()
        generation: Generation | None = None
        failure: Failure | None = None
        try:
            generation = backend.answer_from(trace.question, attempt.chunks, deadline_s=self._deadline_s)
        except BackendError as error:
            failure = replace(error.to_failure(), stage=error.stage or "generate")
        duration_ms = (time.perf_counter() - started) * 1000
        settings = self._settings(trace, asked)
        model = {"model": str(settings["generator"])} if "generator" in settings else {}
        span = Span("generate", 0.0, duration_ms, model, failure, span_id=new_span_id())
        return Trace(
            trace_id=new_trace_id(),
            question=trace.question,
            backend=attempt.backend,
            asked_at=asked_at,
            duration_ms=duration_ms,
            chunks=attempt.chunks,
            generation=generation,
            spans=(span,),
            settings=settings,
            error=failure,
        )

    def score(self, trace: Trace, made: Trace) -> Scores | None:
        """How probable the attempt's generator finds both answers over what either trace read; None where there is nothing to score.

        The earlier trace's prompt is read too, where it says it. Raises BackendError where scoring fails.
        """
        try:
            answers = scored_answer(trace), scored_answer(made)
            chunks = read_chunks(trace), made.chunks
        except InputError:
            return None
        now = asking_as_recorded(self._backend(made.backend), made.settings)
        then = asking_as_recorded(now, trace.settings) if prompt_of(now) and _is_ours(trace) else now
        if not isinstance(now, AnswerScorer) or not isinstance(then, AnswerScorer):
            return None
        levels = [
            _sum(scorer, trace.question, read, answer)
            for answer in answers
            for scorer, read in zip((then, now), chunks, strict=True)
        ]
        return Scores(*levels)

    def _settings(self, trace: Trace, backend: Backend) -> Mapping[str, Setting]:
        generator = getattr(getattr(backend, "generator", None), "name", None)
        return {
            **({} if generator is None else {"generator": str(generator)}),
            **describe_prompt(prompt_of(backend)),
            "deadline_s": self._deadline_s,
            PLAYGROUND_OF: trace.trace_id,
        }


def drafts_of(trace: Trace) -> list[Draft]:
    """A trace's chunks as drafts; those whose text another application did not send are not asked with until they have one."""
    return [Draft(chunk.title, chunk.text, chunk, used=bool(chunk.text)) for chunk in trace.chunks]


def explain_failure(error: RaglassError) -> str:
    """Why there are no scores."""
    return f"The answers could not be scored: {error}"


def _check_question(trace: Trace) -> None:
    if not trace.question.strip():
        raise InputError("No question was sent with this trace, so it cannot be asked again.")


def _experimenter(backend: Backend) -> Experimenter:
    """A backend as one that answers over given chunks. Raises InputError for one that does not."""
    if not isinstance(backend, Experimenter):
        raise InputError(
            f"The backend {backend.name} answers only from what it retrieves itself. Ask again on local/embedded or local/research."
        )
    return backend


def _is_ours(trace: Trace) -> bool:
    return trace.origin != "application"


def _sum(scorer: AnswerScorer, question: str, chunks: Sequence[Chunk], answer: str) -> float:
    return sum(scorer.score_answer(question, [chunks], answer).logprobs_nats[0])
