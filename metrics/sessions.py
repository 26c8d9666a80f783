"""Conversations: which there are, the one last spoken in first."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, literal_column, select, tuple_

from metrics.tables import traces

FEW = 10_000
"""Traces of conversations that are grouped at one go."""

LOOKED = 1_000
"""Traces looked at in one step of the way back from the newest."""

_GIVEN = traces.c.session != literal_column("''")
"""Written out, not bound: a partial index serves only a condition that the planner can read."""

SessionPosition = tuple[float, str]
"""A place in the list: when a conversation was last spoken in, and its id."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One line of a list of conversations."""

    session: str
    """The conversation."""
    first_at: float
    """When its first question was asked, in seconds since the epoch."""
    last_at: float
    """When its last question was asked."""
    traces: int
    """How many questions it has."""
    errors: int
    """How many of them failed."""
    service: str = ""
    """The application that answered, the first by name of several; empty where none but this one did."""
    services: int = 0
    """How many applications answered."""

    @property
    def position(self) -> SessionPosition:
        """Its place in the list."""
        return self.last_at, self.session


def list_sessions(connection: Connection, before: SessionPosition | None, limit: int) -> list[SessionRow]:
    """Up to `limit` conversations beyond a place in the list.

    Where few traces have a conversation, all of them are grouped, which reads no more than their own index. Else the way goes back from
    the newest trace, where conversations are dense, and each that is met is looked up in that index. A leap through the index from one
    conversation to the next would meet all there ever were, since their ids are in no order of time.
    """
    some = select(traces.c.seq).where(_GIVEN).limit(FEW + 1).subquery()
    if (connection.scalar(select(func.count()).select_from(some)) or 0) <= FEW:
        return _read(connection, _group(before).limit(limit))
    return _walk(connection, before, limit)


def _walk(connection: Connection, before: SessionPosition | None, limit: int) -> list[SessionRow]:
    met: set[str] = set()
    found: list[SessionRow] = []
    place = None if before is None else (before[0], 2**63 - 1)
    while True:
        step = connection.execute(_step(place, met)).all()
        new = {row.session for row in step}
        met |= new
        found += _read(connection, _group(before).where(traces.c.session.in_(new)))
        found.sort(key=lambda row: row.position, reverse=True)
        if len(step) < LOOKED:
            return found[:limit]
        place = (step[-1].asked_at, step[-1].seq)
        # Of those last spoken in at the very time where the step ends, there may be others beyond it.
        sure = [row for row in found[:limit] if row.last_at > place[0]]
        if len(sure) == limit:
            return sure


def _step(place: tuple[float, int] | None, met: Collection[str]) -> Select[Any]:
    """The next traces on the way back, less those of conversations that were met already."""
    keys = (traces.c.asked_at, traces.c.seq)
    statement = select(*keys, traces.c.session).where(_GIVEN, traces.c.session.not_in(met))
    if place is not None:
        statement = statement.where(tuple_(*keys) < tuple_(*place))
    return statement.order_by(*(key.desc() for key in keys)).limit(LOOKED)


def _group(before: SessionPosition | None) -> Select[Any]:
    last_at, named = func.max(traces.c.asked_at), func.nullif(traces.c.service, "")
    columns = (
        traces.c.session,
        func.min(traces.c.asked_at),
        last_at,
        func.count(),
        func.count(traces.c.error_kind),
        func.coalesce(func.min(named), ""),
        func.count(named.distinct()),
    )
    grouped = select(*columns).where(_GIVEN).group_by(traces.c.session)
    if before is not None:
        grouped = grouped.having(tuple_(last_at, traces.c.session) < tuple_(*before))
    return grouped.order_by(last_at.desc(), traces.c.session.desc())


def _read(connection: Connection, statement: Select[Any]) -> list[SessionRow]:
    return [SessionRow(*row) for row in connection.execute(statement)]
