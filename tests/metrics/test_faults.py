"""What goes wrong with a database is said in words that help; nothing stored is lost, and no password is told."""

import logging
import socket
import sqlite3
import traceback
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text

from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.errors import ConfigError, StoreError
from tests.factories import make_chunk, make_trace
from tests.metrics.conftest import sqlite_url
from tests.metrics.postgres_cluster import TERMINATE, PostgresCluster, full_disk, plain_url


@pytest.mark.slow
def test_a_locked_store_says_how_long_it_waited_and_loses_nothing(tmp_path: Path) -> None:
    with TraceStore.open(sqlite_url(tmp_path), busy_timeout_s=0.1) as store:
        kept = make_trace()
        store.put(kept)
        holder = sqlite3.connect(tmp_path / "traces.sqlite", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"locked by another process for 0\.1 s .* Close the program"):
            store.put(make_trace())
        with pytest.raises(StoreError, match="locked"):
            store.annotate(kept.trace_id, 1)
        assert store.get(kept.trace_id).trace == kept
        holder.execute("ROLLBACK")
        holder.close()
        store.put(make_trace())
        assert store.count() == 2


@pytest.mark.slow
def test_a_locked_store_can_still_be_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with TraceStore.open(sqlite_url(tmp_path), busy_timeout_s=0.1) as store:
        store.put(make_trace())
        store.fold()
        store.put(make_trace())
        holder = sqlite3.connect(tmp_path / "traces.sqlite", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with caplog.at_level(logging.WARNING):
            page = store.page(TraceQuery())
        holder.execute("ROLLBACK")
        holder.close()
        assert (len(page.rows), page.total.value) == (1, 2)
        assert "may lack the newest traces" in caplog.text


def test_a_locked_postgres_says_so(postgres_url: str) -> None:
    with TraceStore.open(postgres_url, busy_timeout_s=0.2) as store, TraceStore.open(postgres_url) as other:
        trace = make_trace()
        store.put(trace)
        with other._database.writing(), pytest.raises(StoreError, match=r"locked for 0\.2 s"):
            store.annotate(trace.trace_id, 1)
        store.annotate(trace.trace_id, 1)


def test_a_full_disk_says_so_and_keeps_what_was_stored(sqlite_store: TraceStore) -> None:
    kept = make_trace()
    sqlite_store.put(kept)
    sqlite_store.fold()
    with sqlite_store._database.writing() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
    sqlite_store._database._execute_driver(f"PRAGMA max_page_count = {pages}")
    big = make_trace(chunks=(make_chunk(text="long " * 50_000),))
    with pytest.raises(StoreError, match=r"disk is full\. Free some space; what was stored before is safe"):
        sqlite_store.put(big)
    assert sqlite_store.get(kept.trace_id).trace == kept
    sqlite_store._database._execute_driver("PRAGMA max_page_count = 1000000")
    sqlite_store.put(big)
    assert sqlite_store.count() == 2


def test_a_servers_full_disk_says_so_and_keeps_what_was_stored(postgres_url: str) -> None:
    kept, big = make_trace(), make_trace()
    with TraceStore.open(postgres_url) as store:
        store.put(kept)
        with (
            full_disk(postgres_url),
            pytest.raises(StoreError, match=r"the server's disk is full\. Free some space there; what was stored"),
        ):
            store.put(big)
        assert store.get(kept.trace_id).trace == kept
        store.put(big)
        assert store.count() == 2


def test_a_server_that_takes_no_writing_is_read_and_says_so(postgres_url: str) -> None:
    kept = make_trace()
    name = make_url(postgres_url).database
    with TraceStore.open(postgres_url) as store:
        store.put(kept)
        with psycopg.connect(plain_url(postgres_url), autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            admin.execute(TERMINATE, (name,))
            with pytest.raises(StoreError, match="can be read but not written: the server is a standby"):
                store.put(make_trace())
            assert store.get(kept.trace_id).trace == kept
            admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            admin.execute(TERMINATE, (name,))
        store.put(make_trace())
        assert store.count() == 2


def test_a_server_without_connections_says_so_and_the_store_goes_on_once_it_has_one(postgres_url: str) -> None:
    name = make_url(postgres_url).database
    with TraceStore.open(postgres_url) as store, psycopg.connect(plain_url(postgres_url), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        admin.execute("CREATE ROLE visitor LOGIN PASSWORD 'secret-word'")
        try:
            visitor = make_url(postgres_url).set(username="visitor", password="secret-word")
            with pytest.raises(StoreError, match="has no room for another connection"):
                TraceStore.open(visitor.render_as_string(hide_password=False))
        finally:
            admin.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
            admin.execute("DROP ROLE visitor")
        store.put(make_trace())
        assert store.count() == 1


def test_a_store_goes_on_with_the_server_that_takes_the_place_of_a_killed_one(
    postgres: PostgresCluster, postgres_url: str
) -> None:
    kept = [make_trace() for _ in range(3)]
    with TraceStore.open(postgres_url, busy_timeout_s=1.0) as store:
        store.put(kept[0])
        store.fold()
        store.put(kept[1])
        with (
            postgres.failed_over(),
            pytest.raises(StoreError, match="cannot be reached, or the connection broke"),
        ):
            store.put(make_trace())
        store.put(kept[2])
        assert store.known([each.trace_id for each in kept]) == {each.trace_id for each in kept}
        assert store.count() == 3


def test_a_folder_that_cannot_be_made_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"folder .*file.* cannot be made .*RAGLASS_DATA_DIR"):
        TraceStore.open(f"sqlite:///{tmp_path / 'file' / 'data' / 'traces.sqlite'}")


def test_a_folder_that_cannot_be_written_says_what_to_do() -> None:
    # Not even root can make a file there.
    with pytest.raises(StoreError, match=r"cannot be opened\. Check that its folder exists and can be written"):
        TraceStore.open("sqlite:////proc/self/traces.sqlite")


def test_a_read_only_store_says_so(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    TraceStore.open(url).close()
    path = tmp_path / "traces.sqlite"
    with TraceStore.open(f"sqlite:///file:{path}?mode=ro&uri=true") as store:
        with pytest.raises(StoreError, match="can be read but not written"):
            store.put(make_trace())
        assert store.count() == 0


@pytest.mark.parametrize("content", [b"this is no database at all, but a text\n" * 200, b"PK\x03\x04" + bytes(8_192)])
def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "traces.sqlite"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"left as it was\. Move it aside, for example `mv '.*traces\.sqlite' "):
        TraceStore.open(sqlite_url(tmp_path))
    assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["traces.sqlite"]


@pytest.mark.slow
def test_a_store_damaged_inside_says_so_when_the_damage_is_met(tmp_path: Path) -> None:
    with TraceStore.open(sqlite_url(tmp_path)) as store:
        for _ in range(200):
            store.put(make_trace())
        store.fold()
    path = tmp_path / "traces.sqlite"
    content = bytearray(path.read_bytes())
    content[4_096 * 8 :] = b"\xff" * (len(content) - 4_096 * 8)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"), TraceStore.open(sqlite_url(tmp_path)) as store:
        list(store.export(TraceQuery()))
    assert path.read_bytes()[4_096 * 8 :] == bytes(content[4_096 * 8 :])


def told(error: BaseException, caplog: pytest.LogCaptureFixture) -> str:
    """All that a person could see of an error: message, chain of causes, log."""
    return "".join(traceback.format_exception(error)) + repr(error) + caplog.text


def test_an_unreachable_postgres_is_told_without_the_password(
    caplog: pytest.LogCaptureFixture, unused_port: int
) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"postgresql+psycopg://raglass:s3cret-word@127.0.0.1:{unused_port}/traces"
    with pytest.raises(
        StoreError, match=rf"postgresql://127\.0\.0\.1:{unused_port}/traces cannot be reached"
    ) as caught:
        TraceStore.open(url)
    assert "s3cret-word" not in told(caught.value, caplog)


@pytest.fixture
def unused_port() -> int:
    """A loopback port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://raglass:s3cret-word@host:port/traces",
        "://raglass:s3cret-word@host",
        "mysql://u:s3cret-word@host/db",
    ],
)
def test_a_wrong_url_is_told_without_the_password(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigError) as caught:
        TraceStore.open(url)
    assert "s3cret-word" not in told(caught.value, caplog)


def test_a_wrong_password_and_a_missing_database_say_so(
    postgres: PostgresCluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = postgres.url("postgres", password="s3cret-word")
    with pytest.raises(StoreError, match="RAGLASS_DATABASE_URL") as caught:
        TraceStore.open(wrong)
    assert "s3cret-word" not in told(caught.value, caplog)
    with pytest.raises(StoreError, match="RAGLASS_DATABASE_URL") as caught:
        TraceStore.open(postgres.url("nowhere"))
    assert postgres.password not in told(caught.value, caplog)


def test_no_store_shows_its_password(postgres: PostgresCluster, postgres_url: str) -> None:
    url = f"{postgres_url}?application_name=x&password={postgres.password.replace('+', '%2B')}"
    with TraceStore.open(url) as store:
        store.put(make_trace())
        shown = f"{store!r} {store.health()} {store._database.engine!r}"
    assert postgres.password not in shown


def test_health_says_what_is_wrong_instead_of_raising(tmp_path: Path) -> None:
    store = TraceStore.open(sqlite_url(tmp_path))
    store._folder.stop()
    store._database.engine.dispose()
    path = tmp_path / "traces.sqlite"
    for name in ("traces.sqlite-wal", "traces.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    path.write_bytes(b"gone" * 4_096)
    health = store.health()
    store.close()
    store._database._driver.close()  # it went back to the pool that was disposed of above
    assert not health.ok
    assert "damaged" in health.detail
