"""What models cost by the token, as a series: from the traces themselves, each read once or twice, for as long as a rule asks for it."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from app.alerting.rules import Rule
from app.alerting.series import Grid, Point, Series, slide
from metrics.latency import MINUTE_S
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from metrics.token_costs import cost_of
from pipeline.errors import Unavailable

DAY_S = 86_400

LATE_S = 300
"""Traces that were asked so long before the newest look are read again: some come late."""

EVERY_S = 60.0
"""Between two looks for new traces."""

MOST = 200_000
"""Traces that one look reads."""


@dataclass(slots=True)
class _Spent:
    """What is known of a backend."""

    parts: dict[int, tuple[float, int]] = field(default_factory=dict)
    """US dollars by minute, and the traces whose cost is known."""
    since_s: float = float("inf")
    """From when on traces were read."""
    until_s: float = 0.0
    """Until when."""


class CostReader:
    """US dollars over a window, which is a day unless said otherwise. What has no known price is not counted, and so is no 0."""

    def __init__(self, store: Callable[[], TraceStore], clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock
        self._lock = threading.Lock()
        self._spent: dict[str, _Spent] = {}

    def series(self) -> Sequence[Series]:
        """The cost of a day."""
        return [Series("cost", "Cost of models", "usd", threshold="10", window_s=DAY_S, for_s=0, minimum=1)]

    def read(self, rule: Rule, grid: Grid) -> list[Point]:
        """A point for each end of the grid. Raises Unavailable for more traces than are read."""
        with self._lock:
            spent = self._spent.setdefault(rule.backend, _Spent())
            if grid.since_s < spent.since_s:
                spent = self._spent[rule.backend] = _Spent(since_s=grid.since_s)
            now_s = self._clock()
            if now_s - spent.until_s >= EVERY_S:
                self._catch_up(rule.backend, spent, now_s)
            return slide(spent.parts, grid, total=True)

    def _catch_up(self, backend: str, spent: _Spent, now_s: float) -> None:
        """Read what was asked since the last look, and shortly before it."""
        from_s = max(spent.since_s, spent.until_s - LATE_S) // MINUTE_S * MINUTE_S
        query = TraceQuery(backends=frozenset({backend}), asked_from=from_s)
        new: dict[int, tuple[float, int]] = {}
        for place, stored in enumerate(islice(self._store().export(query), MOST + 1)):
            if place >= MOST:
                raise Unavailable(
                    f"{backend} has more than {MOST:,} traces to add up the cost of; take a shorter window."
                )
            cost = cost_of(stored.trace)
            if cost is not None and not cost.unknown:
                minute = int(stored.trace.asked_at // MINUTE_S * MINUTE_S)
                usd, count = new.get(minute, (0.0, 0))
                new[minute] = (usd + cost.usd, count + 1)
        spent.parts = {minute: part for minute, part in spent.parts.items() if minute < from_s} | new
        spent.until_s = now_s
        # Of a window of a day and a preview of another nothing older is asked for.
        oldest_s = now_s - 3 * DAY_S
        spent.parts = {minute: part for minute, part in spent.parts.items() if minute >= oldest_s}

    def behind(self, rule: Rule, since_s: float, until_s: float) -> TraceQuery:
        """The newest traces: which of them cost most their list does not know."""
        return TraceQuery(backends=frozenset({rule.backend}), asked_from=since_s, asked_to=until_s)
