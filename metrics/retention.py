"""`Retention`: traces that are too old, or too many, are deleted in the background, by one process of all that share a store."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from metrics.forgetting import Forgotten
from metrics.store import TraceStore
from pipeline.background import Background
from pipeline.errors import RaglassError

log = logging.getLogger(__name__)

PERIOD_S = 3600.0
"""Between two rounds."""

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Rule:
    """Which traces are kept. What a run holds, or is rated or noted, always is."""

    keep_s: float | None = None
    """For so many seconds; None for ever."""
    keep_traces: int | None = None
    """So many of the newest; None for all."""
    tags: frozenset[str] = frozenset()
    """Those with one of these tags, whatever their age."""

    @classmethod
    def read(cls, days: float, keep_traces: int, tags: str) -> "Rule":
        """The rule that settings say: 0 for no bound, tags with commas between."""
        return cls(days * DAY_S if days else None, keep_traces or None, read_tags(tags))

    @property
    def bounded(self) -> bool:
        """Whether anything is ever deleted by it."""
        return self.keep_s is not None or self.keep_traces is not None


def read_tags(text: str) -> frozenset[str]:
    """Tags with commas between."""
    return frozenset(filter(None, map(str.strip, text.split(","))))


@dataclass(frozen=True, slots=True)
class Round:
    """What the last round of this process did."""

    ended_at: float
    """In seconds since the epoch."""
    done: Forgotten | None
    """What was deleted; None where another process was at it, or it failed."""
    problem: str = ""
    """Why it failed."""


class Retention:
    """Carries out a rule, now and then hourly, from `start` to `stop`."""

    def __init__(self, store: Callable[[], TraceStore], rule: Rule, period_s: float = PERIOD_S) -> None:
        self._store, self.rule, self._period_s = store, rule, period_s
        self._background = Background(retention=self._run)
        self.last: Round | None = None
        """The last round; None before the first has ended."""
        self.deleted = 0
        """How many traces this process has deleted by the rule."""

    def start(self) -> None:
        """Begin, unless nothing is ever to be deleted."""
        if self.rule.bounded:
            self._background.start()

    def stop(self) -> None:
        """End after the batch that is being deleted."""
        self._background.stop()

    def carry_out(self) -> Round:
        """One round. Never raises."""
        try:
            done = self._store().upkeep.forget_beyond(
                self.rule.keep_s, self.rule.keep_traces, self.rule.tags, self._background.stopping.is_set
            )
        except RaglassError as error:
            log.warning("old traces are not deleted now: %s", error)
            return Round(time.time(), None, str(error))
        except Exception:
            log.exception("deleting old traces failed; it is tried again")
            return Round(time.time(), None, "It failed; the details are in the log. It is tried again within the hour.")
        if done is not None:
            self.deleted += done.deleted
        return Round(time.time(), done)

    def _run(self) -> None:
        while not self._background.stopping.is_set():
            self.last = self.carry_out()
            self._background.stopping.wait(self._period_s)
