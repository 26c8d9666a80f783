"""Backup and restore: all that a store holds comes back, on either database, and nothing is lost however it ends."""

import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select

from metrics import backup, payloads, restoring
from metrics.backup import MANIFEST, Stopped
from metrics.migration import migrate
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from metrics.tables import alerts, keys, metadata, outbox, pieces, silences, views
from pipeline.errors import InputError, StoreError
from pipeline.prompts import PromptTemplate
from tests.factories import make_trace
from tests.metrics.assembling import assemble, make_records
from tests.metrics.conftest import sqlite_url
from tests.metrics.postgres_cluster import PostgresCluster

ROOT = Path(__file__).resolve().parents[2]
CHANGES = {"state": {"store_id"}, "outbox": {"id"}, "pieces": {"id"}}
"""Columns that a restored store has of its own."""


@pytest.fixture
def full_store(store_url: str) -> Iterator[TraceStore]:
    """A store with something in every table."""
    with TraceStore.open(store_url, assembling=assemble) as store:
        fill(store)
        yield store


def fill(store: TraceStore) -> None:
    store.put_all([make_trace(trace_id=f"{number:032x}", tags=("t",), asked_at=1e9 + number) for number in range(5)])
    store.put_spans(make_records("b" * 32))
    store.annotate(f"{1:032x}", -1, "look – “here”")
    store.keep_explanation(f"{2:032x}", "chunks", {"scores": [0.25, None]})
    store.runs.start("r1", {"dataset": "d"})
    store.runs.keep("r1", [("q1", f"{3:032x}", {"right": True})])
    store.runs.keep_calibration("local/embedded", "r1", {"slope": 1.5})
    store.prompts.save(PromptTemplate("short", "{context}\n\n{question}"))
    store.audit.add("ada@example.com", "saved a view", "slow")
    store.alerts.save_rule("slow", {"series": "latency_p95"})
    store.fold()
    store.quality.put("scored", {4: {"grounded": 0.25, "cited": None}}, 4)
    store.forget([f"{0:032x}"])
    with store._database.writing() as connection:
        connection.execute(keys.insert().values(key_id="k", name="shop", digest="d1", scope="ingest", created_at=1.0))
        connection.execute(views.insert().values(name="slow", address="slower_ms=9", saved_at=2.0))
        connection.execute(silences.insert().values(silence_id="s", rule="", until=9.0, why="–", made_at=2.0))
        alert = {"alert_id": "a", "rule": "slow", "state": "open", "began_at": 1.0, "value": 2.5, "about": "{}"}
        connection.execute(alerts.insert().values(**alert))
        connection.execute(outbox.insert().values(trace_id="e" * 32, payload=b"{broken"))
        connection.execute(pieces.insert().values(trace_id="d" * 32, arrived_at=3.0, payload=b"[broken"))


@pytest.fixture
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Any]:
    """Opens an empty store on the database that is named."""

    def open_store(name: str) -> TraceStore:
        if name == "sqlite":
            (tmp_path / "other").mkdir(exist_ok=True)
            url = sqlite_url(tmp_path / "other")
        else:
            cluster: PostgresCluster = request.getfixturevalue("postgres")
            entered = cluster.database()
            url = entered.__enter__()
            request.addfinalizer(lambda: entered.__exit__(None, None, None))
        opened = TraceStore.open(url, assembling=assemble)
        request.addfinalizer(opened.close)
        return opened

    return open_store


def contents(store: TraceStore) -> dict[str, set[tuple[Any, ...]]]:
    """All rows of all tables, less the columns that a store has of its own."""
    found = {}
    with store._database.engine.connect() as connection:
        for table in metadata.sorted_tables:
            columns = [column for column in table.columns if column.name not in CHANGES.get(table.name, ())]
            found[table.name] = {tuple(row) for row in connection.execute(select(*columns))}
    return found


def back_up(store: TraceStore, folder: Path, **options: Any) -> Path:
    file = folder / "all.backup"
    store.upkeep.back_up(file, "1.2.3", **options)
    return file


@pytest.mark.slow
@pytest.mark.parametrize("other", ["sqlite", "postgres"])
def test_a_backup_of_either_database_restores_into_either(
    full_store: TraceStore, new_store: Callable[[str], TraceStore], other: str, tmp_path: Path
) -> None:
    file = back_up(full_store, tmp_path)
    target = new_store(other)
    assert target.upkeep.restore(file, "empty") == 6
    assert contents(target) == contents(full_store)
    assert all(contents(target).values())
    assert target.page(TraceQuery(search="look – “here")).matched.value == 1
    assert target.page(TraceQuery(tags=frozenset({"t"}))).matched.value == 4
    assert target.latency(1e9, 1e9 + 60) == full_store.latency(1e9, 1e9 + 60)
    assert target.explanations(f"{2:032x}") == {"chunks": {"scores": [0.25, None]}}
    assert target.count() == full_store.count()


@pytest.mark.slow
@pytest.mark.parametrize("other", ["sqlite", "postgres"])
def test_a_restored_store_goes_on_as_any_other(
    full_store: TraceStore, new_store: Callable[[str], TraceStore], other: str, tmp_path: Path
) -> None:
    target = new_store(other)
    target.upkeep.restore(back_up(full_store, tmp_path), "empty")
    fresh = make_trace(tags=("new", "t"))
    target.put(fresh)
    target.put_spans(make_records("c" * 32))
    target.fold()
    assert target.page(TraceQuery(tags=frozenset({"t"}))).matched.value == 5
    assert target.labels("tag") == ["new", "t", "vip"]
    assert target.forget([fresh.trace_id]).deleted == 1
    assert target.version() != full_store.version()


@pytest.mark.slow
def test_a_full_store_is_not_filled_unless_that_is_said(full_store: TraceStore, tmp_path: Path) -> None:
    file = back_up(full_store, tmp_path)
    before = contents(full_store)
    with pytest.raises(InputError, match=r"holds something already.*--merge.*--replace"):
        full_store.upkeep.restore(file, "empty")
    assert contents(full_store) == before


@pytest.mark.slow
def test_replacing_brings_back_what_was(full_store: TraceStore, tmp_path: Path) -> None:
    file = back_up(full_store, tmp_path)
    before, token = contents(full_store), full_store.version()
    full_store.put(make_trace(question="Was it here before?"))
    full_store.annotate(f"{4:032x}", 1)
    full_store.fold()
    full_store.upkeep.restore(file, "replace")
    assert contents(full_store) == before
    assert full_store.version() != token
    assert full_store.page(TraceQuery(search="was it here")).matched.value == 0


@pytest.mark.slow
@pytest.mark.parametrize("other", ["sqlite", "postgres"])
def test_merging_adds_what_is_missing_and_leaves_what_is_there(
    full_store: TraceStore, new_store: Callable[[str], TraceStore], other: str, tmp_path: Path
) -> None:
    file = back_up(full_store, tmp_path)
    target = new_store(other)
    own = make_trace(trace_id=f"{2:032x}", question="Mine?")
    target.prompts.save(PromptTemplate("short", "Mine: {context}\n\n{question}"))
    target.put_all([own, make_trace(question="Also mine?")])
    assert target.upkeep.restore(file, "merge") == 6  # three more, one of spans, and two that cannot be read
    assert target.count() == 8
    stored = target.get(f"{2:032x}")
    assert stored is not None
    assert stored.trace.question == "Mine?"
    noted = target.get(f"{1:032x}")
    assert noted is not None
    assert (noted.rating, noted.note) == (-1, "look – “here”")
    assert target.page(TraceQuery(search="“here”")).matched.value == 1
    assert [(each.number, each.prompt.text[:4]) for each in target.prompts.all()] == [(2, "{con"), (1, "Mine")]
    assert target.runs.scores("r1") == [{"right": True}]
    assert target.runs.calibration("local/embedded") == {"slope": 1.5}
    assert target.quality.of(f"{3:032x}") == {"grounded": 0.25, "cited": None}
    again = contents(target)
    assert target.upkeep.restore(file, "merge") == 0
    assert {**contents(target), "state": set()} == {**again, "state": set()}


@pytest.mark.slow
def test_merging_brings_something_of_every_table(
    full_store: TraceStore, new_store: Callable[[str], TraceStore], tmp_path: Path
) -> None:
    target = new_store("sqlite")
    target.upkeep.restore(back_up(full_store, tmp_path), "merge")
    assert [name for name, rows in contents(target).items() if not rows] == []


@pytest.mark.slow
def test_merging_does_not_take_a_key_twice(full_store: TraceStore, tmp_path: Path) -> None:
    file = back_up(full_store, tmp_path)
    with full_store._database.writing() as connection:
        connection.execute(keys.update().values(key_id="another"))
    full_store.upkeep.restore(file, "merge")
    assert len(contents(full_store)["keys"]) == 1


@pytest.mark.slow
def test_stopped_merging_is_gone_on_with(store: TraceStore, tmp_path: Path) -> None:
    store.put_all([make_trace() for _ in range(500)])
    file = back_up(store, tmp_path)
    store.forget(TraceQuery())
    seen: list[int] = []
    with pytest.raises(Stopped):
        store.upkeep.restore(file, "merge", on_progress=lambda done, _: seen.append(done), stopping=lambda: bool(seen))
    assert store.count() == seen[0]
    assert store.upkeep.restore(file, "merge") == 500 - seen[0]
    assert store.count() == 500


@pytest.mark.slow
def test_a_backup_is_of_one_moment_though_traces_go_on_coming(store: TraceStore, tmp_path: Path) -> None:
    store.put_all([make_trace() for _ in range(50)])
    store.fold()
    ended = threading.Event()

    def go_on() -> None:
        while not ended.is_set():
            store.put(make_trace())
            store.fold()

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        file = back_up(store, tmp_path)
    finally:
        ended.set()
        writer.join()
    with closing(sqlite3.connect(file)) as driver:
        counts = {
            name: driver.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("traces", "payloads", "search_texts")
        }
        folded = driver.execute("SELECT folded FROM state").fetchone()[0]
    assert set(counts.values()) == {folded}
    assert folded >= 50


def test_the_file_says_what_it_is_and_is_for_its_owner_alone(full_store: TraceStore, tmp_path: Path) -> None:
    file = back_up(full_store, tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    manifest = restoring.check(file, lambda *_: None, lambda: False)
    assert (manifest.format, manifest.raglass, manifest.counts["traces"]) == (1, "1.2.3", 5)
    assert list(tmp_path.glob("*.partial")) == []


def test_a_file_that_is_there_is_replaced_only_where_that_is_said(full_store: TraceStore, tmp_path: Path) -> None:
    (tmp_path / "all.backup").write_text("precious")
    with pytest.raises(InputError, match="is there already"):
        back_up(full_store, tmp_path)
    assert (tmp_path / "all.backup").read_text() == "precious"
    assert restoring.check(back_up(full_store, tmp_path, force=True), lambda *_: None, lambda: False).counts


@pytest.mark.parametrize(("place", "why"), [("", "is a folder"), ("none/x", "There is no folder")])
def test_a_place_that_cannot_be_is_refused(full_store: TraceStore, tmp_path: Path, place: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        full_store.upkeep.back_up(tmp_path / place, "1")


def test_stopped_backup_leaves_nothing(full_store: TraceStore, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        back_up(full_store, tmp_path, stopping=lambda: True)
    assert [file.name for file in tmp_path.iterdir() if "backup" in file.name] == []


@pytest.mark.slow
def test_a_full_disk_is_said_and_the_earlier_backup_stays(
    full_store: TraceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = back_up(full_store, tmp_path)
    before = file.read_bytes()

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(backup, "_sync", full)
    with pytest.raises(StoreError, match=r"could not be written \(No space left on device\)"):
        back_up(full_store, tmp_path, force=True)
    assert file.read_bytes() == before
    assert list(tmp_path.glob("*.partial")) == []


def test_a_file_that_cannot_grow_is_said(
    full_store: TraceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tables = backup.make_tables

    def make_few(file: Path) -> None:
        make_tables(file)
        connect = sqlite3.connect

        def connect_small(*given: Any, **named: Any) -> sqlite3.Connection:
            driver = connect(*given, **named)
            pages = driver.execute("PRAGMA page_count").fetchone()[0]
            driver.execute(f"PRAGMA max_page_count = {pages}")
            return driver

        monkeypatch.setattr(backup.sqlite3, "connect", connect_small)

    monkeypatch.setattr(backup, "make_tables", make_few)
    full_store.put_all([make_trace(question="long " * 5000) for _ in range(20)])
    with pytest.raises(StoreError, match="the disk is full"):
        back_up(full_store, tmp_path)
    assert list(tmp_path.glob("all.backup*")) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("UPDATE traces SET question = 'forged' WHERE seq = (SELECT max(seq) FROM traces)", "checksum"),
        ("DELETE FROM payloads WHERE seq = (SELECT max(seq) FROM traces)", "of 5 rows of payloads it holds 4"),
        (f"UPDATE {MANIFEST} SET about = '[]'", "what it says of itself"),
        (f"UPDATE {MANIFEST} SET about = replace(about, 'views', 'sqlite_master')", "names tables"),
        (f"UPDATE {MANIFEST} SET about = replace(about, '\"format\": 1', '\"format\": 2')", "which is newer"),
        (f'UPDATE {MANIFEST} SET about = replace(about, \'"revision": "0\', \'"revision": "9\')', "Update Raglass"),
    ],
)
def test_a_file_that_is_not_what_was_written_is_refused_before_anything_is_touched(
    full_store: TraceStore, tmp_path: Path, damage: str, why: str
) -> None:
    file = back_up(full_store, tmp_path)
    with closing(sqlite3.connect(file)) as driver, driver:
        driver.execute(damage)
    before = contents(full_store)
    with pytest.raises(StoreError, match=why):
        full_store.upkeep.restore(file, "replace")
    assert contents(full_store) == before


@pytest.mark.slow
def test_a_truncated_or_overwritten_file_is_refused(full_store: TraceStore, tmp_path: Path) -> None:
    file = back_up(full_store, tmp_path)
    whole = file.read_bytes()
    before = contents(full_store)
    for broken in (
        whole[: len(whole) // 2],
        whole[:20_000] + os.urandom(30_000) + whole[50_000:],
        b"",
        b"no backup" * 99,
    ):
        file.write_bytes(broken)
        with pytest.raises((StoreError, InputError)):
            full_store.upkeep.restore(file, "replace")
    assert contents(full_store) == before


def test_what_is_no_backup_is_said_to_be_none(full_store: TraceStore, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x" * 1000)
    for name in ("x", "traces.sqlite"):
        if not (tmp_path / name).exists():
            TraceStore.open(f"sqlite:///{tmp_path / name}").close()
        with pytest.raises(InputError, match="is no backup"):
            restoring.check(tmp_path / name, lambda *_: None, lambda: False)
    with pytest.raises(InputError, match="There is no file"):
        restoring.check(tmp_path / "none", lambda *_: None, lambda: False)


def test_an_older_backup_is_migrated_and_stays_as_it_is(store: TraceStore, tmp_path: Path) -> None:
    file = make_old_backup(tmp_path / "old.backup")
    before = file.read_bytes()
    assert store.upkeep.restore(file, "empty") == 1
    stored = store.get("a" * 32)
    assert stored is not None
    assert stored.note == "noted"
    assert store.page(TraceQuery(search="drift")).matched.value == 1
    assert store.page(TraceQuery(origins=frozenset({"run"}))).matched.value == 1
    assert file.read_bytes() == before


def make_old_backup(file: Path) -> Path:
    """A backup as schema 0003 would have made it, of a trace that a run asked."""
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        migrate(connection, location="a test", revision="0003")
    engine.dispose()
    with closing(sqlite3.connect(file)) as driver, driver:
        payload = payloads.deflate(payloads.encode(make_trace(trace_id="a" * 32)))
        driver.execute(
            "INSERT INTO traces (seq, trace_id, asked_at, backend, question, answer, duration_ms, abstained, rating, note, annotated_at) "
            "VALUES (1, ?, 1e9, 'local/embedded', 'Who?', 'Drift.', 5.0, 0, 1, 'noted', 1e9)",
            ("a" * 32,),
        )
        driver.execute("INSERT INTO payloads VALUES (1, ?)", (payload,))
        driver.execute("INSERT INTO search_texts VALUES (1, ?)", ("who?\x1fdrift.\x1fnoted\x1f\x1f",))
        driver.execute("INSERT INTO run_answers VALUES ('r', 'q', ?, ?)", ("a" * 32, b"{}"))
        driver.execute("UPDATE state SET folded = 1")
        names = [
            "outbox",
            "traces",
            "payloads",
            "search_texts",
            "sketches",
            "state",
            "explanations",
            "runs",
            "run_answers",
            "calibrations",
        ]
        total, counts = 0, {}
        for name in names:
            columns = sorted(row[1] for row in driver.execute(f"PRAGMA table_info({name})"))
            rows = driver.execute(f"SELECT {', '.join(columns)} FROM {name}").fetchall()
            total, counts[name] = total + backup.sum_rows(name, rows), len(rows)
        about = backup.Manifest(1, "0003", 1e9, "sqlite", "0.1.0", counts, f"{total % backup.DIGITS:064x}")
        driver.execute(f"CREATE TABLE {MANIFEST} (about TEXT NOT NULL)")
        driver.execute(f"INSERT INTO {MANIFEST} VALUES (?)", (json.dumps(asdict(about)),))
    return file


WORKER = """
import sys
from pathlib import Path
from metrics.store import TraceStore
def tell(done, total):
    print(done, flush=True)
    sys.stdin.readline()
with TraceStore.open(sys.argv[1]) as store:
    if sys.argv[2] == "backup":
        store.upkeep.back_up(Path(sys.argv[3]), "1", on_progress=tell, force=True)
    else:
        store.upkeep.restore(Path(sys.argv[3]), sys.argv[2], on_progress=tell)
"""


def kill_at_work(url: str, work: str, file: Path, steps: int) -> None:
    """Begin the work in another process, and kill it after some steps."""
    child = subprocess.Popen(
        [sys.executable, "-c", WORKER, url, work, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    for step in range(steps):
        assert child.stdout.readline().strip().isdigit()
        if step < steps - 1:
            child.stdin.write("\n")
            child.stdin.flush()
    child.send_signal(signal.SIGKILL)
    child.communicate()


@pytest.mark.slow
def test_killed_backup_leaves_the_store_and_the_earlier_backup(store_url: str, tmp_path: Path) -> None:
    with TraceStore.open(store_url, assembling=assemble) as store:
        fill(store)
        file = back_up(store, tmp_path)
        before, earlier = contents(store), file.read_bytes()
    kill_at_work(store_url, "backup", file, 3)
    assert file.read_bytes() == earlier
    with TraceStore.open(store_url, assembling=assemble) as store:
        assert contents(store) == before
        [left] = tmp_path.glob("*.partial")
        os.utime(left, (0, 0))
        back_up(store, tmp_path, force=True)
    assert list(tmp_path.glob("*.partial")) == []


@pytest.mark.slow
def test_killed_restore_leaves_the_store_as_it_was(store_url: str, tmp_path: Path) -> None:
    with TraceStore.open(store_url, assembling=assemble) as store:
        fill(store)
        file = back_up(store, tmp_path)
        store.put(make_trace())
        store.fold()
        before = contents(store)
    kill_at_work(store_url, "replace", file, 4)
    with TraceStore.open(store_url, assembling=assemble) as store:
        assert contents(store) == before
        assert store.upkeep.restore(file, "replace") == 6
        assert store.count() == len(before["traces"]) - 1 + 2


@pytest.mark.slow
def test_killed_merge_is_gone_on_with(store_url: str, tmp_path: Path) -> None:
    with TraceStore.open(store_url, assembling=assemble) as store:
        store.put_all([make_trace() for _ in range(500)])
        file = back_up(store, tmp_path)
        store.forget(TraceQuery())
    kill_at_work(store_url, "merge", file, 2)
    with TraceStore.open(store_url, assembling=assemble) as store:
        assert 0 < store.count() < 500
        store.upkeep.restore(file, "merge")
        assert store.count() == 500
        assert store.page(TraceQuery()).matched.value == 500
