"""A run, or another measurement, in a thread of its own, so that a page can leave it and come back; one of a kind at a time."""

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from app.permitting.acting import acting_as, own_refusal, record, require, require_own, who
from app.permitting.roles import Role
from pipeline.errors import InputError, RaglassError

log = logging.getLogger(__name__)


class RunsOn(Protocol):
    """Where something is that has an id."""

    @property
    def run_id(self) -> str:
        """Its id."""
        ...


Step = TypeVar("Step", bound=RunsOn)

Begin = Callable[[threading.Event], Iterator[Step]]
"""The steps of a run that stops when the event is set."""

RUN = "run"
"""What a job is called unless something else is said."""

ANSWERED = "What was answered is kept; it can be gone on with."
"""What becomes of a job that is stopped, unless something else is said."""


class RunJob(Generic[Step]):
    """One run while this process is at it."""

    def __init__(self, begin: Begin[Step], noun: str = RUN, kept: str = ANSWERED) -> None:
        """noun: what it is called, `run`. kept: what becomes of it where it is stopped."""
        self.kept = kept
        """What becomes of it where it is stopped, in a sentence."""
        self.step: Step | None = None
        """Where it is; None before it began."""
        self.problem = ""
        """Why it ended early; empty if it did not."""
        self.by = who()
        """Who began it."""
        self._begin, self._noun = begin, noun
        self._stop, self._go_on = threading.Event(), threading.Event()
        self._go_on.set()
        self._thread = threading.Thread(target=self._run, name="evaluation", daemon=True)

    def start(self) -> "RunJob[Step]":
        """Begin."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ask it to stop once the questions in flight are answered. Takes whoever began it, or an admin. Raises NotPermitted."""
        self._require_own()
        if not self.stopping:
            record(f"stopped a {self._noun}", "" if self.step is None else self.step.run_id)
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
        return own_refusal(self.by.name, f"This {self._noun} was started", who())

    def _require_own(self) -> None:
        require_own(self.by.name, f"This {self._noun} was started")

    def _run(self) -> None:
        try:
            with acting_as(self.by):
                for step in self._begin(self._stop):
                    self.step = step
                    self._go_on.wait()
        except RaglassError as error:
            self.problem = str(error)
        except Exception as error:
            log.exception("the %s failed", self._noun)
            self.problem = (
                f"The {self._noun} failed with {type(error).__name__}; the details are in the log. {self.kept}"
            )


class RunJobs(Generic[Step]):
    """The runs of one process, one at a time."""

    def __init__(self, noun: str = RUN, role: Role = Role.EDITOR, kept: str = ANSWERED) -> None:
        """noun: what one is called, `run`. role: that starting one takes. kept: what becomes of one that is stopped."""
        self.job: RunJob[Step] | None = None
        """The last one, going on or ended; None before the first."""
        self._noun, self._role, self._kept, self._lock = noun, role, kept, threading.Lock()

    def start(self, begin: Begin[Step]) -> RunJob[Step]:
        """Start a run, or go on with one, in a thread. Takes the role that it was made for.

        Raises InputError while another is going on in this process, NotPermitted.
        """
        require(self._role)
        with self._lock:
            if self.job is not None and self.job.running:
                raise InputError(
                    f"A {self._noun} is going on. Wait for it to end, or stop it, then start this one again."
                )
            self.job = RunJob(begin, self._noun, self._kept).start()
            return self.job

    def is_at(self, run_id: str) -> bool:
        """Whether this process is at that run."""
        job = self.job
        return job is not None and job.running and job.step is not None and job.step.run_id == run_id

    def forget(self) -> None:
        """Say no more of the last one, if it has ended."""
        with self._lock:
            if self.job is not None and not self.job.running:
                self.job = None

    def close(self, limit_s: float) -> None:
        """Stop the run that is going on and wait for the questions in flight, at most `limit_s` seconds."""
        if self.job is not None:
            self.job.end()
            self.job.wait(limit_s)
