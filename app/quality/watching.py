"""`Watcher`: scores new traces in the background of a dashboard, from the store, a few at a time, so that no answer waits for it.

What it has scored, and how far it has come, is in the store: it goes on where it was, whichever process begins again.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from typing import Protocol

from app.quality.rules import CalibrationOf, score_trace
from evaluation.calibrating import Calibration
from metrics.quality import Unscored
from metrics.store import TraceStore
from pipeline.background import Background
from pipeline.errors import RaglassError
from pipeline.types import Trace

log = logging.getLogger(__name__)

PERIOD_S = 1.0
"""Between two looks where nothing waits: as often as traces are folded."""

BATCH = 16
"""Traces that are read, and whose scores are written, at once."""

GIVE_WAY_S = 0.05
"""The longest that one trace's scoring gives way to what is more urgent."""

STEP_S = 0.002
"""Between two looks whether it is over by now."""

STOP_S = 5.0
"""The longest that ending waits."""

MOST_REMEMBERED = 100
"""Calibrations that are kept in memory."""


class Pass(Protocol):
    """One look at what waits."""

    def __call__(self) -> int:
        """Work on some of it; how many traces. Raises RaglassError."""


class Loop:
    """Calls a pass again and again in a thread, from `start` to `stop`: at once while something waits, else each PERIOD_S."""

    def __init__(self, look: Pass, name: str) -> None:
        self._look = look
        self._background = Background(**{name: self._run})
        self.problem = ""
        """Why the last look failed; empty if it did not."""

    def start(self) -> None:
        """Begin."""
        self._background.start()

    def stop(self) -> None:
        """End after what is being worked on; a model that is slow to answer is not waited for longer than STOP_S."""
        self._background.stop(STOP_S)

    @property
    def stopping(self) -> bool:
        """Whether it is to stop."""
        return self._background.stopping.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait; whether it is to stop."""
        return self._background.stopping.wait(seconds)

    def _run(self) -> None:
        while not self._background.stopping.is_set():
            done = 0
            try:
                done = self._look()
                self.problem = ""
            except RaglassError as error:
                if str(error) != self.problem:
                    log.warning("quality is not scored now: %s", error)
                self.problem = str(error)
            except Exception:  # of the store, a judge or a rule: a thread that ended would score nothing any more
                log.exception("scoring quality failed; it is tried again")
                self.problem = "It failed; the details are in the log. It is tried again."
            if not done and self._background.stopping.wait(PERIOD_S):
                return


class Watcher:
    """Scores new traces by the rules that need no judge."""

    def __init__(
        self,
        store: Callable[[], TraceStore],
        calibration_of: CalibrationOf,
        *,
        share: float = 1.0,
        per_s: float = 50.0,
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        """share: of traces that are scored, in [0, 1]. per_s: traces a second at most. busy: whether a question or a page comes first."""
        self._store, self._calibration_of = store, calibration_of
        self._share, self._per_s, self._busy = share, per_s, busy
        self._begun = False
        self.loop = Loop(self.look, "quality")

    def look(self) -> int:
        """Score some of what waits; how many traces were looked at. Raises StoreError."""
        scores = self._store().quality
        if not self._begun:
            scores.begin("scored", time.time())
            self._begun = True
        waiting = scores.waiting("scored", BATCH)
        if not waiting:
            return 0
        started = time.monotonic()
        found = {each.seq: self._score(each) for each in waiting}
        # Traces that are scored again have smaller numbers than those that are new: the largest is how far this has come.
        scores.put("scored", found, max(found))
        scored = sum(map(bool, found.values()))
        self.loop.wait(max(0.0, scored / self._per_s - (time.monotonic() - started)))
        return len(waiting)

    def _score(self, each: Unscored) -> dict[str, float | None]:
        if each.trace is None or not in_sample(each.trace.trace_id, self._share):
            return {}
        give_way(self._busy)
        try:
            return score_trace(each.trace, self._calibration_of)
        except Exception:  # whatever a foreign trace holds, it must not keep those behind it waiting
            log.exception("the trace %s cannot be scored", each.trace.trace_id)
            return {}


def in_sample(trace_id: str, share: float, of: str = "quality") -> bool:
    """Whether a trace is in a sample of this share, in [0, 1]: the same in every process. of: what is sampled for."""
    drawn = int.from_bytes(hashlib.sha256(f"{of} {trace_id}".encode()).digest()[:8], "big")
    return drawn < share * 2**64


def give_way(busy: Callable[[], bool]) -> None:
    """Wait while something else is more urgent, for GIVE_WAY_S at most: two threads of one process share one interpreter."""
    end = time.monotonic() + GIVE_WAY_S
    while busy() and time.monotonic() < end:
        time.sleep(STEP_S)


class Remembered:
    """Calibrations, looked up again for what answered only once what is known is older than `for_s` seconds."""

    def __init__(self, calibration_of: CalibrationOf, key: Callable[[Trace], str], for_s: float = 60.0) -> None:
        """key: what a trace's calibration is known by."""
        self._calibration_of, self._key, self._for_s = calibration_of, key, for_s
        self._known: dict[str, tuple[float, Calibration | None]] = {}

    def __call__(self, trace: Trace) -> Calibration | None:
        named, now = self._key(trace), time.monotonic()
        known = self._known.get(named)
        if known is None or now - known[0] > self._for_s:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[named] = known = (now, self._calibration_of(trace))
        return known[1]
