"""`Pipeline`: the only code that runs a RAG pipeline, on a laptop and in the orchestrator Lambda alike.

It owns the order of the stages, the deadline, the spans and what becomes of an error. It refuses to look inside vectors.
"""

import logging
import math
import secrets
import time
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.deadline import Deadline
from pipeline.errors import BackendError, BadResponse, InputError, StageFailed
from pipeline.protocols import Embedder, Generator, Index, OnEvent, Reranker, Sampler, Vectors
from pipeline.spans import Attribute
from pipeline.types import (
    Chunk,
    ChunksFound,
    Event,
    Failure,
    GenerateOptions,
    Generation,
    Sample,
    Setting,
    Span,
    StageEnded,
    StageStarted,
    Token,
    TokenMade,
    Trace,
)

log = logging.getLogger(__name__)

MAX_QUESTION_CHARS = 2_000
"""A longer text is a document, not a question; E5 reads 512 tokens."""

MAX_TOP_K = 100
"""More chunks than anyone reads; also what keeps a trace small."""

RERANK_DEPTH = 20
"""Candidates that a reranker is given, if `top_k` is smaller."""

UNSTORABLE = {0: " ", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}
"""NUL, which C strings and PostgreSQL cannot hold, and lone surrogates, which UTF-8 cannot."""


def clean_question(question: str) -> str:
    """The question as it will be asked and stored, in NFC. Raises InputError if it is blank or too long."""
    cleaned = unicodedata.normalize("NFC", question.translate(UNSTORABLE)).strip()
    if not cleaned:
        raise InputError("The question is blank. Type a question.")
    if len(cleaned) > MAX_QUESTION_CHARS:
        raise InputError(
            f"The question has {len(cleaned):,} characters; at most {MAX_QUESTION_CHARS:,} are allowed. "
            "Shorten it, or add the long text to the corpus and ask about it."
        )
    return cleaned


def check_top_k(top_k: int) -> None:
    """Raise InputError unless 1 ≤ top_k ≤ MAX_TOP_K."""
    if not 1 <= top_k <= MAX_TOP_K:
        raise InputError(f"top_k is {top_k}; ask for between 1 and {MAX_TOP_K} chunks.")


def check_deadline(deadline_s: float) -> None:
    """Raise InputError for what is no number of seconds. Zero or less is one: the question's time is up already."""
    if not math.isfinite(deadline_s):
        raise InputError(f"The deadline is {deadline_s} s; give a finite number of seconds.")


def check_sampling(samples: int, temperature: float, seed: int) -> None:
    """Raise InputError unless samples ≥ 1, temperature is above 0 and finite, and seed ≥ 0."""
    if samples < 1:
        raise InputError(f"{samples} samples are asked for; ask for at least 1.")
    if not (temperature > 0 and math.isfinite(temperature)):
        raise InputError(f"The temperature is {temperature}; give a number above 0, where 1 draws as the model would.")
    if seed < 0:
        raise InputError(f"The seed is {seed}; give a whole number of 0 or more.")


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

    def end(self, stage: str, start_ms: float, attributes: Attributes, failure: Failure | None) -> None:
        """Keep a finished stage's span and tell the listener."""
        span = Span(stage, start_ms, self.elapsed_ms() - start_ms, attributes, failure, span_id=new_span_id())
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
    def stage(self, name: str, deadline: Deadline) -> Iterator[Attributes]:
        """Time a stage; its span is kept however it ends. Yields the span's attributes, to be filled in.

        What breaks inside leaves as a BackendError that names the stage.
        """
        attributes: Attributes = {}
        start_ms = self.elapsed_ms()
        self.emit(StageStarted(name, start_ms))
        try:
            deadline.check(name)
            yield attributes
        except BackendError as error:
            error.stage = error.stage or name
            self.end(name, start_ms, attributes, error.to_failure())
            raise
        except Exception as error:
            log.exception("stage %s failed", name)
            failed = StageFailed(
                f"The {name} stage failed with {type(error).__name__}. The details are in the log; "
                "`raglass status` shows whether every part is ready.",
                stage=name,
            )
            self.end(name, start_ms, attributes, failed.to_failure())
            raise failed from error
        self.end(name, start_ms, attributes, None)


class Pipeline:
    """Embed, retrieve, rerank if asked, generate; and a trace of it all."""

    def __init__(
        self,
        embedder: Embedder,
        index: Index,
        generator: Generator,
        reranker: Reranker | None = None,
        *,
        options: GenerateOptions | None = None,
    ) -> None:
        self.embedder = embedder
        self.index = index
        self.generator = generator
        self.reranker = reranker
        self.options = options or GenerateOptions()

    def answer(
        self,
        question: str,
        *,
        backend: str,
        top_k: int,
        deadline_s: float,
        rerank: bool = False,
        settings: Mapping[str, Setting] | None = None,
        trace_id: str | None = None,
        on_event: OnEvent | None = None,
    ) -> Trace:
        """Answer a question for `backend`; see `pipeline.protocols.Backend.answer` for what is raised and what is kept.

        settings: recorded in the trace beside what this call was given. trace_id: a caller's own, 32 hexadecimal digits.
        """
        self.check_rerank(backend, rerank)
        given = {**(settings or {}), "top_k": top_k, "deadline_s": deadline_s, "rerank": rerank}

        def run(recorder: Recorder, question: str, deadline: Deadline) -> None:
            self.write_answer(recorder, question, self._find(recorder, question, top_k, rerank, deadline), deadline)

        return _traced(run, question, backend, top_k, deadline_s, given, trace_id, on_event)

    def retrieve(
        self,
        question: str,
        *,
        backend: str,
        top_k: int,
        deadline_s: float,
        settings: Mapping[str, Setting] | None = None,
        trace_id: str | None = None,
    ) -> Trace:
        """Find the chunks for a question and answer nothing: a trace whose generation is None. Raises as `answer` does."""
        given = {**(settings or {}), "top_k": top_k, "deadline_s": deadline_s}

        def run(recorder: Recorder, question: str, deadline: Deadline) -> None:
            self._find(recorder, question, top_k, False, deadline)

        return _traced(run, question, backend, top_k, deadline_s, given, trace_id, None)

    def find_chunks(
        self, question: str, *, backend: str, top_k: int, deadline_s: float, rerank: bool = False
    ) -> list[Chunk]:
        """The chunks that `answer` would answer from, and no trace. Raises InputError as `answer` does, and what broke in a stage."""
        self.check_rerank(backend, rerank)
        check_top_k(top_k)
        question, deadline = _begin(question, deadline_s)
        return self._find(Recorder(None), question, top_k, rerank, deadline)

    def answer_from(self, question: str, chunks: Sequence[Chunk], *, deadline_s: float) -> Generation:
        """What the generator makes of just these chunks, perhaps none, and no trace. Raises as `find_chunks` does."""
        question, deadline = _begin(question, deadline_s)
        return self.write_answer(Recorder(None), question, chunks, deadline)

    def sample_answers(
        self,
        question: str,
        chunks: Sequence[Chunk],
        *,
        samples: int,
        deadline_s: float,
        temperature: float = 1.0,
        seed: int = 0,
    ) -> Iterator[Sample]:
        """Answers drawn over just these chunks, and no trace; see `pipeline.protocols.AnswerSampler.sample_answers`."""
        if not isinstance(self.generator, Sampler):
            raise InputError(f"The generator {self.generator.name} draws no answers at random. Choose another one.")
        check_sampling(samples, temperature, seed)
        question, deadline = _begin(question, deadline_s)
        drawn = self.generator.sample(
            question, chunks, self.options, samples=samples, temperature=temperature, seed=seed, deadline=deadline
        )
        return _drawing(drawn, samples, deadline)

    def check_rerank(self, backend: str, rerank: bool) -> None:
        """Raise InputError where reranking is asked for and there is nothing to rerank with."""
        if rerank and self.reranker is None:
            raise InputError(f"The backend {backend} has no reranker. Switch reranking off and ask again.")

    def _find(self, recorder: Recorder, question: str, top_k: int, rerank: bool, deadline: Deadline) -> list[Chunk]:
        with recorder.stage("embed", deadline) as attributes:
            attributes["model"] = self.embedder.name
            if knows(self.embedder, question):
                attributes["cached"] = True
            vectors = self.embedder.embed([question], "query", deadline=deadline)
        return self.find_near(recorder, question, vectors, top_k, rerank, deadline)

    def find_near(
        self, recorder: Recorder, question: str, vectors: Vectors, top_k: int, rerank: bool, deadline: Deadline
    ) -> list[Chunk]:
        """Retrieve, and rerank if asked, for a question that is embedded: the stages between `embed` and `generate`."""
        depth = max(top_k, RERANK_DEPTH) if rerank else top_k
        with recorder.stage("retrieve", deadline) as attributes:
            attributes["top_k"] = depth
            [chunks] = self.index.search(vectors, depth, texts=[question], deadline=deadline)
            attributes["returned"] = len(chunks)
            recorder.found(chunks)
        if rerank and self.reranker is not None:
            with recorder.stage("rerank", deadline) as attributes:
                attributes["model"] = self.reranker.name
                attributes["candidates"] = len(chunks)
                recorder.retrieved = tuple(chunks)
                chunks = self.reranker.rerank(question, chunks, deadline=deadline)[:top_k]
                recorder.found(chunks)
        return chunks

    def write_answer(
        self, recorder: Recorder, question: str, chunks: Sequence[Chunk], deadline: Deadline
    ) -> Generation:
        """The stage `generate`."""
        with recorder.stage("generate", deadline) as attributes:
            attributes["model"] = self.generator.name
            for made in self.generator.generate(question, chunks, self.options, deadline=deadline):
                if isinstance(made, Generation):
                    recorder.generation = made
                    written = made.completion_tokens
                    attributes["tokens"] = len(recorder.tokens) if written is None else written
                    return made
                recorder.tokens.append(made)
                recorder.emit(TokenMade(made))
                deadline.check("generate")
            raise BadResponse("The generator ended without summing up its answer. Ask again; if it stays, report it.")


def _drawing(drawn: Iterator[Sample], samples: int, deadline: Deadline) -> Iterator[Sample]:
    """Samples as they are drawn; what breaks meanwhile breaks as a stage does."""
    with Recorder(None).stage("generate", deadline):
        for number, sample in enumerate(drawn, start=1):
            yield sample
            if number < samples:
                deadline.check("generate")


def _begin(question: str, deadline_s: float) -> tuple[str, Deadline]:
    """The question as it will be asked, whose time runs from now. Raises InputError for misuse."""
    check_deadline(deadline_s)
    return clean_question(question), Deadline(deadline_s)


def _traced(
    run: Callable[[Recorder, str, Deadline], None],
    question: str,
    backend: str,
    top_k: int,
    deadline_s: float,
    settings: Mapping[str, Setting],
    trace_id: str | None,
    on_event: OnEvent | None,
) -> Trace:
    """Run stages over a question and keep what they caused, failed or not. Raises InputError for misuse."""
    check_top_k(top_k)
    question, deadline = _begin(question, deadline_s)
    recorder = Recorder(on_event)
    failure: Failure | None = None
    try:
        run(recorder, question, deadline)
    except BackendError as error:
        failure = error.to_failure()
    return recorder.to_trace(question, backend, settings, failure, trace_id)


def knows(embedder: Embedder, question: str) -> bool:
    """Whether the embedder has this question's vector already, so that `embed` takes no time: an embedder may offer `knows`."""
    ask = getattr(embedder, "knows", None)
    return bool(ask(question)) if callable(ask) else False


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
