"""A circuit breaker: after repeated failures the API is left alone for a while, and the person is told so at once."""

import threading
import time
from collections.abc import Callable

from pipeline.errors import Unavailable

FAILURES = 5
"""Failures in a row that open the circuit."""

PAUSE_S = 30.0
"""How long it stays open before one question is let through to try."""


class CircuitBreaker:
    """Closed, open, or half open, when one call is on trial. Thread-safe."""

    def __init__(
        self, *, failures: int = FAILURES, pause_s: float = PAUSE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._pause_s, self._clock = failures, pause_s, clock
        self._failures = 0
        self._opened_at: float | None = None
        self._on_trial = False
        self._lock = threading.Lock()

    def check(self, what: str) -> None:
        """Let a call through, or raise Unavailable while the circuit is open."""
        with self._lock:
            if self._opened_at is None:
                return
            left_s = self._opened_at + self._pause_s - self._clock()
            if left_s <= 0 and not self._on_trial:
                self._on_trial = True
                return
            failures = self._failures
        raise Unavailable(
            f"{what} failed {failures} times in a row and is left alone; the next try is in {max(left_s, 1):.0f} s. "
            "`raglass status` and the Live page show what is wrong."
        )

    def succeeded(self) -> None:
        """A call got through: close the circuit."""
        with self._lock:
            self._failures, self._opened_at, self._on_trial = 0, None, False

    def failed(self) -> None:
        """A call did not get through; open the circuit if that was one too many, or the trial."""
        with self._lock:
            self._failures += 1
            if self._on_trial or self._failures >= self._most:
                self._opened_at, self._on_trial = self._clock(), False

    def undecided(self) -> None:
        """A call ended without showing whether the API works, by a throttle or a refusal: the next one may be the trial."""
        with self._lock:
            self._on_trial = False
