"""The use cases, one method each, without streamlit: what a page shows and what a shell command prints come from here.

Owns the open backends and the trace store of one process. Refuses to format anything.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from app.config import Settings
from app.explaining.explanations import Explanations, HoldsCorpus
from app.kit.streaming import InFlight
from backends import registry
from metrics.emit import CloudWatchSink, EmitCounts, MetricsEmitter
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.errors import BackendError, InputError, RaglassError, StoreError, Unavailable
from pipeline.pipeline import failed_trace
from pipeline.protocols import Backend
from pipeline.types import Event, Trace

if TYPE_CHECKING:
    from app.documents.indexing import IndexJob, Upload
    from app.live.reading import Live
    from app.runs.calibrations import Calibrations
    from app.runs.evaluations import Evaluations, RunStep
    from app.runs.job import RunJob
    from app.runs.judging import Judging
    from backends.local.corpus import LocalCorpus

log = logging.getLogger(__name__)


FINISH_S = 60.0
"""How long finishing waits for questions in flight. ECS gives a task two minutes at most between SIGTERM and SIGKILL."""

SHOW_S = 1.0
"""How long a page gets to show the outcome of a question that finishing has waited for."""

CLOSE_S = 10.0
"""How long closing waits for an indexing job to reach a safe point, and for the last measures to be sent."""

CHECK_S = 1.0
"""How long a readiness check waits for a backend that is being opened."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question answered, or tried."""

    trace: Trace
    """The trace, failed or not."""
    not_stored: str | None
    """Why the trace could not be stored, with what to do; None if it was."""


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


class Services:
    """Everything that a page or a command can ask for."""

    def __init__(
        self,
        settings: Settings,
        *,
        open_backend: Callable[[str, registry.BackendConfig], Backend] = registry.open_backend,
    ) -> None:
        self.settings = settings
        self._open_backend = open_backend
        self._backends: dict[str, Backend] = {}
        self._store: TraceStore | None = None
        self._job: IndexJob | None = None
        self._run_job: RunJob | None = None
        self.in_flight = InFlight()
        self.explanations = Explanations(self.backend, lambda: self.store, settings.deadline_s)
        self._emitter = MetricsEmitter(CloudWatchSink(settings.aws_region)) if settings.emit_metrics else None
        # One lock each, so that the store and the readiness check need not wait while an index is built.
        self._backends_lock = threading.RLock()
        self._store_lock = threading.Lock()
        self._job_lock = threading.Lock()

    @cached_property
    def live(self) -> "Live":
        """What the Live page reads; imported, like the next three, only where it is needed."""
        from app.live.reading import Live

        return Live(self.settings, lambda: self.store)

    @cached_property
    def evaluations(self) -> "Evaluations":
        """Runs over datasets."""
        from app.runs.evaluations import Evaluations

        return Evaluations(
            self.backend, self._open_backend, self.settings.backend_config, lambda: self.store, self.keep_all
        )

    @cached_property
    def calibrations(self) -> "Calibrations":
        """Confidence as a probability of being right."""
        from app.runs.calibrations import Calibrations

        return Calibrations(lambda: self.store)

    @cached_property
    def judging(self) -> "Judging":
        """A model's judgements of a run's answers."""
        from app.runs.judging import Judging

        return Judging(self.settings, self.evaluations)

    @property
    def store(self) -> TraceStore:
        """The trace store, opened on first use. Raises StoreError."""
        with self._store_lock:
            if self._store is None:
                self._make_data_dir()
                self._store = TraceStore.open(self.settings.store_url)
            return self._store

    def backend(self, name: str) -> Backend:
        """An open backend, ready to answer: its index is built first if there is none. Raises ConfigError or Unavailable."""
        with self._backends_lock:
            if name not in self._backends:
                self._make_data_dir()
                backend = self._open_backend(name, self.settings.backend_config())
                self._backends[name] = backend
            backend = self._backends[name]
            if isinstance(backend, HoldsCorpus) and not backend.corpus.has_index():
                self._build_missing(backend.corpus)
            return backend

    def corpus(self, name: str) -> "LocalCorpus | None":
        """The corpus of a backend; None where the backend's documents are kept elsewhere."""
        backend = self.backend(name)
        return backend.corpus if isinstance(backend, HoldsCorpus) else None

    def is_stale(self, name: str) -> bool:
        """Whether documents changed since an open backend's index was built; False for one that is not open yet."""
        backend: object = self._backends.get(name)
        try:
            return isinstance(backend, HoldsCorpus) and backend.corpus.state().stale
        except StoreError:
            return False

    def backend_names(self) -> Mapping[str, str | None]:
        """Every known backend, with why it cannot be used here, or None."""
        return {name: registry.why_missing(name) for name in registry.names()}

    def question(self, text: str) -> Question:
        """A question asked as the settings have it."""
        settings = self.settings
        return Question(text, settings.backend_name, settings.top_k, settings.deadline_s)

    def ask(self, question: Question, on_event: Callable[[Event], None] | None = None) -> Asked:
        """Answer a question and store its trace. Raises InputError for misuse, ConfigError for an unknown backend.

        A backend that cannot be opened, or a stage that fails, is in the trace.
        """
        try:
            backend = self.backend(question.backend)
        except BackendError as error:
            trace = failed_trace(
                question.text,
                backend=question.backend,
                top_k=question.top_k,
                deadline_s=question.deadline_s,
                error=error,
            )
        else:
            trace = backend.answer(
                question.text,
                top_k=question.top_k,
                deadline_s=question.deadline_s,
                rerank=question.rerank,
                on_event=on_event,
            )
        return self.keep(trace)

    def keep(self, trace: Trace) -> Asked:
        """Store a trace. One that cannot be stored is not lost: the outcome holds it, and says why."""
        return Asked(trace, self.keep_all([trace]))

    def keep_all(self, traces: Sequence[Trace]) -> str | None:
        """Store traces, all or none, and send their measures; why they could not be stored, None if they were."""
        not_stored = None
        try:
            self.store.put_all(traces)
        except RaglassError as error:
            log.error("%s could not be stored: %s", ", ".join(trace.trace_id for trace in traces), error)
            not_stored = str(error)
        if self._emitter is not None:
            for trace in traces:
                self._emitter.emit(trace)
        return not_stored

    def trace(self, trace_id: str) -> Trace:
        """A stored trace by its id, or the one that was stored last for `LAST`. Raises InputError if there is none."""
        if trace_id == "LAST":
            newest = self.store.page(TraceQuery(), limit=1).rows
            trace_id = newest[0].trace_id if newest else trace_id
        stored = self.store.get(trace_id)
        if stored is None:
            raise InputError(f"There is no trace {trace_id[:64]!r}. `raglass traces` lists them.")
        return stored.trace

    def ask_events(self, question: Question) -> Iterator[Event | Asked]:
        """Answer in a thread of its own, yielding events as they come and, last, the outcome.

        A reader that goes away (a page that is rerun) does not stop the question: its trace is stored all the same.
        """

        def work(put: Callable[[Event | Asked], None]) -> None:
            put(self.ask(question, put))

        return self.in_flight.stream(work, "ask")

    @property
    def emitted(self) -> EmitCounts | None:
        """What became of the measures sent to CloudWatch; None where none are sent."""
        return None if self._emitter is None else self._emitter.counts

    @property
    def indexing(self) -> "IndexJob | None":
        """The last indexing job of this process, running or ended; None before the first."""
        return self._job

    def forget_indexing(self) -> None:
        """Forget the last job once it has ended."""
        if self._job is not None and not self._job.running:
            self._job = None

    def start_indexing(self, corpus: "LocalCorpus", uploads: "list[Upload]", *, rebuild: bool = False) -> "IndexJob":
        """Start adding files and building the index, in a thread. Raises InputError while another job runs."""
        from app.documents.indexing import IndexJob

        with self._job_lock:
            if self._job is not None and self._job.running:
                raise InputError(
                    "An indexing job is running. Wait for it to end, or stop it, then add these files again."
                )
            max_bytes = self.settings.max_file_mb * 1_000_000
            self._job = IndexJob(corpus, uploads, max_bytes=max_bytes, rebuild=rebuild).start()
            return self._job

    @property
    def run_job(self) -> "RunJob | None":
        """The last run of this process, going on or ended; None before the first."""
        return self._run_job

    def runs_now(self, run_id: str) -> bool:
        """Whether this process is at that run."""
        job = self._run_job
        return job is not None and job.running and job.step is not None and job.step.run_id == run_id

    def start_run(self, begin: "Callable[[threading.Event], Iterator[RunStep]]") -> "RunJob":
        """Start a run, or go on with one, in a thread. Raises InputError while another is going on in this process."""
        from app.runs.job import RunJob

        with self._job_lock:
            if self._run_job is not None and self._run_job.running:
                raise InputError("A run is going on. Wait for it to end, or stop it, then start this one again.")
            self._run_job = RunJob(begin).start()
            return self._run_job

    def check_ready(self) -> dict[str, str | None]:
        """What keeps this process from answering, by part: the default backend and the store; None is ready."""
        if self.in_flight.finishing:
            return {"process": "It is stopping. Another one may answer, or this one once it has been started again."}
        return {"backend": self._problem(self._check_backend), "store": self._problem(self._check_store)}

    def finish(self, limit_s: float = FINISH_S) -> None:
        """Take no more questions, see those in flight through and send their measures, so that ending the process loses nothing."""
        waiting = self.in_flight.count
        if waiting:
            log.warning("stopping once %d question(s) in flight are answered, in %g s at the latest", waiting, limit_s)
        left = self.in_flight.finish(limit_s)
        if left:
            log.error(
                "%d question(s) were not answered within %g s; they are given up and leave no trace", left, limit_s
            )
        if self._emitter is not None:
            self._emitter.flush(CLOSE_S)
        if waiting:
            time.sleep(SHOW_S)

    def close(self) -> None:
        """Close what is open, after questions in flight unless `finish` saw to them. Calling it twice is harmless."""
        if not self.in_flight.finishing:
            self.finish(CLOSE_S)
        if self._job is not None:
            self._job.stop()
            self._job.wait(CLOSE_S)
        if self._run_job is not None:
            self._run_job.stop()
            self._run_job.wait(CLOSE_S)
        if self._emitter is not None:
            self._emitter.close(CLOSE_S)
        with self._backends_lock:
            for backend in self._backends.values():
                backend.close()
            self._backends.clear()
        with self._store_lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def _build_missing(self, corpus: "LocalCorpus") -> None:
        """Build the first index, unless an indexing job is about to."""
        if self._job is not None and self._job.running:
            return
        started = time.monotonic()
        try:
            manifest = corpus.build()
        except InputError as error:
            log.warning("no index: %s", error)
            return
        log.info("built the index: %d chunks in %.1f s", manifest.chunks, time.monotonic() - started)

    def _check_backend(self) -> None:
        if not self._backends_lock.acquire(timeout=CHECK_S):
            raise Unavailable("The backend is being opened, and its index built if there was none. Wait a moment.")
        try:
            readiness = self.backend(self.settings.backend_name).check_ready()
        finally:
            self._backends_lock.release()
        for part in readiness.parts:
            if not part.ready:
                raise Unavailable(f"{part.name}: {part.detail}")

    def _check_store(self) -> None:
        health = self.store.health()
        if not health.ok:
            raise StoreError(health.detail)

    def _make_data_dir(self) -> None:
        try:
            self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The data folder {self.settings.data_dir} cannot be made ({error.strerror}). "
                "Set RAGLASS_DATA_DIR to a folder that can be written."
            ) from error

    @staticmethod
    def _problem(check: Callable[[], object]) -> str | None:
        try:
            check()
        except RaglassError as error:
            return str(error)
        return None


@cache
def services() -> Services:
    """This process's services, made from the environment on first use."""
    return Services(Settings.from_environ())
