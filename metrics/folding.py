"""Folding: moving traces from the outbox, and spans from the pieces, into everything that is derived from them, each exactly once.

One transaction takes them out of where they waited and adds them to the list, the payloads, the search index and the sketches. Whoever
deletes the row that waited owns it, so that several processes may fold at the same time.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.exc import DatabaseError, OperationalError

from metrics import merging
from metrics.database import Database
from metrics.derived import Derived, derive, insert_traces
from metrics.migration import Outgrown
from metrics.pieces import MAX_TRACES, Piece, Scope, Settling
from metrics.tables import outbox, state, traces
from pipeline.errors import StoreError

log = logging.getLogger(__name__)

BATCH = 64
"""Traces folded in one transaction: some 20 ms, which is how long a `put` may have to wait for it."""

PERIOD_S = 1.0
"""How long a trace may lie in the outbox before the background thread folds it."""

PAUSE_S = 0.01
"""Between two batches at least; while something is stored, as long as the last one had a processor, so that both have half of the time."""

WITHOUT_END_S = -1.0
"""Waits for a lock as long as it takes."""

CHECKPOINT_AFTER = 512
"""Folded traces after which the database's log is moved into place."""

TIDY_AFTER = 2_000
"""Folded traces between two rounds of housekeeping."""


def fold_outbox(database: Database, *, limit: int = BATCH, trace_id: str | None = None) -> int:
    """Fold up to `limit` of the oldest traces in the outbox (or the one named); how many are folded now, by whomever."""
    statement = select(outbox).order_by(outbox.c.id).limit(limit)
    if trace_id is not None:
        statement = statement.where(outbox.c.trace_id == trace_id)
    with database.engine.connect() as connection:
        waiting = {row.trace_id: row.payload for row in connection.execute(statement)}
    prepared = {key: ready for key, payload in waiting.items() if (ready := _prepare(key, payload)) is not None}
    if prepared:
        with database.writing() as connection:
            # By trace, not by row: SQLite numbers from 1 again once another folder has emptied the outbox.
            taken = delete(outbox).where(outbox.c.trace_id.in_(prepared)).returning(outbox.c.trace_id)
            owned = set(connection.scalars(taken))
            _store(connection, {key: ready for key, ready in prepared.items() if key in owned}, waiting)
    return len(prepared)


def _prepare(trace_id: str, payload: bytes) -> Derived | None:
    """The trace made ready; None if its payload cannot be read, which must not keep the others waiting."""
    try:
        return derive(payload)
    except Exception:
        log.exception("trace %s cannot be read; it stays in the outbox", trace_id)
        return None


def _store(connection: Connection, taken: dict[str, Derived], payloads: dict[str, bytes]) -> None:
    origins = select(traces.c.trace_id, traces.c.origin).where(traces.c.trace_id.in_(taken))
    known = {row.trace_id: row.origin for row in connection.execute(origins)}
    new = [item for trace_id, item in taken.items() if trace_id not in known]
    insert_traces(connection, new)
    connection.execute(update(state).values(folded=state.c.folded + len(new)))
    sent = [trace_id for trace_id, origin in known.items() if origin == "application"]
    if sent:
        stored = merging.read_stored(connection, sent)
        merging.join_stored(connection, stored, {trace_id: payloads[trace_id] for trace_id in stored})


class PieceFolder:
    """Folds pieces, one batch after another."""

    def __init__(
        self, database: Database, assembling: merging.Assemble, give_way: Callable[[], None] = lambda: None
    ) -> None:
        self._database, self._assembling, self._give_way = database, assembling, give_way
        self.settling = Settling()

    def fold(self, scope: Scope, now: float, *, limit: int = MAX_TRACES, trace_id: str | None = None) -> int:
        """Fold the pieces of up to `limit` traces that came by now (or of the one named); of how many, by whomever."""
        with self._database.engine.connect() as connection:
            chosen = self.settling.choose(connection, scope, now, limit) if trace_id is None else [trace_id]
            taken = self.settling.read(connection, chosen, scope, now) if chosen else []
            known = merging.read_stored(connection, chosen) if taken else {}
        by_trace: dict[str, list[Piece]] = {}
        for piece in taken:
            by_trace.setdefault(piece.trace_id, []).append(piece)
        ready = []
        for each, several in by_trace.items():
            if scope == "settled":
                self._give_way()
            ready.append(self._merge(several, known.get(each)))
        self._write([item for item in ready if item is not None])
        for item in ready:
            if item is not None:
                self.settling.rest(item.new.row["trace_id"], item.spans, now)
        return len(by_trace)

    def _merge(self, taken: Sequence[Piece], base: merging.Stored | None) -> merging.Merged | None:
        """Pieces of one trace made ready, less those that cannot be read, which must not keep the others waiting."""
        while taken:
            try:
                return merging.merge(taken, base, self._assembling)
            except merging.Unreadable as error:
                self.settling.set_aside(error.keys)
                taken = [piece for piece in taken if piece.key not in error.keys]
        return None

    def _write(self, merged: Sequence[merging.Merged]) -> None:
        """Write what is ready; where the database refuses something in it, one by one, and set that aside."""
        if not merged:
            return
        try:
            with self._database.writing() as connection:
                merging.write_merged(connection, merged)
        except OperationalError:
            raise
        except DatabaseError:
            if len(merged) > 1:
                for item in merged:
                    self._write([item])
                return
            log.exception(
                "the trace %s cannot be stored; its spans stay among the pieces", merged[0].new.row["trace_id"]
            )
            self.settling.set_aside(merged[0].keys)


class Folder:
    """Folds for its process: when asked, and in a thread roughly each second while there is something to fold.

    Pieces are folded by one thread at a time: they are costly to make ready, and only one could own them.
    """

    def __init__(
        self,
        database: Database,
        explained: Callable[[], Any],
        assembling: merging.Assemble = merging.assemble,
        give_way: Callable[[], None] = lambda: None,
    ) -> None:
        """give_way: called by the background before every trace; it may wait a moment."""
        self._database = database
        self._explained = explained
        self._pieces = PieceFolder(database, assembling, give_way)
        self.settling = self._pieces.settling
        self._turn = threading.RLock()
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._since_tidy = self._since_checkpoint = 0
        self._thread = threading.Thread(target=self._run, name="raglass-fold", daemon=True)
        self._wanted.set()
        self._thread.start()

    def fold_traces(self, trace_id: str | None = None) -> int:
        """Fold a batch of the outbox, or one trace in it; how many traces."""
        return fold_outbox(self._database, trace_id=trace_id)

    def fold_pieces(
        self,
        scope: Scope,
        now: float,
        *,
        limit: int = MAX_TRACES,
        trace_id: str | None = None,
        wait_s: float = WITHOUT_END_S,
    ) -> int:
        """Fold the pieces of up to `limit` traces, or of one; of how many.

        now: what came later is left. wait_s: how long to wait for another thread that is folding; 0 is returned after that.
        """
        if not self._turn.acquire(timeout=wait_s):
            return 0
        try:
            return self._pieces.fold(scope, now, limit=limit, trace_id=trace_id)
        finally:
            self._turn.release()

    def wake(self) -> None:
        """Say that there is something to fold."""
        if not self._wanted.is_set():
            self._wanted.set()

    def stop(self) -> None:
        """End the thread after the batch that it is folding."""
        self._stopping.set()
        self._wanted.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wanted.wait()
            if self._stopping.wait(PERIOD_S):
                return
            self._wanted.clear()
            try:
                with self._explained():
                    self._fold_all()
            except Outgrown as error:
                log.error("folding has ended: %s", error)
                return
            except StoreError as error:
                log.warning("folding is put off, nothing is lost: %s", error)
                self._wanted.set()
            except Exception:
                log.exception("folding failed; what waits stays where it is")

    def _fold_all(self) -> None:
        while True:
            self._wanted.clear()
            started = time.thread_time()
            folded = self.fold_traces() + self.fold_pieces("settled", time.time())
            if not folded:
                break
            self._tidy(folded)
            took_s = time.thread_time() - started if self._wanted.is_set() else 0.0
            if self._stopping.wait(max(PAUSE_S, took_s)):
                return
        with self._database.engine.connect() as connection:
            if self.settling.waits(connection):
                self._wanted.set()

    def _tidy(self, folded: int) -> None:
        """Keep the database in order, once enough was folded since."""
        self._since_tidy += folded
        self._since_checkpoint += folded
        if self._since_tidy >= TIDY_AFTER:
            self._since_tidy = 0
            self._database.tidy()
        if self._since_checkpoint >= CHECKPOINT_AFTER:
            self._since_checkpoint = 0
            self._database.checkpoint()
