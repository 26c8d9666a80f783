"""`PostgresDatabase`: a store on a server that several dashboards share."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    func,
    insert,
    select,
    text,
)

from metrics import faults
from metrics.migration import HEAD, MIGRATION_TIMEOUT_S, current_revision, migrate
from metrics.postgres_patience import PatientConnection, connect_timeout_s, hurrying
from metrics.tables import metadata, pieces

ADVISORY_LOCK = 0x7261676C
"""PostgreSQL's lock number for folding and migrating: `ragl` in ASCII."""

TURN_LOCK = ADVISORY_LOCK + 1
"""Its lock number for deleting what is old."""

_POSTGRES_APPEND = text(
    "INSERT INTO outbox (trace_id, payload) SELECT :trace_id, :payload "
    "WHERE NOT EXISTS (SELECT 1 FROM traces WHERE trace_id = :trace_id AND origin <> 'application') "
    "ON CONFLICT (trace_id) DO NOTHING"
)


class PostgresDatabase:
    """A server that several dashboards share. Appending takes no lock; folding takes one advisory lock."""

    def __init__(self, url: URL, busy_timeout_s: float) -> None:
        port = f":{url.port}" if url.port else ""
        self.location = f"postgresql://{url.host or 'localhost'}{port}/{url.database or ''}"
        self.busy_timeout_s = busy_timeout_s
        self._base = create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            connect_args={
                "options": f"-c lock_timeout={int(busy_timeout_s * 1000)}",
            },
        )
        event.listen(self._base, "do_connect", _connect)
        # A list and its counts, or all of an export, must be of one moment.
        self.engine: Engine = self._base.execution_options(isolation_level="REPEATABLE READ")
        self._appending = self._base.execution_options(isolation_level="AUTOCOMMIT")
        try:
            with faults.explained(self.location, busy_timeout_s):
                self._migrate()
        except BaseException:
            self.engine.dispose()
            raise

    def _migrate(self) -> None:
        with self.engine.connect() as connection:
            if current_revision(connection) == HEAD:
                return
        with self.writing(timeout_s=MIGRATION_TIMEOUT_S) as connection:
            migrate(connection, location=self.location)

    def append(self, rows: Sequence[tuple[str, bytes]]) -> None:
        """Add traces (id, payload) to the outbox in a transaction of their own, but for those that are stored already."""
        given = [{"trace_id": trace_id, "payload": payload} for trace_id, payload in rows]
        if not given:
            return
        with hurrying(self.busy_timeout_s), self._transaction(len(given)) as connection:
            connection.execute(_POSTGRES_APPEND, given)

    def append_pieces(self, rows: Sequence[tuple[str, float, bytes]]) -> None:
        """Add spans (trace id, seconds since the epoch, payload) to the pieces in a transaction of their own."""
        given = [{"trace_id": trace_id, "arrived_at": came, "payload": payload} for trace_id, came, payload in rows]
        with hurrying(self.busy_timeout_s), self._transaction(len(given)) as connection:
            connection.execute(insert(pieces), given)

    def _transaction(self, rows: int) -> AbstractContextManager[Connection]:
        """A connection that commits: at once where there is one row, which takes one way to the server and back instead of three."""
        return self._appending.connect() if rows == 1 else self._base.begin()

    @contextmanager
    def writing(self, timeout_s: float | None = None) -> Iterator[Connection]:
        """A transaction that holds the store's advisory lock.

        READ COMMITTED, so that it sees what the holder before it committed meanwhile.
        """
        with self._base.begin() as connection:
            if timeout_s is not None:
                connection.execute(text(f"SET LOCAL lock_timeout = {int(timeout_s * 1000)}"))
            connection.execute(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))
            yield connection

    def stored_bytes(self) -> int:
        """Size of the store's tables with their indexes."""
        with self.engine.connect() as connection:
            sizes = [connection.scalar(select(func.pg_total_relation_size(name))) for name in metadata.tables]
        return sum(size or 0 for size in sizes)

    def checkpoint(self) -> None:
        """Nothing: the server does so by itself."""

    def tidy(self) -> None:
        """Nothing: the server has autovacuum."""

    def release(self) -> int:
        """Nothing: autovacuum makes the space of deleted rows free for others."""
        return 0

    @contextmanager
    def taking_turn(self) -> Iterator[bool]:
        """Whether this process alone may delete what is old while the block runs."""
        with self._appending.connect() as connection:
            mine = bool(connection.scalar(select(func.pg_try_advisory_lock(TURN_LOCK))))
            try:
                yield mine
            finally:
                if mine:
                    connection.execute(select(func.pg_advisory_unlock(TURN_LOCK)))

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _connect(_dialect: Any, _record: Any, arguments: Any, options: dict[str, Any]) -> PatientConnection:
    return PatientConnection.connect(*arguments, **options, connect_timeout=connect_timeout_s())
