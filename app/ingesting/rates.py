"""How many spans a sender may bring: a token bucket for each.

A batch larger than what is left is taken all the same, and waited for afterwards.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

BURST_S = 5.0
"""Seconds of its rate that a sender who was quiet may bring at once."""

MAX_SENDERS = 10_000
"""Senders that are remembered; of those the ones that were quiet longest are forgotten first."""


class SpanRates:
    """One bucket a sender. Threads may share it."""

    def __init__(self, spans_per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = spans_per_s, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, sender: str) -> float:
        """How long the sender must wait before its next batch; 0 for not at all."""
        with self._lock:
            return max(0.0, -self._level(sender) / self._rate)

    def charge(self, sender: str, spans: int) -> None:
        """Note that the sender brought so many spans."""
        with self._lock:
            self._buckets[sender] = (self._level(sender) - spans, self._clock())
            self._buckets.move_to_end(sender)
            while len(self._buckets) > MAX_SENDERS:
                self._buckets.popitem(last=False)

    def _level(self, sender: str) -> float:
        """Spans that the sender may bring at once; negative after a batch that was larger."""
        full, now = self._rate * BURST_S, self._clock()
        level, at = self._buckets.get(sender, (full, now))
        return min(full, level + (now - at) * self._rate)
