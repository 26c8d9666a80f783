"""Targets whose times are given, and the parts of a process that asks them; no real time passes."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from app.lab.parts import Parts
from pipeline.errors import ConfigError
from pipeline.types import Failure, Span, Trace
from tests.factories import make_trace


class Clock:
    """Seconds that pass only where somebody sleeps."""

    def __init__(self, now_s: float = 1_757_000_015.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds


class Timed:
    """Answers each question in a time that is given by its number among those that it was asked."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        took_ms: Callable[[int], float],
        *,
        fails: Callable[[int], bool] = lambda n: False,
        models: Mapping[str, str] | None = None,
    ) -> None:
        """models: what the settings of its traces say."""
        self.name, self._clock, self._took_ms, self._fails = name, clock, took_ms, fails
        self._settings = {"top_k": 5, **(models or {})}
        self.asked: list[str] = []

    def answer(self, question: str, **given: object) -> Trace:
        """A trace with half of the time in `generate`, a tenth in `embed`, inside a network where this is a stack."""
        number, took_ms = len(self.asked), self._took_ms(len(self.asked))
        self.asked.append(question)
        at_s = self._clock()
        self._clock.sleep(took_ms / 1000)
        inner = (Span("embed", 0, took_ms / 10), Span("generate", took_ms / 10, took_ms / 2))
        if self.name == "aws":
            inner = (
                Span("network", 0, took_ms, {"request_id": f"{number:08x}-aaaa"}),
                *(replace(span, parent_id="network") for span in inner),
            )
        error = Failure("Throttled", "Too many at once. Wait.", "generate") if self._fails(number) else None
        return make_trace(
            backend=self.name, asked_at=at_s, duration_ms=took_ms, spans=inner, error=error, settings=self._settings
        )


def parts_of(parts: Parts, *targets: Timed) -> Parts:
    """The parts of a process with these targets and no others."""
    known = {target.name: target for target in targets}

    def backend(name: str) -> Timed:
        if name not in known:
            raise ConfigError(f"There is no backend {name!r}.")
        return known[name]

    return replace(parts, backend=backend)  # type: ignore[arg-type]


def never() -> threading.Event:
    """An event that nobody sets."""
    return threading.Event()


class Workers:
    """An executor of `count` workers in a time that does not pass by itself: each call begins once one of them is free."""

    def __init__(self, clock: Clock, count: int) -> None:
        self._clock, self._free_s = clock, [0.0] * count

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        self._clock.now_s = max(self._clock.now_s, *self._free_s)

    def submit(self, work: Callable[[int], None], place: int) -> None:
        """Do the work in the time of the worker that is free first."""
        now_s, worker = self._clock(), self._free_s.index(min(self._free_s))
        self._clock.now_s = max(now_s, self._free_s[worker])
        work(place)
        self._free_s[worker], self._clock.now_s = self._clock(), now_s


class InTurn:
    """An executor that does everything at once in the dispatcher's own thread: a worker alone, and all that is due waits for it."""

    def __enter__(self) -> "InTurn":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, work: Callable[[int], None], place: int) -> None:
        """Do the work."""
        work(place)
