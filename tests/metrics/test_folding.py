"""Folding counts each trace once, whoever folds, and gives way when it cannot."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from metrics import folding
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from tests.factories import make_trace

ROOT = Path(__file__).resolve().parents[2]
MINUTE = 29_283_333 * 60

FOLDER = """
import sys
from metrics.store import TraceStore
with TraceStore.open(sys.argv[1]) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    print(store.fold())
"""


def total(store: TraceStore) -> int:
    return sum(point.count for point in store.latency(MINUTE, MINUTE + 3_600, 3_600) if point.stage == "total")


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No folding in the background of this process."""
    monkeypatch.setattr(folding, "PERIOD_S", 3_600.0)


@pytest.mark.usefixtures("quiet")
def test_a_trace_put_while_another_folder_was_faster_is_not_taken_for_one_of_its_own(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, prepare, turns = make_trace(), make_trace(), folding._prepare, iter([True])

    def overtaken(*arguments: object) -> object:
        """Between reading the outbox and emptying it: another folder empties it, and SQLite gives its row number out again."""
        if next(turns, False):
            store.fold()
            store.put(second)
        return prepare(*arguments)

    store.put(first)
    monkeypatch.setattr(folding, "_prepare", overtaken)
    store.fold()
    assert store.get(second.trace_id) is not None
    assert {row.trace_id for row in store.page(TraceQuery()).rows} == {first.trace_id, second.trace_id}


@pytest.mark.slow
@pytest.mark.usefixtures("quiet")
def test_two_folding_processes_count_each_trace_once(store_url: str) -> None:
    with TraceStore.open(store_url) as store:
        for place in range(400):
            store.put(make_trace(asked_at=MINUTE + place % 60))
        children = [
            subprocess.Popen(
                [sys.executable, "-c", FOLDER, store_url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            for _ in range(2)
        ]
        for child in children:
            assert child.stdout.readline() == "ready\n"
        for child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        for child in children:
            child.communicate()
            assert child.returncode == 0
        assert store.fold() == 0
        assert total(store) == store.count() == 400
        page = store.page(TraceQuery(search="continents"), limit=1_000)
        assert len({row.trace_id for row in page.rows}) == len(page.rows) == 400


@pytest.mark.slow
def test_the_background_folds_without_being_asked(store: TraceStore) -> None:
    store.put(make_trace())
    end = time.monotonic() + 30
    while store.health().waiting and time.monotonic() < end:
        time.sleep(0.05)
    assert store.health().waiting == 0
    assert store.count() == 1


@pytest.mark.usefixtures("quiet")
def test_what_a_dead_process_left_unfolded_is_folded_by_the_next(store_url: str) -> None:
    with TraceStore.open(store_url) as store:
        store.put(make_trace(asked_at=MINUTE))
    with TraceStore.open(store_url) as store:
        assert store.health().waiting == 1
        assert total(store) == 1
        assert store.health().waiting == 0


@pytest.mark.usefixtures("quiet")
def test_a_flood_is_folded_in_turns_and_counted_at_once(
    sqlite_store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metrics.freshness.READ_FOLD_LIMIT", folding.BATCH)
    for _ in range(3 * folding.BATCH):
        sqlite_store.put(make_trace())
    page = sqlite_store.page(TraceQuery(error="none"), limit=1_000)
    assert len(page.rows) == folding.BATCH
    assert page.total.value == 3 * folding.BATCH


@pytest.mark.usefixtures("quiet")
def test_a_payload_that_cannot_be_read_does_not_keep_the_others_waiting(
    store: TraceStore, caplog: pytest.LogCaptureFixture
) -> None:
    store._database.append([("broken", b"{}")])
    store.put(make_trace())
    assert store.fold() == 1
    assert len(store.page(TraceQuery()).rows) == 1
    assert "trace broken cannot be read" in caplog.text
