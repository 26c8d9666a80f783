"""`Measured`: figures of any stretch of minutes, from the sketches and the list: what watches for thresholds reads, every few seconds."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, cast, func, select

from metrics.database import Database
from metrics.labels import bounded
from metrics.latency import MINUTE_S, choose_table
from metrics.search import storable
from metrics.sketches import Sketch
from metrics.tables import traces


@dataclass(frozen=True, slots=True)
class Stretch:
    """Spans of one stage that began within one stretch of minutes."""

    count: int
    """How many."""
    errors: int
    """How many of them failed."""
    sketch: Sketch
    """How long they took."""


class Measured:
    """Reading costs some rows a minute. Every error of the database is a StoreError."""

    def __init__(
        self, database: Database, explained: Callable[[], AbstractContextManager[None]], freshen: Callable[[], object]
    ) -> None:
        """freshen: brings the figures up to date before they are read."""
        self._database, self._explained, self._freshen = database, explained, freshen

    def stretches(
        self, backend: str, stage: str, ends: Sequence[int], length_s: int, origin: str | None = None
    ) -> list[Stretch]:
        """What one stage of a backend did in the `length_s` seconds before each of some times; `total` is the whole trace.

        ends: ascending, in seconds since the epoch, multiples of 60 as `length_s` is. origin: whence the questions came; None for all.
        """
        if not ends:
            return []
        self._freshen()
        first, last = (ends[0] - length_s) // MINUTE_S, ends[-1] // MINUTE_S
        table = choose_table(length_s // MINUTE_S, *(end // MINUTE_S for end in ends))
        query = select(table.c.minute, table.c.count, table.c.errors, table.c.sketch).where(
            table.c.minute >= first,
            table.c.minute < last,
            table.c.backend == bounded(backend),
            table.c.stage == storable(stage),
        )
        if origin is not None:
            query = query.where(table.c.origin == origin)
        with self._explained(), self._database.engine.connect() as connection:
            rows: dict[int, list[Any]] = {}
            for row in connection.execute(query):
                rows.setdefault(row.minute, []).append(row)
        return [_stretch(rows, end // MINUTE_S, length_s // MINUTE_S) for end in ends]

    def counts(self, stage: str, since_s: int, until_s: int) -> dict[tuple[str, str], tuple[int, int]]:
        """By backend and origin, how often a stage was gone through in some minutes, and how often it failed; `total` is all of a trace."""
        self._freshen()
        first, end = since_s // MINUTE_S, until_s // MINUTE_S
        table = choose_table(first, end)
        query = (
            select(table.c.backend, table.c.origin, func.sum(table.c.count), func.sum(table.c.errors))
            .where(table.c.minute >= first, table.c.minute < end, table.c.stage == storable(stage))
            .group_by(table.c.backend, table.c.origin)
        )
        with self._explained(), self._database.engine.connect() as connection:
            return {
                (backend, origin): (int(count), int(errors))
                for backend, origin, count, errors in connection.execute(query)
            }

    def abstentions(self, backend: str, since_s: int, until_s: int) -> dict[int, tuple[float, int]]:
        """By the beginning of each minute that has answers of a backend: how many abstained, and how many there are."""
        self._freshen()
        minutes = traces.c.asked_at / MINUTE_S
        # A cast rounds on PostgreSQL, and floor is missing in some builds of SQLite; of what is above 0 its cast takes the floor.
        is_postgres = self._database.engine.dialect.name == "postgresql"
        minute: Any = cast(func.floor(minutes) if is_postgres else minutes, Integer)
        query = (
            select(minute.label("minute"), func.sum(traces.c.abstained), func.count())
            .where(
                traces.c.backend == bounded(backend),
                traces.c.asked_at >= since_s,
                traces.c.asked_at < until_s,
                traces.c.error_kind.is_(None),
            )
            .group_by("minute")
        )
        with self._explained(), self._database.engine.connect() as connection:
            return {
                int(at) * MINUTE_S: (float(abstained), int(count)) for at, abstained, count in connection.execute(query)
            }


def _stretch(rows: dict[int, list[Any]], end: int, minutes: int) -> Stretch:
    found = [row for minute in range(end - minutes, end) for row in rows.get(minute, ())]
    sketch = Sketch.merged(row.sketch for row in found)
    return Stretch(sum(row.count for row in found), sum(row.errors for row in found), sketch)
