"""A run in a thread of its own, so that a page can leave it and come back; one at a time in a process."""

import logging
import threading
from collections.abc import Callable, Iterator

from app.permitting.acting import acting_as, own_refusal, record, require, require_own, who
from app.permitting.roles import Role
from app.runs.evaluations import RunStep
from pipeline.errors import InputError, RaglassError

log = logging.getLogger(__name__)


WHAT = "This run was started"


class RunJob:
    """One run while this process is at it."""

    def __init__(self, begin: Callable[[threading.Event], Iterator[RunStep]]) -> None:
        """begin: the steps of a run that stops when the event is set."""
        self.step: RunStep | None = None
        """Where it is; None before it began."""
        self.problem = ""
        """Why it ended early; empty if it did not."""
        self.by = who()
        """Who began it."""
        self._begin = begin
        self._stop, self._go_on = threading.Event(), threading.Event()
        self._go_on.set()
        self._thread = threading.Thread(target=self._run, name="evaluation", daemon=True)

    def start(self) -> "RunJob":
        """Begin."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ask it to stop once the questions in flight are answered. Takes whoever began it, or an admin. Raises NotPermitted."""
        self._require_own()
        if not self.stopping:
            record("stopped a run", "" if self.step is None else self.step.run_id)
        self.end()

    def end(self) -> None:
        """The same, whoever asks."""
        self._stop.set()
        self._go_on.set()

    def pause(self) -> None:
        """Ask it to hand out no more questions until it is gone on with; the backend and its models stay open.

        Takes whoever began it, or an admin, as does going on. Raises NotPermitted.
        """
        self._require_own()
        if not self.stopping:
            self._go_on.clear()

    def go_on(self) -> None:
        """Go on after a pause."""
        self._require_own()
        self._go_on.set()

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait for the end, or for `timeout_s` seconds."""
        self._thread.join(timeout_s)

    @property
    def running(self) -> bool:
        """Whether it is still at work."""
        return self._thread.is_alive()

    @property
    def paused(self) -> bool:
        """Whether it was asked to pause, and not yet to go on."""
        return self.running and not self._go_on.is_set()

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def refusal_to_stop(self) -> str:
        """Why who is acting may not stop or pause it; empty if they may."""
        return own_refusal(self.by.name, WHAT, who())

    def _require_own(self) -> None:
        require_own(self.by.name, WHAT)

    def _run(self) -> None:
        try:
            with acting_as(self.by):
                for step in self._begin(self._stop):
                    self.step = step
                    self._go_on.wait()
        except RaglassError as error:
            self.problem = str(error)
        except Exception as error:
            log.exception("the run failed")
            self.problem = (
                f"The run failed with {type(error).__name__}; the details are in the log. What was answered is kept."
            )


class RunJobs:
    """The runs of one process, one at a time."""

    def __init__(self) -> None:
        self.job: RunJob | None = None
        """The last one, going on or ended; None before the first."""
        self._lock = threading.Lock()

    def start(self, begin: Callable[[threading.Event], Iterator[RunStep]]) -> RunJob:
        """Start a run, or go on with one, in a thread. Takes an editor.

        Raises InputError while another is going on in this process, NotPermitted.
        """
        require(Role.EDITOR)
        with self._lock:
            if self.job is not None and self.job.running:
                raise InputError("A run is going on. Wait for it to end, or stop it, then start this one again.")
            self.job = RunJob(begin).start()
            return self.job

    def is_at(self, run_id: str) -> bool:
        """Whether this process is at that run."""
        job = self.job
        return job is not None and job.running and job.step is not None and job.step.run_id == run_id

    def close(self, limit_s: float) -> None:
        """Stop the run that is going on and wait for the questions in flight, at most `limit_s` seconds."""
        if self.job is not None:
            self.job.end()
            self.job.wait(limit_s)
