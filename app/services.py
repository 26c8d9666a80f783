"""What one process has open: backends, the trace store, work that goes on; and the use cases over them.

Owns opening, holding, finishing and closing. A use case lives with its capability; what is here only hands it what it needs.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from app.asking.questions import Asking
from app.asking.reporting import Reporting
from app.config import Settings
from app.explaining.explanations import Explanations
from app.ingesting.precedence import give_way, is_making_page
from app.kit.open_backends import OpenBackends
from app.kit.privacy import make_data_dir
from app.kit.streaming import InFlight
from app.permitting.acting import drop_book, keep_book
from backends import registry
from metrics.prices import price_table
from metrics.store import TraceStore
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
    from app.runs.evaluations import Evaluations, RunStep
    from app.runs.job import RunJobs
    from app.runs.judging import Judging
    from app.runs.synthesis import Synthesis
    from app.stability.comparing import Comparisons
    from app.stability.drift import QuestionDrift
    from app.stability.measuring import MeasuredStep
    from app.status.readiness import Status
    from app.traces.playground import Playground
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


class Services:
    """Everything that a page or a command can ask for."""

    def __init__(
        self,
        settings: Settings,
        *,
        open_backend: Callable[[str, registry.BackendConfig], Backend] = registry.open_backend,
    ) -> None:
        self.settings = settings
        self._store: TraceStore | None = None
        self.backends = OpenBackends(lambda: self.settings, open_backend, self._is_indexing)
        """Backends that are open, and those that could be."""
        self.reporting = Reporting(settings)
        """What others are told of questions."""
        self.in_flight = InFlight()
        self.asking = self._make_asking()
        self.explanations = Explanations(
            self.backends.open, lambda: self.store, settings.deadline_s, self.backends.usable
        )
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

            return window_verdicts(check_questions(self.store, self.backends.corpus, QuestionPlan(backend)))

        scores = quality_reader(RULES.values(), lambda *given: self.store.quality.series(*given))
        return self._part("alarms", lambda: open_alarms(lambda: self.settings, lambda: self.store, drift, [scores]))

    @property
    def evaluations(self) -> "Evaluations":
        """Runs over datasets."""
        from app.runs.evaluations import Evaluations

        def make() -> Evaluations:
            config, keep = self.settings.backend_config, self.asking.keep_all
            return Evaluations(self.backends.open, self.backends.make, config, lambda: self.store, keep)

        return self._part("evaluations", make)

    @property
    def run_jobs(self) -> "RunJobs[RunStep]":
        """Runs that go on in the background."""
        from app.runs.job import RunJobs

        return self._part("run_jobs", RunJobs)

    @property
    def stability_jobs(self) -> "RunJobs[MeasuredStep]":
        """Measurements of stability that go on in the background."""
        from app.runs.job import RunJobs

        return self._part("stability_jobs", lambda: RunJobs("measurement"))

    @property
    def comparisons(self) -> "Comparisons":
        """Comparisons of drift that go on in the background."""
        from app.stability.comparing import Comparisons

        return self._part("comparisons", Comparisons)

    @property
    def question_drift(self) -> "QuestionDrift | None":
        """What the newest comparison of questions over time came to; None where this process has none."""
        job = self.comparisons.questions.job if "comparisons" in self._parts else None
        return None if job is None or job.running or job.step is None else job.step.found

    @property
    def lab(self) -> "Lab":
        """Studies over several choices."""
        from app.lab.catalogue import Lab
        from app.lab.parts import Parts

        def make() -> Lab:
            store, config = lambda: self.store, self.settings.backend_config
            return Lab(Parts(self.settings, self.backends.open, self.backends.make, config, self.evaluations, store))

        return self._part("lab", make)

    @property
    def synthesis(self) -> "Synthesis":
        """Questions written from the documents."""
        from app.runs.synthesis import Synthesis

        return self._part(
            "synthesis", lambda: Synthesis(self.backends.open, self.evaluations.datasets, self.settings.threads)
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
            busy = lambda: self.in_flight.count > 0 or is_making_page()  # noqa: E731
            return Quality(self.settings, lambda: self.store, self.calibrations, self.judging, busy)

        return self._part("quality", make)

    @property
    def playground(self) -> "Playground":
        """Asking a trace's question again."""
        from app.traces.playground import Playground

        def keep(trace: Trace) -> str | None:
            return self.asking.keep(trace).not_stored

        return self._part("playground", lambda: Playground(self.backends.open, keep, self.settings.deadline_s))

    @property
    def store(self) -> TraceStore:
        """The trace store, opened on first use. Raises StoreError."""
        with self._store_lock:
            if self._store is None:
                masker = self.masker  # which may be refused, before a store is made
                make_data_dir(self.settings.data_dir)
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

    def listen(self, host: str, port: int) -> None:
        """Say where the dashboard listens, before the first question: on it depend who must show a key and which traces would come back."""
        self.settings = replace(self.settings, host=host, port=port)
        self.reporting.listen(host, port)

    def make_usual(self, backend: str) -> None:
        """Let a backend answer unless another is picked, as RAGLASS_BACKEND would, before the first question.

        A Python function is imported only where it was named so.
        """
        self.settings = replace(self.settings, backend=backend)
        self.asking = self._make_asking()

    def status(self, backend: str | None = None) -> "Status":
        """How every part is. backend: the one to look at, else the usual one."""
        from app.alerting.words import alerts_part
        from app.ingesting.words import receiving_part
        from app.status.keeping import keeping_part, masking_part
        from app.status.machine import machine_part
        from app.status.readiness import read_status, sending_part

        receiving = receiving_part(
            self.settings, self.receiving.received, self.receiving.waiting, keys_needed=self.guard.needs_key(None)
        )
        return read_status(
            self.settings,
            self.backends.names(),
            self.backends.open,
            lambda: self.store,
            sending_part(self.reporting.target, self.reporting.sent),
            backend,
            alerting=alerts_part(self.alarms),
            others=(
                receiving,
                keeping_part(lambda: self.store, self.retention),
                masking_part(lambda: self.masker),
                machine_part(self.settings.data_dir),
            ),
        )

    def check_ready(self) -> dict[str, str | None]:
        """What keeps this process from answering, by part: the default backend and the store; None is ready."""
        from app.status.readiness import check_ready

        usual = self.settings.backend_name
        return check_ready(self.in_flight, lambda: self.backends.check(usual), lambda: self.store)

    def watch(self) -> None:
        """Score quality, watch for alerts and delete what is old, in the background, unless this process is ending."""
        with self._parts_lock:
            if not self.in_flight.finishing:
                for part in (self.retention, self.quality, self.alarms):
                    part.start()

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
        self.reporting.flush(CLOSE_S)
        if waiting:
            time.sleep(SHOW_S)

    def close(self) -> None:
        """Close what is open, after questions in flight unless `finish` saw to them. Calling it twice is harmless."""
        if not self.in_flight.finishing:
            self.finish(CLOSE_S)
        drop_book(self._audit)
        with self._parts_lock:  # what is being begun has begun, and nothing begins any more
            watching = [self._parts.pop(name) for name in ("retention", "quality", "alarms") if name in self._parts]
        for part in watching:
            part.stop()
        if "receiving" in self._parts:
            self._parts["receiving"].close()
        for name in ("indexing", "run_jobs", "stability_jobs", "comparisons"):
            if name in self._parts:
                self._parts[name].close(CLOSE_S)
        if "lab" in self._parts:
            self._parts["lab"].jobs.close(CLOSE_S)
        self.reporting.close(CLOSE_S)
        self.backends.close()
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

    def _is_indexing(self) -> bool:
        return "indexing" in self._parts and self.indexing.running

    def _make_asking(self) -> Asking:
        report = self.reporting.report
        return Asking(self.settings, self.backends.open, lambda: self.store, self.in_flight, report, self._mask)


@cache
def services() -> Services:
    """This process's services, made from the environment on first use."""
    price_table()  # so that a file without prices is told of at once
    return Services(Settings.from_environ())
