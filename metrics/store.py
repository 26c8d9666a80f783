"""`TraceStore`: where every trace is kept, searched, annotated and counted.

It owns what a caller sees: durability, freshness and errors. It refuses to know SQL dialects (`metrics.database`), how a
list is found (`metrics.paging`) and how derived data is kept (`metrics.folding`). Why it is built this way:
docs/adr/0002-trace-store.md.
"""

import logging
import math
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from metrics import explanations, faults, latency, paging, payloads, search
from metrics.database import Database, open_database
from metrics.folding import BATCH, Folder, fold
from metrics.keys import KeyRing
from metrics.queries import (
    MAX_NOTE_CHARS,
    MAX_PAGE_ROWS,
    Cursor,
    Position,
    StoredTrace,
    TracePage,
    TraceQuery,
    decode_cursor,
    encode_cursor,
)
from metrics.runs import RunLog
from metrics.tables import outbox, state, traces
from metrics.tables import payloads as payload_table
from pipeline.errors import InputError, StoreError
from pipeline.types import Trace

log = logging.getLogger(__name__)

READ_FOLD_LIMIT = 16 * BATCH
"""Traces that a read folds before it answers; in a flood the rest follow within seconds, and counts include them."""

EXPORT_BATCH = 200
"""Traces held in memory by an export."""

LATEST_TIME_S = 253_402_300_800.0
"""The year 10000; a later time was never meant as seconds."""


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """How the store is."""

    ok: bool
    """Whether it can be read."""
    location: str
    """Where it is, without any password."""
    detail: str
    """What it holds, or what is wrong and what to do."""
    traces: int = 0
    """Stored traces."""
    waiting: int = 0
    """Of these, not yet in lists and sketches."""
    stored_bytes: int = 0
    """Space taken on disk."""


class TraceStore:
    """Traces in SQLite or PostgreSQL. Threads and processes may share one; every error is a StoreError.

    ```python
    with TraceStore.open("sqlite:///traces.sqlite") as store:
        store.put(trace)
        page = store.page(TraceQuery(search="what is (a", error="none"), limit=50)
        print(f"{page.matched} of {page.total}")
    ```
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._closed = False
        self._folder = Folder(database, self._explained)

    @classmethod
    def open(cls, url: str, *, busy_timeout_s: float = 5.0) -> Self:
        """Open the store at a SQLAlchemy URL, making or migrating it if need be.

        url: `sqlite:///path/to/file` or `postgresql+psycopg://user:password@host/name`.
        busy_timeout_s: how long to wait for another process that holds a lock.
        Raises ConfigError for a URL that cannot be a store, StoreError for a store that cannot be used.
        """
        return cls(open_database(url, busy_timeout_s))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"TraceStore({self._database.location!r})"

    def _explained(self) -> AbstractContextManager[None]:
        return faults.explained(self._database.location, self._database.busy_timeout_s)

    @property
    def runs(self) -> RunLog:
        """Batch evaluations, kept in the same database."""
        return RunLog(self._database, self._explained)

    @property
    def keys(self) -> KeyRing:
        """Keys of applications that send traces or read them."""
        return KeyRing(self._database, self._explained)

    def put(self, trace: Trace) -> None:
        """Store a trace. Once this returns, the trace survives the process, even if it is killed.

        A trace id that is stored already is left as it is. Raises InputError for a trace that no reader could place
        (no time, no duration), StoreError if it could not be stored.
        """
        self.put_all([trace])

    def put_all(self, asked: Sequence[Trace]) -> None:
        """Store traces, all or none, as `put` does."""
        for trace in asked:
            if not 0 <= trace.asked_at < LATEST_TIME_S or not math.isfinite(trace.duration_ms):
                raise InputError(
                    f"The trace {trace.trace_id} was asked at {trace.asked_at} and took {trace.duration_ms} ms; it was not stored. "
                    "Give seconds since the epoch and a finite duration."
                )
        if self._closed:
            raise StoreError(
                f"The trace store {self._database.location} was closed; nothing was stored. Open it again."
            )
        rows = [(search.storable(trace.trace_id), payloads.encode(trace)) for trace in asked]
        try:
            self._database.append(rows)
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise faults.explain(error, self._database.location, self._database.busy_timeout_s) from error
        self._folder.wake()

    def get(self, trace_id: str) -> StoredTrace | None:
        """The trace and its feedback; None if it is not stored."""
        trace_id = search.storable(trace_id)
        with self._explained(), self._database.engine.connect() as connection:
            waiting = connection.scalar(select(outbox.c.payload).where(outbox.c.trace_id == trace_id))
            if waiting is not None:
                return StoredTrace(payloads.decode(waiting))
        # A new transaction: one begun before the trace left the outbox would still not see it in the list.
        with self._explained(), self._database.engine.connect() as connection:
            return next(_load(connection, traces.c.trace_id == trace_id), None)

    def annotate(self, trace_id: str, rating: int, note: str = "") -> None:
        """Say what people think of a trace, in place of what was said before.

        rating: 1 up, -1 down, 0 neither. Raises InputError for another rating, a note that is too long, an unknown trace.
        """
        if rating not in (-1, 0, 1):
            raise InputError(f"The rating is {rating}; give 1 (up), -1 (down) or 0 (neither).")
        if len(note) > MAX_NOTE_CHARS:
            raise InputError(f"The note has {len(note):,} characters; at most {MAX_NOTE_CHARS:,} are kept. Shorten it.")
        trace_id, note = search.storable(trace_id), search.storable(note)
        with self._explained():
            fold(self._database, trace_id=trace_id)
            with self._database.writing() as connection:
                _annotate(connection, trace_id, rating, note)

    def keep_explanation(self, trace_id: str, kind: str, data: Mapping[str, Any]) -> None:
        """Keep what an explanation of one kind scored, in place of what was kept before. data: JSON-ready."""
        with self._explained(), self._database.writing() as connection:
            explanations.keep(connection, search.storable(trace_id), kind, data)

    def explanations(self, trace_id: str) -> dict[str, dict[str, Any]]:
        """What was kept for a trace, by kind; what cannot be read is left out."""
        with self._explained(), self._database.engine.connect() as connection:
            return explanations.read(connection, search.storable(trace_id))

    def page(self, query: TraceQuery, *, after: Cursor | str | None = None, limit: int = 50) -> TracePage:
        """One page of the traces that a query matches, and how many there are. Reads no payload.

        after: `next` or `previous` of an earlier page of the same query; None for the first page.
        Raises InputError for a cursor that this list did not hand out, or a limit outside 1 to MAX_PAGE_ROWS.
        """
        if not 1 <= limit <= MAX_PAGE_ROWS:
            raise InputError(f"A page of {limit} traces cannot be shown; ask for between 1 and {MAX_PAGE_ROWS:,}.")
        position = None if after is None else decode_cursor(query, after)
        self._freshen()
        with self._explained(), self._database.engine.connect() as connection:
            listing = paging.plan(connection, query)
            rows = paging.select_rows(connection, listing, position, limit + 1)
            matched, total = paging.count_matched(connection, listing), paging.count_total(connection)
        more, rows = len(rows) > limit, rows[:limit]
        backward = position is not None and position.backward
        if backward:
            rows.reverse()
        before, behind = (more, True) if backward else (position is not None, more)
        return TracePage(
            rows=tuple(map(paging.to_row, rows)),
            matched=matched,
            total=total,
            next=_cursor(query, rows[-1], backward=False) if rows and behind else None,
            previous=_cursor(query, rows[0], backward=True) if rows and before else None,
        )

    def export(self, query: TraceQuery) -> Iterator[StoredTrace]:
        """Every trace that a query matches, in its order, as the store is when the first is taken.

        Memory stays constant: EXPORT_BATCH traces are held at a time. Close the iterator if you stop early.
        """
        self._freshen(whole=True)
        with self._explained(), self._database.engine.connect() as connection:
            listing = paging.plan(connection, query)
            position: Position | None = None
            while rows := paging.select_rows(connection, listing, position, EXPORT_BATCH):
                seqs = [row.seq for row in rows]
                loaded = {stored.trace.trace_id: stored for stored in _load(connection, traces.c.seq.in_(seqs))}
                yield from (loaded[row.trace_id] for row in rows)
                position = paging.to_position(query, rows[-1], backward=False)

    def latency(
        self, since: float, until: float, period_s: int = 60, backend: str | None = None
    ) -> list[latency.LatencyPoint]:
        """Percentiles by period, backend and stage (`total` is the whole trace); see `metrics.latency.read_latency`."""
        self._freshen()
        with self._explained(), self._database.engine.connect() as connection:
            return latency.read_latency(connection, since, until, period_s, backend)

    def latency_counts(self, since: float, until: float, period_s: int = 60) -> dict[int, int]:
        """How many timings each period holds: what `latency` gives for it changes only when this does."""
        self._freshen()
        with self._explained(), self._database.engine.connect() as connection:
            return latency.count_timings(connection, since, until, period_s)

    def fold(self) -> int:
        """Bring lists, search and sketches up to date with what is stored now; how many traces were waiting."""
        folded = 0
        with self._explained():
            while count := fold(self._database):
                folded += count
        return folded

    def _freshen(self, *, whole: bool = False) -> None:
        """Fold before a read, at most READ_FOLD_LIMIT traces unless `whole`.

        A locked store is read as it is: a list without the last second beats no list.
        """
        limit, folded = None if whole else READ_FOLD_LIMIT, 0
        try:
            with self._explained():
                while (limit is None or folded < limit) and (count := fold(self._database)):
                    folded += count
        except StoreError as error:
            if self._closed:
                raise
            log.warning("the list may lack the newest traces: %s", error)

    def count(self) -> int:
        """How many traces are stored."""
        with self._explained(), self._database.engine.connect() as connection:
            return paging.count_total(connection).value

    def backends(self) -> list[str]:
        """The names of all backends that have stored traces, sorted."""
        self._freshen()
        # Leaps from name to name in the index; SELECT DISTINCT would walk through every trace.
        names = select(func.min(traces.c.backend).label("name")).cte("names", recursive=True)
        following = select(func.min(traces.c.backend)).where(traces.c.backend > names.c.name).scalar_subquery()
        names = names.union_all(select(following).where(names.c.name.is_not(None)))
        with self._explained(), self._database.engine.connect() as connection:
            found = connection.scalars(select(names.c.name).where(names.c.name.is_not(None)))
            return sorted(name for name in found if name is not None)

    def version(self) -> str:
        """A token that differs once anything stored has changed, in whichever process: a key for caches."""
        waiting = select(func.count()).select_from(outbox).scalar_subquery()
        token = select(state.c.store_id, state.c.folded + waiting, state.c.annotations)
        with self._explained(), self._database.engine.connect() as connection:
            return "-".join(map(str, connection.execute(token).one()))

    def health(self) -> StoreHealth:
        """How the store is; never raises."""
        location = self._database.location
        try:
            with self._explained(), self._database.engine.connect() as connection:
                total = paging.count_total(connection).value
                waiting = connection.scalar(select(func.count()).select_from(outbox)) or 0
                stored_bytes = self._database.stored_bytes()
        except (StoreError, OSError) as error:
            return StoreHealth(False, location, str(error))
        return StoreHealth(
            True,
            location,
            f"traces stored: {total:,}; on disk: {stored_bytes / 1e6:.3g} MB",
            total,
            waiting,
            stored_bytes,
        )

    def close(self) -> None:
        """Stop folding and close every connection. Calling it twice is harmless."""
        if not self._closed:
            self._closed = True
            self._folder.stop()
            with self._explained():
                self._database.close()


def _cursor(query: TraceQuery, row: Any, *, backward: bool) -> Cursor:
    return encode_cursor(query, paging.to_position(query, row, backward=backward))


def _load(connection: Connection, where: Any) -> Iterator[StoredTrace]:
    """Whole traces from the list."""
    columns = (payload_table.c.payload, traces.c.rating, traces.c.note, traces.c.annotated_at)
    joined = traces.join(payload_table, payload_table.c.seq == traces.c.seq)
    for payload, rating, note, annotated_at in connection.execute(select(*columns).select_from(joined).where(where)):
        yield StoredTrace(payloads.decode(payload), rating or 0, note, annotated_at)


def _annotate(connection: Connection, trace_id: str, rating: int, note: str) -> None:
    columns = (traces.c.seq, traces.c.question, traces.c.answer)
    row = connection.execute(select(*columns).where(traces.c.trace_id == trace_id)).one_or_none()
    if row is None:
        raise InputError(f"There is no trace {trace_id[:64]!r} to annotate. Open it from the list of traces.")
    values = {"rating": rating or None, "note": note, "annotated_at": time.time()}
    connection.execute(update(traces).where(traces.c.seq == row.seq).values(values))
    search.reindex_text(connection, row.seq, search.fold_text(row.question, row.answer, note))
    connection.execute(update(state).values(annotations=state.c.annotations + 1))
