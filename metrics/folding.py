"""Folding: moving traces from the outbox into everything that is derived from them, each exactly once.

One transaction takes traces out of the outbox and adds them to the list, the payloads, the search index and the
sketches. Whoever deletes an outbox row owns it, so that several processes may fold at the same time.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from metrics import latency, payloads, search
from metrics.database import Database
from metrics.tables import outbox, state, traces
from metrics.tables import payloads as payload_table
from pipeline.errors import StoreError

log = logging.getLogger(__name__)

BATCH = 64
"""Traces folded in one transaction: some 20 ms, which is how long a `put` may have to wait for it."""

PERIOD_S = 1.0
"""How long a trace may lie in the outbox before the background thread folds it."""

PAUSE_S = 0.02
"""Between two batches, so that traces being put get their turn."""

TIDY_AFTER = 2_000
"""Folded traces between two rounds of housekeeping."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A trace from the outbox, made ready outside the transaction."""

    row: dict[str, Any]
    """Its row of `traces`, less the number."""
    payload: bytes
    """Its JSON, deflated."""
    folded: str
    """What a search looks through."""
    timings: list[latency.Timing]
    """What the sketches count."""


def fold(database: Database, *, limit: int = BATCH, trace_id: str | None = None) -> int:
    """Fold up to `limit` of the oldest traces in the outbox (or the one named); how many are folded now, by whomever."""
    statement = select(outbox).order_by(outbox.c.id).limit(limit)
    if trace_id is not None:
        statement = statement.where(outbox.c.trace_id == trace_id)
    with database.engine.connect() as connection:
        waiting = connection.execute(statement).all()
    prepared = {row.trace_id: ready for row in waiting if (ready := _prepare(row.trace_id, row.payload)) is not None}
    if prepared:
        with database.writing() as connection:
            # By trace, not by row: SQLite numbers from 1 again once another folder has emptied the outbox.
            taken = delete(outbox).where(outbox.c.trace_id.in_(prepared)).returning(outbox.c.trace_id)
            owned = set(connection.scalars(taken))
            _store(connection, [ready for key, ready in prepared.items() if key in owned])
    return len(prepared)


def _prepare(trace_id: str, payload: bytes) -> Prepared | None:
    """The trace made ready; None if its payload cannot be read, which must not keep the others waiting."""
    try:
        data = payloads.decode_data(payload)
        row = light_row(data)
        folded = search.fold_text(row["question"], row["answer"], "")
        return Prepared(row, payloads.deflate(payload), folded, latency.list_timings(data))
    except Exception:
        log.exception("trace %s cannot be read; it stays in the outbox", trace_id)
        return None


def _store(connection: Connection, taken: Sequence[Prepared]) -> None:
    ids = [item.row["trace_id"] for item in taken]
    known = set(connection.scalars(select(traces.c.trace_id).where(traces.c.trace_id.in_(ids))))
    new = [item for item in taken if item.row["trace_id"] not in known]
    if not new:
        return
    first = (connection.scalar(select(func.max(traces.c.seq))) or 0) + 1
    numbered = dict(enumerate(new, first))
    connection.execute(insert(traces), [{"seq": seq, **item.row} for seq, item in numbered.items()])
    connection.execute(insert(payload_table), [{"seq": seq, "payload": item.payload} for seq, item in numbered.items()])
    search.index_texts(connection, {seq: item.folded for seq, item in numbered.items()})
    latency.add_timings(connection, [timing for item in new for timing in item.timings])
    connection.execute(update(state).values(folded=state.c.folded + len(new)))


def light_row(data: Mapping[str, Any]) -> dict[str, Any]:
    """The row of `traces` (less its `seq`) for a trace in its JSON form."""
    generation = data["generation"] or {}
    error = data["error"] or {}
    confidence = generation.get("confidence") or {}
    return {
        "trace_id": data["trace_id"],
        "asked_at": data["asked_at"],
        "backend": search.storable(data["backend"]),
        "question": search.storable(data["question"]),
        "answer": search.storable(generation.get("answer", "")),
        "duration_ms": data["duration_ms"],
        "error_kind": _storable(error.get("kind")),
        "error_stage": _storable(error.get("stage")),
        "top_score": _finite(
            max((chunk["score"] for chunk in data["chunks"] if chunk["score"] is not None), default=None)
        ),
        "confidence": _finite(confidence.get("value")),
        "abstained": int(generation.get("abstained", False)),
        "note": "",
    }


def _storable(value: str | None) -> str | None:
    return None if value is None else search.storable(value)


def _finite(value: float | None) -> float | None:
    """The value, or None for what cannot be sorted: NaN and the infinities."""
    return value if value is not None and abs(value) < float("inf") else None


class Folder:
    """The background thread that folds roughly each second while there is something to fold."""

    def __init__(self, database: Database, explained: Callable[[], Any]) -> None:
        self._database = database
        self._explained = explained
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._since_tidy = 0
        self._thread = threading.Thread(target=self._run, name="raglass-fold", daemon=True)
        self._wanted.set()
        self._thread.start()

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
            except StoreError as error:
                log.warning("folding is put off, nothing is lost: %s", error)
                self._wanted.set()
            except Exception:
                log.exception("folding failed; the traces stay in the outbox")

    def _fold_all(self) -> None:
        while folded := fold(self._database):
            self._since_tidy += folded
            if self._stopping.wait(PAUSE_S):
                return
        if self._since_tidy >= TIDY_AFTER:
            self._since_tidy = 0
            self._database.tidy()
