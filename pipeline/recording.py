"""What one question causes, as it happens: spans, chunks, tokens, events, and the trace that is made of them.

It owns ids, time and what becomes of an error inside a stage. It refuses to know which stages there are.
"""

import logging
import secrets
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.checks import check_deadline, check_top_k, clean_question
from pipeline.deadline import Deadline
from pipeline.errors import BackendError, StageFailed
from pipeline.protocols import OnEvent
from pipeline.spans import Attribute
from pipeline.types import (
    Chunk,
    ChunksFound,
    Event,
    Failure,
    Generation,
    Setting,
    Span,
    StageEnded,
    StageStarted,
    Token,
    Trace,
)

log = logging.getLogger(__name__)


def new_trace_id() -> str:
    """A W3C trace id: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def new_span_id() -> str:
    """A W3C span id: 16 hexadecimal digits."""
    return secrets.token_hex(8)


Attributes = dict[str, Attribute]
"""A span's attributes while its stage runs."""


@dataclass(slots=True)
class Recorder:
    """What one question has caused so far, and who listens."""

    on_event: OnEvent | None
    clock: Callable[[], float] = time.perf_counter
    spans: list[Span] = field(default_factory=list)
    chunks: tuple[Chunk, ...] = ()
    retrieved: tuple[Chunk, ...] = ()
    tokens: list[Token] = field(default_factory=list)
    generation: Generation | None = None
    started: float = field(init=False)
    asked_at: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self.started = self.clock()

    def elapsed_ms(self) -> float:
        """Milliseconds since the question was asked."""
        return (self.clock() - self.started) * 1000

    def emit(self, event: Event) -> None:
        """Tell the listener. One that raises is told nothing more: a broken view must not cost the answer."""
        if self.on_event is None:
            return
        try:
            self.on_event(event)
        except Exception:
            log.exception("the event listener failed; it is told nothing more of this question")
            self.on_event = None

    def found(self, chunks: list[Chunk]) -> None:
        """Keep the chunks and tell the listener."""
        self.chunks = tuple(chunks)
        self.emit(ChunksFound(self.chunks))

    def end(
        self, stage: str, start_ms: float, attributes: Attributes, failure: Failure | None, span_id: str = ""
    ) -> None:
        """Keep a finished stage's span and tell the listener. span_id: as for `stage`."""
        duration_ms = self.elapsed_ms() - start_ms
        span = Span(stage, start_ms, duration_ms, attributes, failure, span_id=span_id or new_span_id())
        self.spans.append(span)
        self.emit(StageEnded(span))

    def to_trace(
        self,
        question: str,
        backend: str,
        settings: Mapping[str, Setting],
        failure: Failure | None,
        trace_id: str | None = None,
    ) -> Trace:
        """The trace of a question that has taken until now."""
        return Trace(
            trace_id=trace_id or new_trace_id(),
            question=question,
            backend=backend,
            asked_at=self.asked_at,
            duration_ms=self.elapsed_ms(),
            chunks=self.chunks,
            generation=self.generation or partial_generation(self.tokens, failure),
            spans=tuple(self.spans),
            settings=settings,
            error=failure,
            retrieved=self.retrieved,
        )

    @contextmanager
    def stage(self, name: str, deadline: Deadline, span_id: str = "") -> Iterator[Attributes]:
        """Time a stage; its span is kept however it ends. Yields the span's attributes, to be filled in.

        What breaks inside leaves as a BackendError that names the stage. span_id: the span's id, where it is told to others before it
        ends; empty for a new one.
        """
        attributes: Attributes = {}
        start_ms = self.elapsed_ms()
        self.emit(StageStarted(name, start_ms))
        try:
            deadline.check(name)
            yield attributes
        except BackendError as error:
            error.stage = error.stage or name
            self.end(name, start_ms, attributes, error.to_failure(), span_id)
            raise
        except Exception as error:
            log.exception("stage %s failed", name)
            failed = StageFailed(
                f"The {name} stage failed with {type(error).__name__}. The details are in the log; "
                "`raglass status` shows whether every part is ready.",
                stage=name,
            )
            self.end(name, start_ms, attributes, failed.to_failure(), span_id)
            raise failed from error
        self.end(name, start_ms, attributes, None, span_id)


def partial_generation(tokens: list[Token], failure: Failure | None) -> Generation | None:
    """What can be kept of an answer that was cut short; None if it never began."""
    if not tokens:
        return None
    reason = "deadline" if failure is not None and failure.kind == "Timeout" else "failed"
    answer = "".join(token.text for token in tokens).strip()
    known = () if any(token.logprob_nats is None for token in tokens) else tuple(tokens)
    return Generation(answer=answer, tokens=known, prompt_tokens=0, finish_reason=reason)


def failed_trace(question: str, *, backend: str, top_k: int, deadline_s: float, error: BackendError) -> Trace:
    """The trace of a question whose backend could not be opened, so that this failure is kept like any other."""
    check_top_k(top_k)
    check_deadline(deadline_s)
    return Trace(
        trace_id=new_trace_id(),
        question=clean_question(question),
        backend=backend,
        asked_at=time.time(),
        duration_ms=0.0,
        chunks=(),
        generation=None,
        spans=(),
        settings={"top_k": top_k, "deadline_s": deadline_s},
        error=error.to_failure(),
    )
