"""Forgetting: traces deleted for good with all that is kept of them, some hundred at a time, so that what is being stored gets its turn.

Latency sketches and the counts of how answers ended stay: they are the history of what was measured, and hold no text. So do the scores
of runs. Counts by document are taken back.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, case, delete, func, literal, or_, select, tuple_, update

from metrics import outcomes, paging, search
from metrics.database import Database
from metrics.queries import TraceQuery
from metrics.tables import (
    explanations,
    labels,
    outbox,
    payloads,
    pieces,
    quality,
    run_answers,
    stage_times,
    state,
    token_use,
    trace_labels,
    traces,
)

BATCH = 200
"""Traces deleted in one transaction."""

PAUSE_S = 0.02
"""Between two transactions at least, or as long as the last one took: what is being stored has half of the time to itself."""

LONGEST_PAUSE_S = 0.5
"""However long it took."""

ROW_BYTES = 4_500
"""What a trace takes on disk besides its payload: its row, its text and the indexes of both. Measured; it differs with the texts."""

KEEP = frozenset({"keep"})
"""The tags that spare a trace unless others are named."""

MOST_NAMED = 10
"""Traces that a survey names."""

Spared = Literal["run", "feedback", "tag"]
"""Why a trace is spared: a run or a study holds it, it is rated or noted, it has a tag."""


@dataclass(frozen=True, slots=True)
class Sparing:
    """Which traces are not deleted though they were chosen."""

    runs: bool = True
    """Those that a run or a study holds."""
    feedback: bool = True
    """Those that are rated or noted."""
    tags: frozenset[str] = KEEP
    """Those with one of these tags."""


NAMED = Sparing(feedback=False, tags=frozenset())
"""For traces that are named by their ids: whoever names one means it, but a run's table would lose a row's trace."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What became of the traces that were chosen, or would become of them."""

    deleted: int = 0
    """Deleted."""
    run: int = 0
    """Spared: a run or a study holds them."""
    feedback: int = 0
    """Spared: rated or noted."""
    tag: int = 0
    """Spared for a tag."""
    freed_bytes: int = 0
    """What the deleted ones took on disk, roughly."""
    missing: tuple[str, ...] = ()
    """Ids of which nothing was stored."""
    first: tuple[str, ...] = ()
    """Of a survey: the oldest of those that would be deleted, MOST_NAMED at most."""
    finished: bool = True
    """False if it was stopped before all were looked at."""

    @property
    def matched(self) -> int:
        """How many there were."""
        return self.deleted + self.run + self.feedback + self.tag

    def __add__(self, other: "Forgotten") -> "Forgotten":
        sums = {each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)[:-1]}
        sums["first"] = sums["first"][:MOST_NAMED]
        return Forgotten(**sums, finished=self.finished and other.finished)


def survey(database: Database, chosen: TraceQuery | Sequence[str], sparing: Sparing) -> Forgotten:
    """What deleting would do, as the store is now. Reads no payload."""
    with database.engine.connect() as connection:
        if isinstance(chosen, TraceQuery):
            return _count(connection, paging.plan(connection, chosen).where, sparing)
        total = Forgotten()
        for ids in _split(chosen):
            total += _count(connection, (traces.c.trace_id.in_(ids),), sparing)
            total += _count_waiting(connection, ids)
        return total


def forget(
    database: Database,
    chosen: TraceQuery | Sequence[str],
    sparing: Sparing,
    on_progress: Callable[[Forgotten], object],
    stopping: Callable[[], bool],
) -> Forgotten:
    """Delete traces, by query or by id, and give their space back. What is asked once it has begun is not among them.

    on_progress: called after each batch with all that was done. stopping: asked before each. Every batch is a transaction: however the
    process ends, the next call goes on from there.
    """
    total = Forgotten()
    found = isinstance(chosen, TraceQuery)
    try:
        for ids in _walk(database, chosen) if isinstance(chosen, TraceQuery) else _split(chosen):
            if stopping():
                return replace(total, finished=False)
            started = time.perf_counter()
            with database.writing() as connection:
                done = _delete_batch(connection, ids, sparing)
            total += replace(done, missing=()) if found else done  # what another process deleted meanwhile
            on_progress(total)
            time.sleep(min(max(PAUSE_S, time.perf_counter() - started), LONGEST_PAUSE_S))
    finally:
        if total.deleted:
            _clean_up(database, total.deleted, stopping)
    return total


def forget_beyond(
    database: Database,
    keep_s: float | None,
    keep_traces: int | None,
    tags: frozenset[str],
    stopping: Callable[[], bool],
) -> Forgotten | None:
    """Delete what is older than `keep_s` seconds, and all but the newest `keep_traces`, less what is spared; None for no such bound.

    None where another process is at it.
    """
    with database.taking_turn() as mine:
        if not mine:
            return None
        cutoffs = [] if keep_s is None else [time.time() - keep_s]
        if keep_traces is not None:
            with database.engine.connect() as connection:
                cutoffs += filter(None, [find_cutoff(connection, keep_traces)])
        if not cutoffs:
            return Forgotten()
        return forget(database, TraceQuery(asked_to=max(cutoffs)), Sparing(tags=tags), lambda _: None, stopping)


def find_cutoff(connection: Connection, keep_traces: int) -> float | None:
    """When the oldest of the newest `keep_traces` traces was asked; None if there are no more than that."""
    newest = select(traces.c.asked_at).order_by(traces.c.asked_at.desc(), traces.c.seq.desc())
    found = list(connection.scalars(newest.offset(keep_traces - 1).limit(2)))
    return found[0] if len(found) == 2 else None


def _split(ids: Sequence[str]) -> Iterator[list[str]]:
    """Ids in batches, each once."""
    distinct = list(dict.fromkeys(map(search.storable, ids)))
    yield from (distinct[start : start + BATCH] for start in range(0, len(distinct), BATCH))


def _walk(database: Database, query: TraceQuery) -> Iterator[list[str]]:
    """The ids of a query's traces, the oldest first, a batch at a time, each read in a transaction of its own."""
    with database.engine.connect() as connection:
        where = paging.plan(connection, query).where
        last = connection.scalar(select(func.max(traces.c.seq))) or 0
    key = tuple_(traces.c.asked_at, traces.c.seq)
    chosen = select(traces.c.trace_id, traces.c.asked_at, traces.c.seq).where(*where, traces.c.seq <= last)
    chosen = chosen.order_by(traces.c.asked_at, traces.c.seq).limit(BATCH)
    page = chosen
    while True:
        with database.engine.connect() as connection:
            rows = connection.execute(page).all()
        if not rows:
            return
        yield [row.trace_id for row in rows]
        page = chosen.where(key > (rows[-1].asked_at, rows[-1].seq))


def _reason(sparing: Sparing) -> ColumnElement[Any]:
    """Why a trace is spared, as part of a statement over `traces`; empty if it is not."""
    conditions: list[tuple[Spared, ColumnElement[bool]]] = []
    if sparing.runs:
        held = select(run_answers.c.run_id).where(run_answers.c.trace_id == traces.c.trace_id)
        conditions.append(("run", held.exists()))
    if sparing.feedback:
        conditions.append(("feedback", or_(traces.c.rating.is_not(None), traces.c.note != "")))
    if sparing.tags:
        wanted = select(labels.c.label_id).where(labels.c.kind == "tag", labels.c.value.in_(sorted(sparing.tags)))
        has = select(trace_labels.c.seq).where(
            trace_labels.c.seq == traces.c.seq, trace_labels.c.label_id.in_(wanted.scalar_subquery())
        )
        conditions.append(("tag", has.exists()))
    if not conditions:
        return literal("")
    return case(*((condition, literal(name)) for name, condition in conditions), else_=literal(""))


def _count(connection: Connection, where: Sequence[ColumnElement[bool]], sparing: Sparing) -> Forgotten:
    reason, size = _reason(sparing).label("reason"), func.length(payloads.c.payload).label("size")
    joined = traces.join(payloads, payloads.c.seq == traces.c.seq)
    each = select(reason, size).select_from(joined).where(*where).subquery()
    grouped = select(each.c.reason, func.count(), func.sum(each.c.size)).group_by(each.c.reason)
    found = {name: (count, int(size)) for name, count, size in connection.execute(grouped)}
    deleted, payload_bytes = found.pop("", (0, 0))
    spared = {name: count for name, (count, _) in found.items()}
    oldest = select(traces.c.trace_id).where(*where, _reason(sparing) == "").order_by(traces.c.asked_at, traces.c.seq)
    first = tuple(connection.scalars(oldest.limit(MOST_NAMED))) if deleted else ()
    return Forgotten(deleted, **spared, freed_bytes=payload_bytes + ROW_BYTES * deleted, first=first)


def _count_waiting(connection: Connection, ids: Sequence[str]) -> Forgotten:
    """Of some ids those that only wait to be listed, because they cannot be read, and those of which there is nothing."""
    listed = set(connection.scalars(select(traces.c.trace_id).where(traces.c.trace_id.in_(ids))))
    waiting = {
        trace_id
        for table in (outbox, pieces)
        for trace_id in connection.scalars(select(table.c.trace_id).where(table.c.trace_id.in_(ids)))
    }
    missing = tuple(trace_id for trace_id in ids if trace_id not in listed | waiting)
    return Forgotten(len(waiting - listed), missing=missing)


def _delete_batch(connection: Connection, ids: Sequence[str], sparing: Sparing) -> Forgotten:
    """Delete some traces. Why one is spared is looked up here again: it may have been rated since it was chosen."""
    columns = (traces.c.trace_id, traces.c.seq, _reason(sparing).label("reason"))
    size = select(func.length(payloads.c.payload)).where(payloads.c.seq == traces.c.seq).scalar_subquery()
    found = connection.execute(select(*columns, size.label("size")).where(traces.c.trace_id.in_(ids))).all()
    gone = [row for row in found if not row.reason]
    spared = {name: sum(row.reason == name for row in found) for name in get_args(Spared)}
    waiting = _count_waiting(connection, ids)
    if not gone and not waiting.deleted:
        return replace(waiting, **spared)
    kept = {row.trace_id for row in found if row.reason}
    _delete_rows(connection, [row.seq for row in gone], [trace_id for trace_id in ids if trace_id not in kept])
    # What was never folded is counted as if it had been, so that totals are right and no two states of the store look alike.
    values = {
        "forgotten": state.c.forgotten + len(gone) + waiting.deleted,
        "folded": state.c.folded + waiting.deleted,
    }
    connection.execute(update(state).values(values))
    freed_bytes = sum((row.size or 0) + ROW_BYTES for row in gone)
    return replace(waiting, deleted=len(gone) + waiting.deleted, **spared, freed_bytes=freed_bytes)


def _delete_rows(connection: Connection, seqs: Sequence[int], ids: Sequence[str]) -> None:
    """Delete all that is kept of some traces, by number, and by id what waits of them or was explained."""
    outcomes.take_back_documents(connection, seqs)
    search.forget_texts(connection, seqs)
    for by_number in (payloads, trace_labels, stage_times, quality, token_use, traces):
        connection.execute(delete(by_number).where(by_number.c.seq.in_(seqs)))
    for by_id in (explanations, outbox, pieces):
        connection.execute(delete(by_id).where(by_id.c.trace_id.in_(ids)))


def _clean_up(database: Database, deleted: int, stopping: Callable[[], bool]) -> None:
    """Drop labels that no trace has any more, and give freed space back step by step."""
    used = select(trace_labels.c.seq).where(trace_labels.c.label_id == labels.c.label_id)
    with database.writing() as connection:
        connection.execute(delete(labels).where(~used.exists()))
        # A text that is deleted frees its place in SQLite's index only once that is merged, which means to write all of it.
        more = first = deleted >= paging.count_total(connection).value
    while more and not stopping():
        with database.writing() as connection:
            more = search.compact(connection, first=first)
        first = False
        time.sleep(PAUSE_S)
    left, before = database.release(), -1
    while left and left != before and not stopping():
        time.sleep(PAUSE_S)
        left, before = database.release(), left
    database.tidy()
