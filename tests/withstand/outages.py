"""Databases that fail under a store that is written to: restarted, failed over, read-only, without connections, on a full disk."""

import resource
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.errors import StoreError
from tests.factories import make_trace
from tests.metrics.postgres_cluster import PostgresCluster, plain_url
from tests.withstand.disks import full_file_disk, full_server_disk, full_tablespace
from tests.withstand.traffic import Traffic

STEPS = 60
"""Points at which a disk is full, each so many bytes after the one before."""

STEP_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Outage:
    """A database that fails and comes back."""

    name: str
    """As the table names it."""
    run: Callable[[PostgresCluster], str]
    """Lets it happen: what came of it, which begins with `held` where nothing was lost."""


def restart(cluster: PostgresCluster) -> str:
    """The server is stopped at once and started again, under an open store."""
    return _without_server(cluster, cluster.stopped)


def fail_over(cluster: PostgresCluster) -> str:
    """The server is killed with all its processes, and another takes its place over the same data."""
    return _without_server(cluster, cluster.failed_over)


def _without_server(cluster: PostgresCluster, gone: Callable[[], AbstractContextManager[None]]) -> str:
    with cluster.database() as url, TraceStore.open(url, busy_timeout_s=1.0) as store:
        with Traffic(store) as traffic:
            for _ in range(5):
                traffic.meet("kept")
                with gone():
                    traffic.meet("refused")
            traffic.meet("kept")
        return traffic.verdict()


def read_only(cluster: PostgresCluster) -> str:
    """The server takes no writing for a while, as a standby that was failed over to does not."""
    with cluster.database() as url, TraceStore.open(url, busy_timeout_s=1.0) as store:
        with Traffic(store) as traffic:
            traffic.meet("kept")
            with psycopg.connect(plain_url(url), autocommit=True) as admin:
                admin.execute(f"ALTER DATABASE {admin.info.dbname} SET default_transaction_read_only = on")
                _drop_others(admin)
            traffic.meet("refused", 10)
            writing = "-c default_transaction_read_only=off"
            with psycopg.connect(plain_url(url), autocommit=True, options=writing) as admin:
                admin.execute(f"ALTER DATABASE {admin.info.dbname} RESET default_transaction_read_only")
                _drop_others(admin)
            traffic.meet("kept")
        return traffic.verdict()


def no_connections(cluster: PostgresCluster) -> str:
    """Others use up all connections of the server for a while: of each that the store gives back, or loses, they take the place."""
    with cluster.database() as url, TraceStore.open(url, busy_timeout_s=1.0) as store:
        with Traffic(store) as traffic:
            traffic.meet("kept")
            with psycopg.connect(plain_url(url), autocommit=True) as admin, ExitStack() as others:
                before = traffic.refused
                while traffic.refused < before + 10:
                    _drop_store(admin)
                    _take_all(plain_url(url), others)
            traffic.meet("kept")
        return traffic.verdict()


def _take_all(url: str, others: ExitStack) -> None:
    """Take every connection that is left."""
    with suppress(psycopg.OperationalError):
        while True:
            others.enter_context(psycopg.connect(url))


def _put(store: TraceStore, kept: list[str]) -> bool:
    """Put a trace, and note it once it is acknowledged. Raises whatever is no StoreError."""
    trace = make_trace()
    try:
        store.put(trace)
    except StoreError:
        return False
    kept.append(trace.trace_id)
    return True


def _is_whole(store: TraceStore, kept: list[str]) -> bool:
    """Whether all that was acknowledged is there, and more can be put."""
    again = _put(store, kept)
    lost = sum(store.get(trace_id) is None for trace_id in kept)
    store.fold()
    return again and not lost and store.page(TraceQuery(), limit=1).matched.value >= len(kept)


def full_disk(_: PostgresCluster) -> str:
    """No file may grow beyond a limit that comes a page later each time: SQLite meets it at every write in turn."""
    lost = refused = acknowledged = 0
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    for step in range(STEPS):
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{Path(folder, 'traces.sqlite')}"
            kept: list[str] = []
            with TraceStore.open(url) as store:
                _put(store, kept)
            size = max(file.stat().st_size for file in Path(folder).iterdir())
            with TraceStore.open(url) as store:
                resource.setrlimit(
                    resource.RLIMIT_FSIZE, (step * STEP_BYTES if step < STEPS // 2 else size + step * STEP_BYTES, most)
                )
                try:
                    for _again in range(20):
                        refused += not _put(store, kept)
                    refused += _refused(store.fold)
                    refused += _refused(lambda store=store: store.upkeep.back_up(Path(folder, "backup"), "1"))  # type: ignore[misc]
                finally:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
                acknowledged += len(kept)
                lost += not _is_whole(store, kept)
    held = not lost and refused > 0
    return f"{'held' if held else 'NOT HELD'}: {STEPS} limits, {acknowledged} acknowledged, {refused} refused, {lost} stores not whole"


def _refused(work: Callable[[], object]) -> int:
    """1 where a work is refused as a StoreError."""
    try:
        work()
    except StoreError:
        return 1
    return 0


def _drop_others(admin: "psycopg.Connection[tuple[object, ...]]") -> None:
    admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def _drop_store(admin: "psycopg.Connection[tuple[object, ...]]") -> None:
    """End the connections that the store holds; the others have never asked anything."""
    admin.execute(
        "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND application_name = '' AND query <> '') AS used"
    )


OUTAGES = (
    Outage("PostgreSQL stopped and started 5 times", restart),
    Outage("PostgreSQL killed, another 5 times", fail_over),
    Outage("PostgreSQL read-only", read_only),
    Outage("PostgreSQL without connections", no_connections),
    Outage("PostgreSQL, its tables' disk full", full_tablespace),
    Outage("PostgreSQL, all of its disk full", full_server_disk),
    Outage("SQLite, its disk full", full_file_disk),
    Outage("SQLite, a full disk at every write", full_disk),
)
"""All of them."""
