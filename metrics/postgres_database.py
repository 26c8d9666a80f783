"""`PostgresDatabase`: a store on a server that several dashboards share."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    TextClause,
    create_engine,
    event,
    func,
    inspect,
    select,
    text,
)

from metrics import faults
from metrics.migration import (
    HEAD,
    IS_KNOWN,
    MIGRATION_TIMEOUT_S,
    READ_REVISION,
    check_revision,
    current_revision,
    migrate,
)
from metrics.postgres_patience import PatientConnection, connect_timeout_s, hurrying
from metrics.tables import metadata

ADVISORY_LOCK = 0x7261676C
"""PostgreSQL's lock number for folding and migrating: `ragl` in ASCII."""

TURN_LOCK = ADVISORY_LOCK + 1
"""Its lock number for deleting what is old."""

LOOK_AGAIN_S = 1.0
"""How long readers trust what they last saw of the schema: asking before each would take another way to the server and back."""

_APPEND = text(
    "INSERT INTO outbox (trace_id, payload) SELECT :trace_id, :payload "
    f"WHERE NOT EXISTS (SELECT 1 FROM traces WHERE trace_id = :trace_id AND origin <> 'application') AND {IS_KNOWN} "
    "ON CONFLICT (trace_id) DO NOTHING"
)

_APPEND_PIECE = text(
    f"INSERT INTO pieces (trace_id, arrived_at, payload) SELECT :trace_id, :arrived_at, :payload WHERE {IS_KNOWN}"
)

APPENDED = ("outbox", "pieces")
"""Tables that are written without the advisory lock."""


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
        self._looked_s = time.monotonic()
        event.listen(self.engine, "begin", self._look)

    def _migrate(self) -> None:
        with self.engine.connect() as connection:
            if current_revision(connection) == HEAD:
                return
        with self._locked(MIGRATION_TIMEOUT_S) as connection:
            _hold_appending(connection)
            migrate(connection, location=self.location)

    def _look(self, connection: Connection) -> None:
        """Look at the schema before reading, now and then."""
        if time.monotonic() - self._looked_s > LOOK_AGAIN_S:
            self._check_revision(connection)

    def check_revision(self) -> None:
        """Raise Outgrown where another version of Raglass has migrated the store."""
        with self._appending.connect() as connection:
            self._check_revision(connection)

    def _check_revision(self, connection: Connection) -> None:
        check_revision(connection.exec_driver_sql(READ_REVISION).scalar(), self.location)
        self._looked_s = time.monotonic()

    def append(self, rows: Sequence[tuple[str, bytes]]) -> None:
        """Add traces (id, payload) to the outbox in a transaction of their own, but for those that are stored already."""
        given = [{"trace_id": trace_id, "payload": payload} for trace_id, payload in rows]
        if not given:
            return
        with hurrying(self.busy_timeout_s), self._transaction(len(given)) as connection:
            self._append(connection, _APPEND, given)

    def append_pieces(self, rows: Sequence[tuple[str, float, bytes]]) -> None:
        """Add spans (trace id, seconds since the epoch, payload) to the pieces in a transaction of their own."""
        given = [{"trace_id": trace_id, "arrived_at": came, "payload": payload} for trace_id, came, payload in rows]
        with hurrying(self.busy_timeout_s), self._transaction(len(given)) as connection:
            self._append(connection, _APPEND_PIECE, given)

    def _append(self, connection: Connection, statement: TextClause, given: Sequence[dict[str, Any]]) -> None:
        if connection.execute(statement, given).rowcount < len(given):
            self._check_revision(connection)  # else they were stored already

    def _transaction(self, rows: int) -> AbstractContextManager[Connection]:
        """A connection that commits: at once where there is one row, which takes one way to the server and back instead of three."""
        return self._appending.connect() if rows == 1 else self._base.begin()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the store's advisory lock."""
        with self._locked() as connection:
            self._check_revision(connection)
            yield connection

    @contextmanager
    def _locked(self, timeout_s: float | None = None) -> Iterator[Connection]:
        """READ COMMITTED, so that it sees what the holder before it committed meanwhile."""
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


def _hold_appending(connection: Connection) -> None:
    """Let nobody append until the transaction ends: what an older Raglass has not stored by then it finds out that it may not."""
    known = set(inspect(connection).get_table_names())
    for name in known.intersection(APPENDED):
        connection.execute(text(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE"))


def _connect(_dialect: Any, _record: Any, arguments: Any, options: dict[str, Any]) -> PatientConnection:
    return PatientConnection.connect(*arguments, **options, connect_timeout=connect_timeout_s())
