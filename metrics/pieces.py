"""Pieces: spans of other applications as they arrived, and which of them are folded when.

A trace comes in many pieces, in any order, over any time. Its pieces are folded once they were quiet for a moment, all at once, and
what comes later is merged into what is stored. Why: docs/adr/0017-spans-in-pieces.md.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, LargeBinary, case, func, select

from metrics.otlp.records import HEAD_BYTES, size_decoded
from metrics.search import storable
from metrics.tables import outbox, pieces, traces

SETTLE_S = 1.0
"""How long nothing must have come of a trace before the background folds it."""

LONGEST_S = 10.0
"""A trace of which something always comes is folded when its oldest piece has waited this long."""

SPANS_A_SECOND = 500
"""A trace with more spans than this rests longer between two foldings, a second for each so many: it is written anew each time."""

LONGEST_REST_S = 60.0
"""The longest such rest."""

MAX_TRACES = 32
"""Traces whose pieces are folded in one transaction."""

MAX_PIECES = 2_000
"""Pieces folded in one transaction."""

MAX_BYTES = 8_000_000
"""Bytes of pieces, before they are deflated, read at once, unless one alone has more."""

MAX_READ_BYTES = 300_000
"""The same for whoever reads a list, without exception: what is larger is left to the background."""

LOOKED = 256
"""Pieces looked at in one step of the way from the oldest to the newest."""

KNOWN_BATCH = 500
"""Traces that are looked for in one question to the database."""

CLOCK_S = 60.0
"""A piece that comes from further in the future than this was written before a clock was put right: it has waited long."""

COUNTED = 20_000
"""Waiting traces and pieces are counted exactly up to here."""

Scope = Literal["settled", "arrived", "all"]
"""Which traces: those that are quiet and rested; whatever has arrived, but for what must rest; all."""

Key = tuple[int, float]
"""A piece's number, and when it came: SQLite gives the numbers of what was folded out again."""


class Piece(NamedTuple):
    """A row of `pieces`."""

    key: Key
    """What it is known by."""
    trace_id: str
    """The trace that its spans are of."""
    payload: bytes
    """Its spans; see `metrics.otlp.records`."""


@dataclass(frozen=True, slots=True)
class WaitingPieces:
    """What was sent and is not folded yet."""

    count: int
    """Pieces; counted up to COUNTED."""


class Settling:
    """Which traces are to be folded now. It remembers, for its process, what cannot be read and what must rest.

    One thread at a time may choose, set aside and let rest.
    """

    def __init__(self) -> None:
        self._unreadable: set[Key] = set()
        self._rested: dict[str, float] = {}

    def set_aside(self, keys: Collection[Key]) -> None:
        """Leave pieces that cannot be read where they are: another process, of a newer Raglass, may know them."""
        self._unreadable.update(keys)

    def rest(self, trace_id: str, spans: int, now: float) -> None:
        """Note how many spans a trace has that was just folded."""
        self._rested = {known: until for known, until in self._rested.items() if until > now}
        if spans > SPANS_A_SECOND:
            self._rested[trace_id] = now + min(spans / SPANS_A_SECOND, LONGEST_REST_S)

    def choose(self, connection: Connection, scope: Scope, now: float, limit: int = MAX_TRACES) -> list[str]:
        """The ids of up to `limit` traces to fold, those that came first at the beginning.

        now: in seconds since the epoch. What comes later than this is left for the next time, so that folding ends.
        """
        latest, after, chosen = now - SETTLE_S if scope == "settled" else now, 0, dict[str, None]()
        seen: set[str] = set()
        columns = (pieces.c.id, pieces.c.trace_id, pieces.c.arrived_at)
        while len(chosen) < limit:
            rows = connection.execute(
                select(*columns).where(pieces.c.id > after).order_by(pieces.c.id).limit(LOOKED)
            ).all()
            new = dict.fromkeys(
                row.trace_id for row in rows if row.trace_id not in seen and self._open(row, latest, now)
            )
            ready = [trace_id for trace_id in new if scope == "all" or self._rested.get(trace_id, 0.0) <= now]
            if scope == "settled" and ready:
                quiet = _quiet(connection, ready, now)
                ready = [trace_id for trace_id in ready if trace_id in quiet]
            chosen.update(dict.fromkeys(ready))
            seen.update(new)
            if len(rows) < LOOKED or arrival(rows[-1].arrived_at, now) > latest:
                break
            after = rows[-1].id
        return list(chosen)[:limit]

    def read(self, connection: Connection, trace_ids: Sequence[str], scope: Scope, now: float) -> list[Piece]:
        """The pieces of some traces that came by now, the oldest first: as many as one transaction takes."""
        reading = scope == "arrived"
        head = func.substr(pieces.c.payload, 1, HEAD_BYTES, type_=LargeBinary).label("head")
        columns = (
            pieces.c.id,
            pieces.c.trace_id,
            pieces.c.arrived_at,
            head,
            func.length(pieces.c.payload).label("length"),
        )
        listed = select(*columns).where(pieces.c.trace_id.in_(trace_ids)).order_by(pieces.c.id).limit(MAX_PIECES)
        taken: list[int] = []
        size = 0
        for row in connection.execute(listed):
            if self._open(row, now, now):
                size += size_decoded(row.head, row.length)
                if size > (MAX_READ_BYTES if reading else MAX_BYTES) and (taken or reading):
                    break
                taken.append(row.id)
        rows = connection.execute(select(pieces).where(pieces.c.id.in_(taken)).order_by(pieces.c.id))
        return [Piece((row.id, row.arrived_at), row.trace_id, row.payload) for row in rows]

    def waits(self, connection: Connection) -> bool:
        """Whether any piece that can be read is not folded yet."""
        rows = connection.execute(select(pieces.c.id, pieces.c.arrived_at).order_by(pieces.c.id.desc()).limit(LOOKED))
        return any((row.id, row.arrived_at) not in self._unreadable for row in rows)

    def measure(self, connection: Connection, now: float) -> WaitingPieces:
        """How much waits. Their numbers tell where that is little; where it is much, or numbers are missing, they are counted."""
        columns = select(pieces.c.id, pieces.c.arrived_at)
        oldest = connection.execute(columns.order_by(pieces.c.id).limit(LOOKED)).all()
        newest = connection.execute(columns.order_by(pieces.c.id.desc()).limit(1)).one_or_none()
        first = next((row for row in oldest if self._open(row, now, now)), None)
        if first is None or newest is None:
            return WaitingPieces(0)
        count = newest.id - first.id + 1
        if count > LOOKED:
            some = select(pieces.c.trace_id).limit(COUNTED).subquery()
            count = min(count, connection.scalar(select(func.count()).select_from(some)) or 0)
        return WaitingPieces(count)

    def _open(self, row: Any, latest: float, now: float) -> bool:
        """Whether a piece can be read, and came by `latest`."""
        return arrival(row.arrived_at, now) <= latest and (row.id, row.arrived_at) not in self._unreadable


def arrival(arrived_at: float, now: float) -> float:
    """When a piece came, in seconds since the epoch; long ago where a clock was wrong."""
    return arrived_at if arrived_at <= now + CLOCK_S else 0.0


def _quiet(connection: Connection, trace_ids: Sequence[str], now: float) -> set[str]:
    """Of some traces, those of which nothing came for a moment, or something a long time ago."""
    columns = (pieces.c.trace_id, func.min(pieces.c.arrived_at), func.max(pieces.c.arrived_at))
    grouped = select(*columns).where(pieces.c.trace_id.in_(trace_ids)).group_by(pieces.c.trace_id)
    return {
        trace_id
        for trace_id, oldest, newest in connection.execute(grouped)
        if arrival(newest, now) <= now - SETTLE_S or arrival(oldest, now) <= now - LONGEST_S
    }


def read_payloads(connection: Connection, trace_id: str) -> list[bytes]:
    """What waits of one trace, the oldest first."""
    return list(connection.scalars(select(pieces.c.payload).where(pieces.c.trace_id == trace_id).order_by(pieces.c.id)))


def count_pieces() -> Any:
    """How many pieces wait, as part of a statement."""
    return select(func.count()).select_from(pieces).scalar_subquery()


def count_new(connection: Connection) -> tuple[int, bool]:
    """How many traces are known only by pieces, and whether that is exact: no more than COUNTED are looked at."""
    some = select(pieces.c.trace_id).distinct().limit(COUNTED + 1).subquery()
    counted = select(func.count(), func.count(case((~_known(some.c.trace_id), 1)))).select_from(some)
    looked_at, new = connection.execute(counted).one()
    return min(new, COUNTED), looked_at <= COUNTED


def _known(trace_id: ColumnElement[str]) -> ColumnElement[bool]:
    listed = select(traces.c.seq).where(traces.c.trace_id == trace_id).exists()
    return listed | select(outbox.c.id).where(outbox.c.trace_id == trace_id).exists()


def find_known(connection: Connection, trace_ids: Collection[str]) -> set[str]:
    """Which of some traces there are, in the list or where they wait to be folded."""
    found: set[str] = set()
    ids = list(map(storable, trace_ids))
    for some in (ids[start : start + KNOWN_BATCH] for start in range(0, len(ids), KNOWN_BATCH)):
        for table in (traces, outbox, pieces):
            found.update(connection.scalars(select(table.c.trace_id).where(table.c.trace_id.in_(some)).distinct()))
    return found
