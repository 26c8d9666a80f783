"""`StoreHealth`: how a trace store is, for people and probes."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from metrics import paging, pieces
from metrics.database import Database
from metrics.tables import outbox, state


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
    forgotten: int = 0
    """Traces that were ever deleted."""


def examine(connection: Connection, database: Database) -> StoreHealth:
    """How a store is that can be read. Raises what the database does, or OSError, for one that cannot."""
    total = paging.count_total(connection).value
    waiting = (connection.scalar(select(func.count()).select_from(outbox)) or 0) + pieces.count_new(connection)[0]
    stored_bytes = database.stored_bytes()
    detail = f"traces stored: {total:,}; on disk: {stored_bytes / 1e6:.3g} MB"
    forgotten = int(connection.scalar(select(state.c.forgotten)) or 0)
    return StoreHealth(True, database.location, detail, total, waiting, stored_bytes, forgotten)


def read_changes(connection: Connection) -> int:
    """How many pieces were folded beyond the first of each trace."""
    return int(connection.scalar(select(state.c.changed)) or 0)


def read_version(connection: Connection) -> str:
    """A token that differs once anything stored has changed; see `metrics.store.TraceStore.version`."""
    waiting = select(func.count()).select_from(outbox).scalar_subquery()
    # Folding a piece takes one away and adds one to `folded` or `changed`.
    stored = state.c.folded + state.c.changed + waiting + pieces.count_pieces()
    watched = func.coalesce(state.c.scored, 0) + func.coalesce(state.c.judged, 0)
    token = select(state.c.store_id, stored, state.c.annotations, state.c.forgotten, watched)
    return "-".join(map(str, connection.execute(token).one()))
