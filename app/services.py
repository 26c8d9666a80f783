"""What one process has open: backends, the trace store, work that goes on; and the use cases over them.

Owns opening, holding, finishing and closing. A use case lives with its capability; what is here only hands it what it needs.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

from app.asking.questions import Asking
from app.config import Settings
from app.explaining.explanations import Explanations
from app.ingesting.precedence import give_way
from app.kit.privacy import make_private
from app.kit.streaming import InFlight
from app.permitting.acting import drop_book, keep_book
from backends import registry
from backends.local.protocols import HoldsCorpus
from metrics.emit import CloudWatchSink, EmitCounts, MetricsEmitter
from metrics.otlp.sending import SendCounts, Target, TraceSender, TraceSink, read_target
from metrics.prices import price_table
from metrics.store import TraceStore
from pipeline.errors import InputError, RaglassError, StoreError, Unavailable
from pipeline.protocols import Backend
from pipeline.types import Trace

if TYPE_CHECKING:
    from app.alerting.alarms import Alarms
    from app.documents.indexing import Indexing
    from app.ingesting.door import Door
    from app.ingesting.guarding import Guard
    from app.ingesting.receiving import Receiving
    from app.kit.premises import Premises
    from app.lab.catalogue import Lab
    from app.live.reading import Live
    from app.permitting.admission import Admission
    from app.quality.watch import Quality
    from app.runs.calibrations import Calibrations
    from app.runs.evaluations import Evaluations
    from app.runs.job import RunJobs
    from app.runs.judging import Judging
    from app.runs.synthesis import Synthesis
    from app.status.readiness import Status
    from app.traces.playground import Playground
    from backends.local.build import Progress
    from backends.local.corpus import LocalCorpus
    from metrics.audit import AuditLog
    from metrics.masking import Masker
    from metrics.retention import Retention

log = logging.getLogger(__name__)

Part = TypeVar("Part")

FINISH_S = 60.0
"""How long finishing waits for questions in flight. ECS gives a task two minutes at most between SIGTERM and SIGKILL."""

SHOW_S = 1.0
"""How long a page gets to show the outcome of a question that finishing has waited for."""

CLOSE_S = 10.0
"""How long closing waits for an indexing job to reach a safe point, and for the last measures and traces to be sent, each."""

CHECK_S = 1.0
"""How long a readiness check waits for a backend that is being opened."""


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
        self._emitter = MetricsEmitter(CloudWatchSink(settings.aws_region)) if settings.emit_metrics else None
        self.target: Target | None = None
        """Where traces are sent beside the store; None for nowhere."""
        self._sender: TraceSender | None = None
        self.listen(settings.host, settings.port)
        self.in_flight = InFlight()
        self.asking = Asking(settings, self.backend, lambda: self.store, self.in_flight, self._report, self._mask)
        self.explanations = Explanations(self.backend, lambda: self.store, settings.deadline_s, self.usable_backends)
        # One lock each, so that the store and the readiness check need not wait while an index is built.
        self._backends_lock = threading.RLock()
        self._store_lock = threading.Lock()
        self._parts: dict[str, Any] = {}
        self._parts_lock = threading.RLock()
        keep_book(self._audit)

    @property
    def indexing(self) -> "Indexing":
        """Adding documents; imported, like those below, only where it is needed."""
        from app.documents.indexing import Indexing

        return self._part("indexing", lambda: Indexing(self.settings.read_limits()))

    @property
    def premises(self) -> "Premises":
        """What pages may name on the server."""
        from app.kit.premises import Premises

        return self._part("premises", lambda: Premises(self.settings))

    @property
    def guard(self) -> "Guard":
        """Who may send traces and take them out."""
        from app.ingesting.guarding import Guard

        return self._part("guard", lambda: Guard(self.settings, lambda: self.store.keys))

    @property
    def admission(self) -> "Admission":
        """Who is let in on the pages. Raises ConfigError."""
        from app.permitting.admission import Admission

        return self._part("admission", lambda: Admission(self.settings))

    def _audit(self) -> "AuditLog":
        return self.store.audit

    @property
    def receiving(self) -> "Receiving":
        """Traces of other applications on their way into the store."""
        from app.ingesting.receiving import Receiving

        return self._part("receiving", lambda: Receiving(self.settings, lambda: self.store))

    @property
    def door(self) -> "Door":
        """What answers applications that send traces."""
        from app.ingesting.door import Door

        return self._part("door", lambda: Door(self.receiving, self.guard))

    @property
    def live(self) -> "Live":
        """What the Live page reads."""
        from app.live.reading import Live

        return self._part("live", lambda: Live(self.settings, lambda: self.store))

    @property
    def alarms(self) -> "Alarms":
        """Rules that raise alerts, watched in the background of a dashboard."""
        from app.alerting.opening import open_alarms
        from app.alerting.readers import quality_reader
        from app.quality.rules import RULES

        def drift(backend: str) -> list[tuple[float, float, int]]:
            from app.stability.drift import QuestionPlan, check_questions, window_verdicts

            return window_verdicts(check_questions(self.store, self.corpus, QuestionPlan(backend)))

        scores = quality_reader(RULES.values(), lambda *given: self.store.quality.series(*given))
        return self._part("alarms", lambda: open_alarms(lambda: self.settings, lambda: self.store, drift, [scores]))

    @property
    def evaluations(self) -> "Evaluations":
        """Runs over datasets."""
        from app.runs.evaluations import Evaluations

        def make() -> Evaluations:
            config, keep = self.settings.backend_config, self.asking.keep_all
            return Evaluations(self.backend, self._open_backend, config, lambda: self.store, keep)

        return self._part("evaluations", make)

    @property
    def run_jobs(self) -> "RunJobs":
        """Runs that go on in the background."""
        from app.runs.job import RunJobs

        return self._part("run_jobs", RunJobs)

    @property
    def lab(self) -> "Lab":
        """Studies over several choices."""
        from app.lab.catalogue import Lab
        from app.lab.parts import Parts

        def make() -> Lab:
            store, config = lambda: self.store, self.settings.backend_config
            return Lab(Parts(self.settings, self.backend, self._open_backend, config, self.evaluations, store))

        return self._part("lab", make)

    @property
    def synthesis(self) -> "Synthesis":
        """Questions written from the documents."""
        from app.runs.synthesis import Synthesis

        return self._part(
            "synthesis", lambda: Synthesis(self.backend, self.evaluations.datasets, self.settings.threads)
        )

    @property
    def calibrations(self) -> "Calibrations":
        """Confidence as a probability of being right."""
        from app.runs.calibrations import Calibrations

        return self._part("calibrations", lambda: Calibrations(lambda: self.store))

    @property
    def judging(self) -> "Judging":
        """A model's judgements of a run's answers."""
        from app.runs.judging import Judging

        return self._part("judging", lambda: Judging(self.settings, self.evaluations))

    @property
    def quality(self) -> "Quality":
        """Rules that score new traces, and what they say of late."""
        from app.quality.watch import Quality

        def make() -> Quality:
            busy = lambda: self.in_flight.count > 0  # noqa: E731
            return Quality(self.settings, lambda: self.store, self.calibrations, self.judging, busy)

        return self._part("quality", make)

    @property
    def playground(self) -> "Playground":
        """Asking a trace's question again."""
        from app.traces.playground import Playground

        def keep(trace: Trace) -> str | None:
            return self.asking.keep(trace).not_stored

        return self._part("playground", lambda: Playground(self.backend, keep, self.settings.deadline_s))

    @property
    def store(self) -> TraceStore:
        """The trace store, opened on first use. Raises StoreError."""
        with self._store_lock:
            if self._store is None:
                masker = self.masker  # which may be refused, before a store is made
                self._make_data_dir()
                self._store = TraceStore.open(self.settings.store_url, masker=masker, give_way=give_way)
            return self._store

    @property
    def masker(self) -> "Masker | None":
        """What every text goes through before it is stored; None where nothing is to be masked. Raises ConfigError."""
        from metrics.masking import open_masker

        said = self.settings
        return self._part("masker", lambda: open_masker(said.mask, said.mask_patterns, said.mask_hook))

    def _mask(self, trace: Trace) -> Trace:
        """A trace that could not be stored, as it may be shown and sent."""
        from metrics.masking import mask_or_withhold

        return mask_or_withhold(trace, lambda: self.masker)

    @property
    def retention(self) -> "Retention":
        """Deletes what is too old, in the background of a dashboard."""
        from metrics.retention import Retention, Rule

        rule = Rule.read(self.settings.keep_days, self.settings.keep_traces, self.settings.keep_tags)
        return self._part("retention", lambda: Retention(lambda: self.store, rule))

    def backend(self, name: str, *, build: bool = True) -> Backend:
        """An open backend, ready to answer: its index is built first if there is none, unless told not to.

        Raises ConfigError or Unavailable.
        """
        with self._backends_lock:
            if name not in self._backends:
                self._make_data_dir()
                backend = self._open_backend(name, self.settings.backend_config())
                self._backends[name] = backend
            backend = self._backends[name]
            if build and isinstance(backend, HoldsCorpus) and not backend.corpus.has_index():
                self._build_missing(backend.corpus)
            return backend

    def corpus(self, name: str, *, build: bool = True) -> "LocalCorpus | None":
        """The corpus of a backend; None where the backend's documents are kept elsewhere. build: its first index, if there is none."""
        backend = self.backend(name, build=build)
        return backend.corpus if isinstance(backend, HoldsCorpus) else None

    def is_stale(self, name: str) -> bool:
        """Whether documents changed since an open backend's index was built; False for one that is not open yet."""
        backend: object = self._backends.get(name)
        try:
            return isinstance(backend, HoldsCorpus) and backend.corpus.state().stale
        except StoreError:
            return False

    def listen(self, host: str, port: int) -> None:
        """Say where the dashboard listens, before the first question: on it depend who must show a key and which traces would come back."""
        self.settings = replace(self.settings, host=host, port=port)
        self.target = read_target(self.settings.otlp_endpoint, host, port)
        if self.target is None or self.target.why_not:
            self._sender = None
        elif self._sender is None:
            self._sender = TraceSender(self._open_collector)

    def backend_names(self) -> Mapping[str, str | None]:
        """Every known backend, with why it cannot be used here, or None."""
        shipped = {name: registry.why_missing(name) for name in registry.names()}
        return {**shipped, **registry.configured(self.settings.backend_config())}

    def make_usual(self, backend: str) -> None:
        """Let a backend answer unless another is picked, as RAGLASS_BACKEND would, before the first question.

        A Python function is imported only where it was named so.
        """
        self.settings = replace(self.settings, backend=backend)
        self.asking = Asking(self.settings, self.backend, lambda: self.store, self.in_flight, self._report, self._mask)

    def usable_backends(self) -> list[str]:
        """Backends that can be used here."""
        return [name for name, missing in self.backend_names().items() if missing is None]

    def _open_collector(self) -> TraceSink:
        from metrics.otlp.collector import Collector
        from metrics.otlp.spans_out import Hiding

        assert self.target is not None
        hiding = Hiding(self.settings.otlp_hide_texts, self.settings.otlp_hide_vectors)
        return Collector(self.target, version("raglass"), hiding)

    def _report(self, trace: Trace) -> None:
        """Tell others of a question's trace, without waiting for them."""
        if self._emitter is not None:
            self._emitter.emit(trace)
        if self._sender is not None:
            self._sender.send(trace)

    @property
    def sent(self) -> SendCounts | None:
        """What became of the traces sent to a collector; None where none are sent."""
        return None if self._sender is None else self._sender.counts

    @property
    def emitted(self) -> EmitCounts | None:
        """What became of the measures sent to CloudWatch; None where none are sent."""
        return None if self._emitter is None else self._emitter.counts

    def status(self, backend: str | None = None) -> "Status":
        """How every part is. backend: the one to look at, else the usual one."""
        from app.alerting.words import alerts_part
        from app.ingesting.words import receiving_part
        from app.status.keeping import keeping_part, masking_part
        from app.status.readiness import read_status, sending_part

        receiving = receiving_part(
            self.settings, self.receiving.received, self.receiving.waiting, keys_needed=self.guard.needs_key(None)
        )
        return read_status(
            self.settings,
            self.backend_names(),
            self.backend,
            lambda: self.store,
            sending_part(self.target, self.sent),
            backend,
            alerting=alerts_part(self.alarms),
            others=(receiving, keeping_part(lambda: self.store, self.retention), masking_part(lambda: self.masker)),
        )

    def check_ready(self) -> dict[str, str | None]:
        """What keeps this process from answering, by part: the default backend and the store; None is ready."""
        if self.in_flight.finishing:
            return {"process": "It is stopping. Another one may answer, or this one once it has been started again."}
        return {"backend": self._problem(self._check_backend), "store": self._problem(self._check_store)}

    def finish(self, limit_s: float = FINISH_S) -> None:
        """Take no more questions, see those in flight through and send their measures and traces, so that ending loses nothing."""
        waiting = self.in_flight.count
        if waiting:
            log.warning("stopping once %d question(s) in flight are answered, in %g s at the latest", waiting, limit_s)
        left = self.in_flight.finish(limit_s)
        if left:
            log.error(
                "%d question(s) were not answered within %g s; they are given up and leave no trace", left, limit_s
            )
        for outward in (self._emitter, self._sender):
            if outward is not None:
                outward.flush(CLOSE_S)
        if waiting:
            time.sleep(SHOW_S)

    def close(self) -> None:
        """Close what is open, after questions in flight unless `finish` saw to them. Calling it twice is harmless."""
        if not self.in_flight.finishing:
            self.finish(CLOSE_S)
        drop_book(self._audit)
        for name in ("retention", "quality", "alarms"):
            if name in self._parts:
                self._parts[name].stop()
        if "receiving" in self._parts:
            self._parts["receiving"].close()
        for name in ("indexing", "run_jobs"):
            if name in self._parts:
                self._parts[name].close(CLOSE_S)
        if "lab" in self._parts:
            self._parts["lab"].jobs.close(CLOSE_S)
        for outward in (self._emitter, self._sender):
            if outward is not None:
                outward.close(CLOSE_S)
        with self._backends_lock:
            for backend in self._backends.values():
                backend.close()
            self._backends.clear()
        with self._store_lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def _part(self, name: str, make: Callable[[], Part]) -> Part:
        """A part of this process that is made on first use, by whichever thread comes first."""
        with self._parts_lock:
            if name not in self._parts:
                self._parts[name] = make()
            part: Part = self._parts[name]
            return part

    def _build_missing(self, corpus: "LocalCorpus") -> None:
        """Build the first index, unless an indexing job is about to."""
        if "indexing" in self._parts and self.indexing.running:
            return
        started = time.monotonic()
        try:
            manifest = corpus.build(_Waits())
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
            make_private(self.settings.data_dir)
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


class _Waits:
    """Says once that a build waits for another one: nobody watches this one."""

    def __init__(self) -> None:
        self._said = False

    def __call__(self, progress: "Progress") -> None:
        if progress.step == "wait" and not self._said:
            self._said = True
            log.warning("another build of this index is running; waiting for it to end")


@cache
def services() -> Services:
    """This process's services, made from the environment on first use."""
    price_table()  # so that a file without prices is told of at once
    return Services(Settings.from_environ())
