"""A study in a thread of its own, so that a page can leave it and come back; one at a time in a process."""

import logging
import threading
import time
from collections.abc import Callable, Generator

from app.lab.records import LabRecord, LabRecords
from app.lab.study import Step
from app.permitting.acting import acting_as, own_refusal, record, require, require_own, who
from app.permitting.roles import Role
from pipeline.errors import InputError, RaglassError

log = logging.getLogger(__name__)

KEEP_S = 5.0
"""How often what is known so far is kept."""

Begin = Callable[[threading.Event], Generator[Step, None, None]]
"""The steps of a study that ends early once the event is set."""


WHAT = "This study was started"


class LabJob:
    """One study while this process is at it."""

    def __init__(self, records: LabRecords, record: LabRecord, begin: Begin) -> None:
        self.record = record
        """As it was last kept."""
        self.step: Step | None = None
        """Where it is; None before it began."""
        self.by = who()
        """Who began it."""
        self._records, self._begin = records, begin
        self._stop, self._ended = threading.Event(), threading.Event()

    def start(self) -> "LabJob":
        """Begin, in a thread."""
        threading.Thread(target=self.work, name="lab", daemon=True).start()
        return self

    def stop(self) -> None:
        """Ask it to stop at the next step; what is known by then is kept. Takes whoever began it, or an admin. Raises NotPermitted."""
        require_own(self.by.name, WHAT)
        if not self.stopping:
            record("stopped a study", self.record.record_id)
        self.end()

    def refusal_to_stop(self) -> str:
        """Why who is acting may not stop it; empty if they may."""
        return own_refusal(self.by.name, WHAT, who())

    def end(self) -> None:
        """The same, whoever asks."""
        self._stop.set()

    @property
    def stop_event(self) -> threading.Event:
        """What is set to stop it."""
        return self._stop

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    @property
    def running(self) -> bool:
        """Whether it is at work."""
        return not self._ended.is_set()

    def wait(self, timeout_s: float | None = None) -> LabRecord:
        """Wait for the end, or for `timeout_s` seconds."""
        self._ended.wait(timeout_s)
        return self.record

    def work(self) -> LabRecord:
        """Take every step, and keep what is known as it goes on; what goes wrong is said in the record."""
        with acting_as(self.by):
            return self._work()

    def _work(self) -> LabRecord:
        started, spent = time.monotonic(), self.record.spent_s
        kept = started
        result = self.record.result
        problem = ""
        try:
            for step in self._begin(self._stop):
                self.step = step
                result = step.result if step.result is not None else result
                now = time.monotonic()
                if now - kept >= KEEP_S:
                    kept = now
                    self._keep(status="running", result=result, spent_s=spent + now - started)
        except RaglassError as error:
            problem = str(error)
        except Exception as error:
            log.exception("the study failed")
            problem = (
                f"The study failed with {type(error).__name__}; the details are in the log. What was measured is kept."
            )
        status = "failed" if problem else "stopped" if self._stop.is_set() else "finished"
        try:
            self._keep(status=status, result=result, problem=problem, spent_s=spent + time.monotonic() - started)
        except RaglassError as error:
            log.error("the study %s is %s, which could not be kept: %s", self.record.record_id, status, error)
            self.record = self.record.went_on(status="failed", problem=str(error))
        finally:
            self._ended.set()
        return self.record

    def _keep(self, **fields: object) -> None:
        record = self.record.went_on(**fields)
        self._records.keep(record)
        self.record = record


class LabJobs:
    """The studies of one process, one at a time."""

    def __init__(self) -> None:
        self.job: LabJob | None = None
        """The last one, going on or ended; None before the first."""
        self._lock = threading.Lock()

    def start(self, job: LabJob) -> LabJob:
        """Start a study in a thread. Takes an editor. Raises InputError while another is going on in this process, NotPermitted."""
        require(Role.EDITOR)
        with self._lock:
            if self.job is not None and self.job.running:
                raise InputError("A study is going on. Wait for it to end, or stop it, then start this one again.")
            self.job = job.start()
            return self.job

    def close(self, limit_s: float) -> None:
        """Stop the study that is going on and wait for its next step, at most `limit_s` seconds."""
        if self.job is not None:
            self.job.end()
            self.job.wait(limit_s)
