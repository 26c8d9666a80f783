"""`TraceStore`: where every trace is kept, searched, annotated and counted.

It owns what a caller sees: durability and errors. It refuses to know SQL dialects (`metrics.database`), how a list is found
(`metrics.paging`) or brought up to date (`metrics.freshness`) and how derived data is kept (`metrics.folding`). Why it is
built this way: docs/adr/0002-trace-store.md.
"""

import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

from sqlalchemy.exc import SQLAlchemyError

from metrics import explanations, faults, feedback, labels, latency, paging, payloads, pieces, search, whole_traces
from metrics.alerts import AlertLog
from metrics.audit import AuditLog
from metrics.costs import CostReader
from metrics.database import Database, open_database
from metrics.folding import Folder
from metrics.forgetting import NAMED, Forgotten, Sparing, forget, survey
from metrics.freshness import Freshness
from metrics.health import StoreHealth, examine, read_changes, read_version
from metrics.keys import KeyRing
from metrics.labels import LabelKind
from metrics.masking import Masker
from metrics.measured import Measured
from metrics.merging import Assemble, assemble
from metrics.otlp.records import SpanRecord, encode_records
from metrics.outcomes import Outcomes
from metrics.pieces import WaitingPieces
from metrics.prompts import SavedPrompts
from metrics.quality import QualityScores
from metrics.queries import Count, Cursor, StoredTrace, TracePage, TraceQuery, check_page_rows, decode_cursor
from metrics.runs import RunLog
from metrics.sessions import SessionPosition, SessionRow, list_sessions
from metrics.upkeep import Upkeep
from metrics.views import SavedViews
from pipeline.errors import StoreError
from pipeline.types import Trace


class TraceStore:
    """Traces in SQLite or PostgreSQL. Threads and processes may share one; every error is a StoreError.

    ```python
    with TraceStore.open("sqlite:///traces.sqlite") as store:
        store.put(trace)
        page = store.page(TraceQuery(search="what is (a", error="none"), limit=50)
        print(f"{page.matched} of {page.total}")
    ```
    """

    def __init__(
        self,
        database: Database,
        assembling: Assemble = assemble,
        masker: Masker | None = None,
        give_way: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._masker = masker
        self._closed = False
        self._assembling = assembling
        self._folder = Folder(database, self._explained, assembling, give_way)
        self._freshness = Freshness(self._folder, self._explained, lambda: self._closed)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        busy_timeout_s: float = 5.0,
        assembling: Assemble = assemble,
        masker: Masker | None = None,
        give_way: Callable[[], None] = lambda: None,
    ) -> Self:
        """Open the store at a SQLAlchemy URL, making or migrating it if need be.

        url: `sqlite:///path/to/file` or `postgresql+psycopg://user:password@host/name`.
        busy_timeout_s: how long to wait for another process that holds a lock.
        assembling: what makes a trace of spans. masker: what every text goes through before it is stored; None for as it is.
        give_way: called by the thread that folds, every few traces; it may wait a moment.
        Raises ConfigError for a URL that cannot be a store, StoreError for a store that cannot be used.
        """
        return cls(open_database(url, busy_timeout_s), assembling, masker, give_way)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"TraceStore({self._database.location!r})"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn any error of the database raised inside into the StoreError that explains it."""
        with faults.explained(self._database.location, self._database.busy_timeout_s):
            try:
                yield
            except (SQLAlchemyError, sqlite3.Error) as error:
                if faults.may_be_schema(error):
                    self._database.check_revision()
                raise

    @property
    def runs(self) -> RunLog:
        """Batch evaluations, kept in the same database."""
        return RunLog(self._database, self._explained, self._mask_text)

    @property
    def upkeep(self) -> Upkeep:
        """What is done to the store as a whole."""
        return Upkeep(self._database, self._explained, lambda: self._freshness.renew(whole=True))

    @property
    def keys(self) -> KeyRing:
        """Keys of applications that send traces or read them."""
        return KeyRing(self._database, self._explained)

    @property
    def audit(self) -> AuditLog:
        """Who changed what."""
        return AuditLog(self._database, self._explained)

    @property
    def prompts(self) -> SavedPrompts:
        """Prompts that people gave a name, kept in the same database."""
        return SavedPrompts(self._database, self._explained)

    @property
    def quality(self) -> QualityScores:
        """What rules say of traces, kept in the same database."""
        return QualityScores(self._database, self._explained)

    @property
    def costs(self) -> CostReader:
        """What traces used of models that are paid by the token."""
        return CostReader(self._database, self._explained, self._freshness.renew)

    @property
    def views(self) -> SavedViews:
        """Filters of the list that people gave a name, kept in the same database."""
        return SavedViews(self._database, self._explained)

    @property
    def alerts(self) -> AlertLog:
        """Alerts, what raises them and what silences them, kept in the same database."""
        return AlertLog(self._database, self._explained)

    @property
    def outcomes(self) -> Outcomes:
        """How questions ended, by minute and by document."""
        return Outcomes(self._database, self._explained, self._freshness.renew)

    @property
    def measured(self) -> Measured:
        """Figures of any minutes, for whoever watches them."""
        return Measured(self._database, self._explained, self._freshness.renew)

    def put(self, trace: Trace) -> None:
        """Store a trace. Once this returns, the trace survives the process, even if it is killed.

        A trace id that is stored already is left as it is, unless only another application's spans are known of it.
        Raises InputError for a trace that no reader could place (no time, no duration), StoreError if it could not be stored.
        """
        self.put_all([trace])

    def put_all(self, asked: Sequence[Trace]) -> Sequence[Trace]:
        """Store traces, all or none, as `put` does; returns them as they are stored, which is masked."""
        for trace in asked:
            payloads.check_placeable(trace)
        self._check_open()
        if self._masker is not None:
            asked = [self._masker.mask_trace(trace) for trace in asked]
        rows = [(search.storable(trace.trace_id), payloads.encode(trace)) for trace in asked]
        with self._explained():
            self._database.append(rows)
        self._folder.wake()
        return asked

    def _mask_text(self, text: str) -> str:
        return text if self._masker is None else self._masker.mask_text(text)

    def put_spans(self, records: Sequence[SpanRecord]) -> None:
        """Store spans as they arrived, all or none. Once this returns, they survive the process, even if it is killed.

        Traces are made of them later: spans may come in any order, over any time, and twice. Raises StoreError if they could not be stored.
        """
        self._check_open()
        by_trace: dict[str, list[SpanRecord]] = {}
        for record in records if self._masker is None else self._masker.mask_records(records):
            by_trace.setdefault(record.trace_id, []).append(record)
        if not by_trace:
            return
        now = time.time()
        rows = [(search.storable(trace_id), now, encode_records(several)) for trace_id, several in by_trace.items()]
        with self._explained():
            self._database.append_pieces(rows)
        self._folder.wake()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(
                f"The trace store {self._database.location} was closed; nothing was stored. Open it again."
            )

    def get(self, trace_id: str) -> StoredTrace | None:
        """The trace with all that was sent of it, and its feedback; None if it is not stored."""
        with self._explained():
            return whole_traces.read(self._database, search.storable(trace_id), self._assembling)

    def annotate(self, trace_id: str, rating: int, note: str = "") -> None:
        """Say what people think of a trace, in place of what was said before.

        rating: 1 up, -1 down, 0 neither. Raises InputError for another rating, a note that is too long, an unknown trace.
        """
        feedback.check(rating, note)
        trace_id, note = search.storable(trace_id), search.storable(self._mask_text(note))
        with self._explained():
            self._folder.fold_traces(trace_id)
            self._folder.fold_pieces("all", time.time(), trace_id=trace_id)
            with self._database.writing() as connection:
                feedback.write(connection, trace_id, rating, note)

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
        check_page_rows(limit)
        position = None if after is None else decode_cursor(query, after)
        self._freshness.renew()
        with self._explained(), self._database.engine.connect() as connection:
            return paging.read_page(connection, query, position, limit)

    def matched(self, query: TraceQuery) -> Count:
        """How many traces a query matches, as its pages say; no row is read, nor sorted."""
        self._freshness.renew()
        with self._explained(), self._database.engine.connect() as connection:
            return paging.count_query(connection, query)

    def export(self, query: TraceQuery) -> Iterator[StoredTrace]:
        """Every trace that a query matches, in its order, as the store is when the first is taken.

        Memory stays constant: a batch of traces is held at a time. Close the iterator if you stop early.
        """
        self._freshness.renew(whole=True)
        with self._explained(), self._database.engine.connect() as connection:
            yield from whole_traces.stream(connection, query)

    def latency(
        self, since: float, until: float, period_s: int = 60, backend: str | None = None, origin: str | None = None
    ) -> list[latency.LatencyPoint]:
        """Percentiles by period, backend and stage (`total` is the whole trace); see `metrics.latency.read_latency`."""
        self._freshness.renew()
        with self._explained(), self._database.engine.connect() as connection:
            return latency.read_latency(connection, since, until, period_s, backend, origin)

    def latency_counts(
        self, since: float, until: float, period_s: int = 60, origin: str | None = None
    ) -> dict[int, int]:
        """How many timings each period holds: what `latency` gives for it changes only when this does, or `changes`."""
        self._freshness.renew()
        with self._explained(), self._database.engine.connect() as connection:
            return latency.count_timings(connection, since, until, period_s, origin)

    def changes(self) -> int:
        """Grows whenever a trace that was counted may have changed, by spans that came later. Deleted ones stay counted."""
        with self._explained(), self._database.engine.connect() as connection:
            return read_changes(connection)

    def fold(self) -> int:
        """Bring lists, search and sketches up to date with what is stored now; how many traces were waiting."""
        return self._freshness.fold()

    def forget(
        self,
        chosen: TraceQuery | Sequence[str],
        *,
        sparing: Sparing | None = None,
        dry_run: bool = False,
        on_progress: Callable[[Forgotten], object] = lambda _: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Forgotten:
        """Delete the traces of a query, or those with some ids, with all that is kept of them; see `metrics.forgetting.forget`.

        sparing: which of them stay all the same; unless said, those of runs, and of a query's also those with feedback or the tag `keep`.
        dry_run: only say what would be done.
        """
        spared = sparing or (Sparing() if isinstance(chosen, TraceQuery) else NAMED)
        self._freshness.renew(whole=True)
        with self._explained():
            if dry_run:
                return survey(self._database, chosen, spared)
            return forget(self._database, chosen, spared, on_progress, stopping)

    def count(self) -> int:
        """How many traces are stored."""
        with self._explained(), self._database.engine.connect() as connection:
            return paging.count_total(connection).value

    def known(self, trace_ids: Collection[str]) -> set[str]:
        """Which of some traces are stored, whole or in pieces, folded or not."""
        with self._explained(), self._database.engine.connect() as connection:
            return pieces.find_known(connection, trace_ids)

    def backends(self) -> list[str]:
        """The names of all backends that have stored traces, sorted."""
        self._freshness.renew()
        with self._explained(), self._database.engine.connect() as connection:
            return paging.list_backends(connection)

    def labels(self, kind: LabelKind, limit: int = 1_000) -> list[str]:
        """Tags, models, kinds of spans or services that traces have, in alphabetical order."""
        self._freshness.renew()
        with self._explained(), self._database.engine.connect() as connection:
            return labels.list_values(connection, kind, limit)

    def sessions(self, *, before: SessionPosition | None = None, limit: int = 50) -> list[SessionRow]:
        """Conversations, the one last spoken in first. before: the `position` of the last one of an earlier page.

        What is asked in one is a query: `TraceQuery(session=…, descending=False)`.
        Raises InputError for a limit outside 1 to MAX_PAGE_ROWS.
        """
        check_page_rows(limit)
        self._freshness.renew()
        with self._explained(), self._database.engine.connect() as connection:
            return list_sessions(connection, before, limit)

    def waiting_pieces(self) -> WaitingPieces:
        """How much of what applications sent is not folded yet: with too much of it, they should wait."""
        with self._explained(), self._database.engine.connect() as connection:
            return self._folder.settling.measure(connection, time.time())

    def version(self) -> str:
        """A token that differs once anything stored has changed, in whichever process: a key for caches."""
        with self._explained(), self._database.engine.connect() as connection:
            return read_version(connection)

    def health(self) -> StoreHealth:
        """How the store is; never raises."""
        try:
            with self._explained(), self._database.engine.connect() as connection:
                return examine(connection, self._database)
        except (StoreError, OSError) as error:
            return StoreHealth(False, self._database.location, str(error))

    def close(self) -> None:
        """Stop folding and close every connection. Calling it twice is harmless."""
        if not self._closed:
            self._closed = True
            self._folder.stop()
            with self._explained():
                self._database.close()
