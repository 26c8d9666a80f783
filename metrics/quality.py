"""`QualityScores`: what rules say of traces, kept beside them: written once each, read by time, and how far the rules have come.

Refuses to know what a rule is. A trace that changes once it was scored is scored again, but for what a judge was paid for.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    text,
    union_all,
    update,
)

from metrics import paging, payloads
from metrics.database import Database
from metrics.labels import bounded
from metrics.rules import JUDGED
from metrics.search import storable
from metrics.tables import payloads as payload_table
from metrics.tables import quality, state, traces
from pipeline.errors import InputError
from pipeline.types import Trace

log = logging.getLogger(__name__)

AGAIN = "again"
"""In the place of a rule: a trace that changed since it was scored."""

LOOK_BACK_S = 86_400.0
"""The rules begin with what was asked this long before they are first started."""

QUANTILES = (0.1, 0.5, 0.9)
"""Of a bucket's values: `low`, `median`, `high`."""

MOST_VALUES = 1_000
"""Of a bucket, where a sample will do: its mean is off by less than a thirtieth of their standard deviation then."""

PARTS = 5
"""Equal parts of a bucket that values are taken from, where it has more."""

MAX_BUCKETS = 10_000
"""More than anything draws."""

Reader = Literal["scored", "judged"]
"""Who reads traces as they come: the rules, or the judge. The column of `state` that says how far."""

_ADD = text(
    "INSERT INTO quality (seq, rule, asked_at, backend, value, scored_at) "
    "SELECT seq, CAST(:rule AS TEXT), asked_at, backend, CAST(:value AS DOUBLE PRECISION), :scored_at FROM traces WHERE seq = :seq "
    "ON CONFLICT (seq, rule) DO NOTHING"
)
"""Only for a trace that is still there. Both databases spell it like this; SQLAlchemy has it only dialect by dialect."""


@dataclass(frozen=True, slots=True)
class QualityPoint:
    """What a rule says of the traces of a stretch of time."""

    at: float
    """Its beginning, in seconds since the epoch: a multiple of the step."""
    count: int
    """Traces of which the rule has something to say; at least 1."""
    mean: float
    """Mean of their values."""
    spread: float
    """Standard deviation of their values, that of a population."""
    low: float | None = None
    """The 10th percentile; None of a sample."""
    median: float | None = None
    """The 50th."""
    high: float | None = None
    """The 90th."""


@dataclass(frozen=True, slots=True)
class Unscored:
    """A trace that waits for the rules."""

    seq: int
    """Its number."""
    trace: Trace | None
    """The trace; None if it cannot be read."""
    again: bool = False
    """Whether it was scored before it changed."""


@dataclass(frozen=True, slots=True)
class Lag:
    """What waits."""

    traces: int
    """How many traces."""
    oldest_at: float | None
    """When the first of them was asked, in seconds since the epoch; None if none waits."""


class QualityScores:
    """In a trace store's database, shared by all who use it. Every error of the database is a StoreError."""

    def __init__(self, database: Database, explained: Callable[[], AbstractContextManager[None]]) -> None:
        self._database, self._explained = database, explained

    def begin(self, reader: Reader, now_s: float) -> int:
        """The number after which a reader goes on: where it was, in whichever process, or at LOOK_BACK_S before `now_s`."""
        with self._explained():
            with self._database.engine.connect() as connection:
                known = connection.scalar(select(state.c[reader]))
                if known is not None:
                    return int(known)
                first = connection.scalar(
                    select(func.min(traces.c.seq)).where(traces.c.asked_at >= now_s - LOOK_BACK_S)
                )
                last = connection.scalar(select(func.max(traces.c.seq))) or 0
            start = last if first is None else first - 1
            with self._database.writing() as connection:
                connection.execute(update(state).where(state.c[reader].is_(None)).values({reader: start}))
        return start

    def waiting(self, reader: Reader, limit: int) -> list[Unscored]:
        """The next traces: those that changed (for the rules), then those after where the reader is, by number."""
        columns = (traces.c.seq, payload_table.c.payload)
        joined = traces.join(payload_table, payload_table.c.seq == traces.c.seq)
        with self._explained(), self._database.engine.connect() as connection:
            found: list[Unscored] = []
            if reader == "scored":
                changed = select(quality.c.seq).where(quality.c.rule == AGAIN).order_by(quality.c.asked_at).limit(limit)
                rows = connection.execute(select(*columns).select_from(joined).where(traces.c.seq.in_(changed)))
                found = [Unscored(seq, _read(payload), again=True) for seq, payload in rows]
            after = select(func.coalesce(state.c[reader], 0)).scalar_subquery()
            chosen = select(*columns).select_from(joined).where(traces.c.seq > after).order_by(traces.c.seq)
            rows = connection.execute(chosen.limit(limit - len(found)))
            return found + [Unscored(seq, _read(payload)) for seq, payload in rows]

    def put(self, reader: Reader, scores: Mapping[int, Mapping[str, float | None]], upto: int) -> None:
        """Write what rules say of traces, by number, each once, and that the reader has come as far as number `upto`.

        A trace that a mapping is empty for was looked at and left. What somebody else wrote first stays.
        """
        now = time.time()
        rows = [
            {"seq": seq, "rule": rule, "value": _finite(value), "scored_at": now}
            for seq, found in scores.items()
            for rule, value in found.items()
        ]
        with self._explained(), self._database.writing() as connection:
            if reader == "scored" and scores:
                connection.execute(delete(quality).where(quality.c.rule == AGAIN, quality.c.seq.in_(list(scores))))
            if rows:
                connection.execute(_ADD, rows)
            _advance(connection, reader, upto)

    def claim(self, seq: int, rules: Sequence[str]) -> bool:
        """Say that one is about to ask a judge about a trace, so that nobody else does; False where somebody has.

        A claim without `fill` says that there is no judgement.
        """
        with self._explained(), self._database.writing() as connection:
            known = select(quality.c.seq).where(quality.c.seq == seq, quality.c.rule.in_(rules)).limit(1)
            if connection.scalar(known) is not None:
                return False
            connection.execute(
                _ADD, [{"seq": seq, "rule": rule, "value": None, "scored_at": time.time()} for rule in rules]
            )
            return True

    def fill(self, seq: int, values: Mapping[str, float | None]) -> None:
        """Write what a judge said of a trace that was claimed."""
        with self._explained(), self._database.writing() as connection:
            for rule, value in values.items():
                this = (quality.c.seq == seq, quality.c.rule == rule)
                connection.execute(update(quality).where(*this).values(value=_finite(value), scored_at=time.time()))

    def advance(self, reader: Reader, upto: int) -> None:
        """Say how far a reader has come."""
        with self._explained(), self._database.writing() as connection:
            _advance(connection, reader, upto)

    def claimed(self, rule: str, asked_since: float, scored_since: float) -> int:
        """Of how many traces, asked since a time, a rule was asked or claimed since another."""
        with self._explained(), self._database.engine.connect() as connection:
            backends = quality.c.backend.in_(paging.list_backends(connection))
            chosen = (
                quality.c.rule == rule,
                backends,
                quality.c.asked_at >= asked_since,
                quality.c.scored_at >= scored_since,
            )
            return connection.scalar(select(func.count()).select_from(quality).where(*chosen)) or 0

    def lag(self, reader: Reader = "scored") -> Lag | None:
        """How many traces wait for a reader, and since when; None where it never began."""
        with self._explained(), self._database.engine.connect() as connection:
            at = connection.scalar(select(state.c[reader]))
            if at is None:
                return None
            count, oldest = connection.execute(
                select(func.count(), func.min(traces.c.asked_at)).where(traces.c.seq > at)
            ).one()
            return Lag(count, oldest)

    def of(self, trace_id: str) -> dict[str, float | None]:
        """What the rules say of a trace, by rule."""
        named = traces.c.trace_id == storable(trace_id)
        chosen = select(quality.c.rule, quality.c.value).join(traces, traces.c.seq == quality.c.seq)
        with self._explained(), self._database.engine.connect() as connection:
            rows = connection.execute(chosen.where(named, quality.c.rule != AGAIN))
            return {row.rule: row.value for row in rows}

    def rules(self) -> list[str]:
        """Rules that said something of some trace, sorted."""
        with self._explained(), self._database.engine.connect() as connection:
            return [rule for rule in paging.list_values(connection, quality.c.rule) if rule != AGAIN]

    def series(
        self, rule: str, since: float, until: float, step_s: float, *, backend: str | None = None
    ) -> list[QualityPoint]:
        """What a rule says of the traces asked from `since` to before `until`, by buckets of `step_s`, ascending; empty ones are left out.

        backend: of its traces alone. Every value is read, and sorted. Raises InputError for a step that makes too many buckets.
        """
        _check_steps(since, until, step_s)
        bucket = func.floor(quality.c.asked_at / literal(float(step_s)))
        with self._explained(), self._database.engine.connect() as connection:
            where = _values_of(connection, rule, backend)
            where += [quality.c.asked_at >= since, quality.c.asked_at < until]
            return [_to_point(row, step_s) for row in connection.execute(_ranked(bucket, where))]

    def sampled(
        self, rule: str, since: float, until: float, step_s: float, *, backend: str | None = None
    ) -> list[QualityPoint]:
        """The same without quantiles, at a cost that does not grow with the store: of a bucket at most MOST_VALUES are read.

        Of one with more, as many from each of its PARTS; `count` is how many were read. Raises InputError likewise.
        """
        _check_steps(since, until, step_s)
        found: list[QualityPoint] = []
        with self._explained(), self._database.engine.connect() as connection:
            where = _values_of(connection, rule, backend)
            whole, parted = _few_values(where, 1), _few_values(where, PARTS)
            full = False
            for bucket in range(math.floor(since / step_s), math.ceil(until / step_s)):
                bounds = max(since, bucket * step_s), min(until, (bucket + 1) * step_s)
                # Behind a full bucket comes another, most often: where each of its parts is full, so is the whole.
                count, total, squares = _sum(connection, parted, *bounds, PARTS) if full else (0, 0.0, 0.0)
                if count < MOST_VALUES:
                    count, total, squares = _sum(connection, whole, *bounds, 1)
                    full = count == MOST_VALUES
                    if full:
                        count, total, squares = _sum(connection, parted, *bounds, PARTS)
                if count:
                    found.append(_to_point((bucket, count, total / count, squares / count), step_s))
        return found


def _check_steps(since: float, until: float, step_s: float) -> None:
    if not (step_s > 0 and since <= until and (until - since) / step_s <= MAX_BUCKETS):
        raise InputError(
            f"From {since:g} to {until:g} in steps of {step_s:g} s cannot be shown; take at most {MAX_BUCKETS:,} steps above 0."
        )


def _values_of(connection: Connection, rule: str, backend: str | None) -> list[ColumnElement[bool]]:
    """The known values of a rule. Backends are named also where all are meant: the index leads to times by backend."""
    named = paging.list_backends(connection) if backend is None else [bounded(backend)]
    return [quality.c.rule == rule, quality.c.backend.in_(named), quality.c.value.is_not(None)]


def _few_values(where: Sequence[ColumnElement[bool]], parts: int) -> Any:
    """The statement that sums up MOST_VALUES values at most, as many from each of some parts of a time."""
    at = quality.c.asked_at
    few = (
        select(quality.c.value)
        .where(*where, at >= bindparam(f"start{part}"), at < bindparam(f"end{part}"))
        .limit(MOST_VALUES // parts)
        .subquery()
        for part in range(parts)
    )
    values = union_all(*(select(each.c.value) for each in few)).subquery()
    value = values.c.value
    return select(func.count(), func.sum(value), func.sum(value * value)).select_from(values)


def _sum(connection: Connection, statement: Any, start: float, end: float, parts: int) -> tuple[int, float, float]:
    """How many values, their sum, and the sum of their squares, from a time to before another."""
    step = (end - start) / parts
    bounds = {f"start{part}": start + part * step for part in range(parts)}
    bounds |= {f"end{part}": start + (part + 1) * step for part in range(parts)}
    count, total, squares = connection.execute(statement, bounds).one()
    return count, total or 0.0, squares or 0.0


def _read(payload: bytes) -> Trace | None:
    try:
        return payloads.decode(payload)
    except Exception:  # whatever it is, it must not keep those behind it waiting
        log.debug("a trace cannot be read", exc_info=True)
        return None


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None


def _advance(connection: Connection, reader: Reader, upto: int) -> None:
    """Never back: another process may be further."""
    at = state.c[reader]
    connection.execute(update(state).where(or_(at.is_(None), at < upto)).values({reader: upto}))


def _ranked(bucket: ColumnElement[Any], where: Sequence[ColumnElement[bool]]) -> Any:
    """Counts, means and quantiles, these the values at rank ⌈qn⌉, which both databases can count out."""
    value = quality.c.value
    place = func.row_number().over(partition_by=bucket, order_by=value).label("place")
    size = func.count().over(partition_by=bucket).label("size")
    each = select(bucket.label("bucket"), value.label("value"), place, size).where(*where).subquery()
    # The first value whose rank reaches the share; half a rank less than it absorbs what rounding adds.
    reached = (func.min(case((each.c.place >= literal(q) * each.c.size - 1e-9, each.c.value))) for q in QUANTILES)
    figures = (func.count(), func.avg(each.c.value), func.avg(each.c.value * each.c.value), *reached)
    return select(each.c.bucket, *figures).group_by(each.c.bucket).order_by(each.c.bucket)


def _to_point(row: Any, step_s: float) -> QualityPoint:
    bucket, count, mean, squares, *quantiles = row
    spread = max(squares - mean * mean, 0.0) ** 0.5
    return QualityPoint(bucket * step_s, count, mean, spread, *quantiles)


def forget_scores(connection: Connection, seqs: Sequence[int]) -> None:
    """Delete what the rules say of traces that changed, and have them looked at again where they were; a judge's word stays."""
    connection.execute(
        delete(quality).where(quality.c.seq.in_(seqs), ~quality.c.rule.startswith(JUDGED, autoescape=True))
    )
    seen = select(
        traces.c.seq, literal(AGAIN), traces.c.asked_at, traces.c.backend, null(), literal(time.time())
    ).where(traces.c.seq.in_(seqs), traces.c.seq <= select(state.c.scored).scalar_subquery())
    names = ("seq", "rule", "asked_at", "backend", "value", "scored_at")
    connection.execute(insert(quality).from_select(names, seen))
