"""What every part of the matrix shares: a question that is asked as a page asks it, and what must hold of it."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from app.asking.questions import Asked, Asking, Question
from app.config import Settings
from app.kit.streaming import InFlight
from metrics.store import TraceStore
from pipeline.protocols import Backend
from pipeline.types import Trace
from tests.withstand.gate import Fault

GRACE_S = 1.0
"""How long after its deadline a question may end."""

AFTERWARDS_S = 10.0
"""Deadline of a question to what is well again: that it is answered counts, not how busy the machine is."""

QUESTION = "Who proposed that continents drift?"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a cell of the matrix."""

    held: bool
    """Whether all held that must."""
    came_back: str
    """What came back, in a few words."""


class Part(Protocol):
    """A part that goes wrong."""

    name: str
    """As the table names it."""
    cannot: ClassVar[Mapping[Fault, str]]
    """Faults that it cannot have, each with why."""

    def try_fault(self, fault: Fault) -> Outcome:
        """Let it go wrong once, and be well again."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a matrix is tried."""

    folder: Path
    """For stores."""
    deadline_s: float
    """Of each question."""
    undo: ExitStack
    """Closes what was opened."""

    @property
    def late_s(self) -> float:
        """How long a reply takes that is too late."""
        return self.deadline_s + 0.3


class Asker:
    """Asks a backend, over a store, as a page does."""

    def __init__(
        self, backend: Backend, store: Callable[[], TraceStore], deadline_s: float, report: Callable[[Trace], object]
    ) -> None:
        self._name, self._store, self.deadline_s = backend.name, store, deadline_s
        self._asking = Asking(Settings(), lambda _: backend, store, InFlight(), report)

    def ask(self, *, rerank: bool = False, deadline_s: float | None = None) -> tuple[Asked, float]:
        """Ask once: the outcome, and the seconds that it took. deadline_s: where it is another than usual."""
        started = time.monotonic()
        asked = self._asking.ask(Question(QUESTION, self._name, 3, deadline_s or self.deadline_s, rerank))
        return asked, time.monotonic() - started

    def is_kept(self, asked: Asked) -> bool:
        """Whether the trace is stored just as it was shown."""
        stored = self._store().get(asked.trace.trace_id)
        return asked.not_stored is None and stored is not None and stored.trace == asked.trace


def judge(wrong: dict[str, bool], came_back: str) -> Outcome:
    """An outcome with all that was wrong, by what it is called."""
    complaints = [name for name, is_wrong in wrong.items() if is_wrong]
    return Outcome(not complaints, f"{came_back}: {', '.join(complaints)}" if complaints else came_back)
