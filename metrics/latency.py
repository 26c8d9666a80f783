"""Latency over time, by backend, stage and origin, from sketches by the minute and by the quarter of an hour."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, func, select, text

from metrics.labels import bounded
from metrics.search import storable
from metrics.sketches import Sketch
from metrics.tables import quarter_sketches, sketches
from pipeline.errors import InputError

TOTAL = "total"
"""The stage under which whole traces are counted."""

MINUTE_S = 60
"""Seconds that one stored sketch covers."""

QUARTER = 15
"""Minutes that one sketch of `quarter_sketches` covers."""

QUARTER_S = QUARTER * MINUTE_S

KEPT = ((sketches, 1), (quarter_sketches, QUARTER))
"""Where timings are counted, and how many minutes a sketch covers there."""

UNTOLD = ""
"""The origin of what was measured before origins were told apart."""

Key = tuple[int, str, str, str]
"""Minute since the epoch, backend, stage, origin."""


def choose_table(*minutes: int) -> Table:
    """Where to read sketches of stretches that begin and end at such minutes: by quarters of an hour where all are."""
    return sketches if any(minute % QUARTER for minute in minutes) else quarter_sketches


@dataclass(frozen=True, slots=True)
class LatencyPoint:
    """How long one stage of one backend took in one period. Percentiles and mean are within 1 %."""

    start_s: float
    """Beginning of the period, in seconds since the epoch."""
    backend: str
    """The backend."""
    stage: str
    """The stage, or `total` for whole traces."""
    count: int
    """Spans (or traces) that began in the period."""
    errors: int
    """How many of them failed."""
    mean_ms: float
    """Mean."""
    p50_ms: float
    """Median."""
    p95_ms: float
    """95th percentile."""
    p99_ms: float
    """99th percentile."""


class Timing(NamedTuple):
    """How long one span, or one whole trace, took."""

    key: Key
    """Where it is counted."""
    duration_ms: float
    """Wall time; what no clock should give counts as 0."""
    failed: bool
    """Whether it ended in an error."""


def list_timings(trace: Mapping[str, Any]) -> list[Timing]:
    """The timings of a trace, given in its JSON form: its own and those of its spans that are stages."""
    minute, backend = math.floor(trace["asked_at"] / MINUTE_S), bounded(trace["backend"])
    origin = trace.get("origin", "person")
    timed = [(TOTAL, trace["duration_ms"], trace["error"])]
    timed += [(span["stage"], span["duration_ms"], span["error"]) for span in trace["spans"] if span["stage"]]
    return [
        Timing(
            (minute, backend, storable(stage), origin),
            duration_ms if math.isfinite(duration_ms) else 0.0,
            error is not None,
        )
        for stage, duration_ms, error in timed
    ]


def add_timings(connection: Connection, timings: Iterable[Timing], taken_back: Iterable[Timing] = ()) -> None:
    """Count timings in the stored sketches, and take back what was counted of a trace that changed.

    What is not counted under its origin was before origins were told apart, and is taken back from there.
    The caller's transaction keeps other writers out.
    """
    added, lost = Counter(timings), Counter(taken_back)
    unchanged = added & lost
    for table, minutes in KEPT:
        _count(connection, table, minutes, added - unchanged, lost - unchanged)


def _count(connection: Connection, table: Table, minutes: int, added: Counter[Timing], lost: Counter[Timing]) -> None:
    """Count timings in a table whose sketches cover so many minutes."""
    more_of = [timing._replace(key=_rounded(timing.key, minutes)) for timing in added.elements()]
    less_of = [timing._replace(key=_rounded(timing.key, minutes)) for timing in lost.elements()]
    stored = _read_sketches(connection, table, sorted({timing.key[0] for timing in (*more_of, *less_of)}))
    grouped: dict[Key, tuple[list[Timing], list[Timing]]] = {}
    for timing in more_of:
        grouped.setdefault(timing.key, ([], []))[0].append(timing)
    for timing in less_of:
        key = timing.key if timing.key in stored else (*timing.key[:3], UNTOLD)
        grouped.setdefault(key, ([], []))[1].append(timing)
    rows: list[dict[str, Any]] = []
    emptied: list[dict[str, Any]] = []
    for key, (more, less) in grouped.items():
        count, errors, data = stored.get(key, (0, 0, b""))
        sketch = Sketch.from_bytes(data)
        sketch.add(timing.duration_ms for timing in more)
        sketch.subtract(timing.duration_ms for timing in less)
        count += len(more) - len(less)
        errors += sum(timing.failed for timing in more) - sum(timing.failed for timing in less)
        kept = (max(count, 0), max(errors, 0), sketch.to_bytes())
        (rows if count > 0 else emptied).append(dict(zip(table.c.keys(), (*key, *kept), strict=True)))
    _write(connection, table, rows, emptied)


def _rounded(key: Key, minutes: int) -> Key:
    return (key[0] // minutes * minutes, *key[1:])


def _write(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], emptied: Sequence[dict[str, Any]]
) -> None:
    """Write sketches, and remove those of which nothing is left."""
    # Both databases spell it like this; SQLAlchemy has it only dialect by dialect.
    if rows:
        connection.execute(
            text(
                f"INSERT INTO {table.name} (minute, backend, stage, origin, count, errors, sketch) "
                "VALUES (:minute, :backend, :stage, :origin, :count, :errors, :sketch) ON CONFLICT (minute, backend, stage, origin) "
                "DO UPDATE SET count = excluded.count, errors = excluded.errors, sketch = excluded.sketch"
            ),
            rows,
        )
    if emptied:
        connection.execute(
            text(
                f"DELETE FROM {table.name} WHERE minute = :minute AND backend = :backend AND stage = :stage AND origin = :origin"
            ),
            emptied,
        )


def _read_sketches(connection: Connection, table: Table, minutes: Sequence[int]) -> dict[Key, tuple[int, int, bytes]]:
    """Count, errors and sketch of every key of some minutes."""
    return {
        (minute, backend, stage, origin): (count, errors, data)
        for minute, backend, stage, origin, count, errors, data in connection.execute(
            select(table).where(table.c.minute.in_(minutes))
        )
    }


@dataclass(slots=True)
class _Merged:
    stored: list[bytes] = field(default_factory=list)
    count: int = 0
    errors: int = 0


def read_latency(
    connection: Connection,
    since: float,
    until: float,
    period_s: int,
    backend: str | None = None,
    origin: str | None = None,
) -> list[LatencyPoint]:
    """One point for each period, backend and stage that has any span, in that order.

    since, until: seconds since the epoch, widened to whole minutes; periods are counted from `since`.
    period_s: a multiple of 60, since minutes are what is stored. Raises InputError otherwise. origin: whence the questions came; None
    for all.
    """
    first, end, step = _whole_minutes(since, until, period_s)
    table = choose_table(first, end, step)
    statement = select(table).where(table.c.minute >= first, table.c.minute < end)
    if backend is not None:
        statement = statement.where(table.c.backend == backend)
    if origin is not None:
        statement = statement.where(table.c.origin == origin)
    merged: dict[tuple[int, str, str], _Merged] = {}
    for minute, name, stage, _, count, errors, data in connection.execute(statement).all():
        entry = merged.setdefault(((minute - first) // step, name, stage), _Merged())
        entry.stored.append(data)
        entry.count += count
        entry.errors += errors
    return list(_points(sorted(merged.items(), key=lambda item: item[0]), first * MINUTE_S, period_s))


def count_timings(
    connection: Connection, since: float, until: float, period_s: int, origin: str | None = None
) -> dict[int, int]:
    """How many timings each period holds that holds any, by its beginning; periods are those of `read_latency`.

    Where no trace that was counted changes, a period's points change only when this number does, and it costs a fraction of reading them.
    """
    first, end, step = _whole_minutes(since, until, period_s)
    table = choose_table(first, end, step)
    period = ((table.c.minute - first) // step).label("period")
    counted = select(period, func.sum(table.c.count)).where(table.c.minute >= first, table.c.minute < end)
    if origin is not None:
        counted = counted.where(table.c.origin == origin)
    rows = connection.execute(counted.group_by(period).order_by(period))
    return {first * MINUTE_S + int(place) * period_s: int(count) for place, count in rows}


def _whole_minutes(since: float, until: float, period_s: int) -> tuple[int, int, int]:
    """First minute, end and minutes in a period. Raises InputError."""
    if period_s < MINUTE_S or period_s % MINUTE_S:
        raise InputError(f"The period is {period_s} s; latency is kept by the minute. Give a multiple of {MINUTE_S} s.")
    if not (math.isfinite(since) and math.isfinite(until)):
        raise InputError(
            f"Latency from {since} until {until} cannot be shown. Give two times in seconds since the epoch."
        )
    return math.floor(since / MINUTE_S), math.ceil(until / MINUTE_S), period_s // MINUTE_S


def _points(
    merged: Iterable[tuple[tuple[int, str, str], _Merged]], start_s: float, period_s: int
) -> Iterable[LatencyPoint]:
    for (period, backend, stage), entry in merged:
        sketch = Sketch.merged(entry.stored)
        p50_ms, p95_ms, p99_ms = sketch.quantiles((0.5, 0.95, 0.99))
        yield LatencyPoint(
            start_s + period * period_s,
            backend,
            stage,
            entry.count,
            entry.errors,
            sketch.mean(),
            p50_ms,
            p95_ms,
            p99_ms,
        )
