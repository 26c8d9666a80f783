"""The use case of asking: a question is answered by a backend and its trace is kept, whatever became of it. Without streamlit.

Owns how a question is asked if nothing is said, and that no trace is lost. Refuses to format anything.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from app.config import Settings
from app.kit.streaming import InFlight
from metrics.store import TraceStore
from pipeline.errors import BackendError, RaglassError
from pipeline.prompts import PromptTemplate, asking_with
from pipeline.protocols import Backend
from pipeline.recording import failed_trace
from pipeline.types import Event, Trace

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """A question and how to ask it."""

    text: str
    """As typed."""
    backend: str
    """Full name of the backend."""
    top_k: int
    """Chunks to retrieve."""
    deadline_s: float
    """Seconds for everything."""
    rerank: bool = False
    """Whether to rerank."""
    prompt: PromptTemplate | None = None
    """What the generator is told; None for what the backend tells it usually."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question answered, or tried."""

    trace: Trace
    """The trace, failed or not."""
    not_stored: str | None
    """Why the trace could not be stored, with what to do; None if it was."""


class Asking:
    """Asks questions of one process."""

    def __init__(
        self,
        settings: Settings,
        backend: Callable[[str], Backend],
        store: Callable[[], TraceStore],
        in_flight: InFlight,
        report: Callable[[Trace], object],
        mask: Callable[[Trace], Trace] = lambda trace: trace,
    ) -> None:
        """backend: an open one by name. store: where traces are kept. report: tells others of a trace, at once and without raising.

        mask: what a trace goes through that could not be stored; the store masks the others.
        """
        self._settings, self._backend, self._store, self._report = settings, backend, store, report
        self._mask = mask
        self.in_flight = in_flight
        """The questions that are being answered."""

    def question(self, text: str) -> Question:
        """A question asked as the settings have it."""
        settings = self._settings
        return Question(text, settings.backend_name, settings.top_k, settings.deadline_s)

    def ask(self, question: Question, on_event: Callable[[Event], None] | None = None) -> Asked:
        """Answer a question and store its trace. Raises InputError for misuse, ConfigError for an unknown backend.

        Misuse is also a prompt where the generator reads none.

        A backend that cannot be opened, or a stage that fails, is in the trace.
        """
        try:
            backend = self._backend(question.backend)
        except BackendError as error:
            trace = failed_trace(
                question.text,
                backend=question.backend,
                top_k=question.top_k,
                deadline_s=question.deadline_s,
                error=error,
            )
        else:
            trace = asking_with(backend, question.prompt).answer(
                question.text,
                top_k=question.top_k,
                deadline_s=question.deadline_s,
                rerank=question.rerank,
                on_event=on_event,
            )
        return self.keep(trace)

    def ask_events(self, question: Question) -> Iterator[Event | Asked]:
        """Answer in a thread of its own, yielding events as they come and, last, the outcome.

        A reader that goes away (a page that is rerun) does not stop the question: its trace is stored all the same.
        """

        def work(put: Callable[[Event | Asked], None]) -> None:
            put(self.ask(question, put))

        return self.in_flight.stream(work, "ask")

    def keep(self, trace: Trace) -> Asked:
        """Store a trace. One that cannot be stored is not lost: the outcome holds it, and says why."""
        kept, not_stored = self._keep_all([trace])
        return Asked(kept[0], not_stored)

    def keep_all(self, traces: Sequence[Trace]) -> str | None:
        """Store traces, all or none, and tell others of them; why they could not be stored, None if they were."""
        return self._keep_all(traces)[1]

    def _keep_all(self, traces: Sequence[Trace]) -> tuple[Sequence[Trace], str | None]:
        """The traces as they are kept, shown and told of from here on, which is masked, and why they could not be stored."""
        not_stored = None
        try:
            traces = self._store().put_all(traces)
        except RaglassError as error:
            log.error("%s could not be stored: %s", ", ".join(trace.trace_id for trace in traces), error)
            traces, not_stored = [self._mask(trace) for trace in traces], str(error)
        for trace in traces:
            self._report(trace)
        return traces, not_stored
