"""What every caller relies on: what was put is there, once, whoever put it and whatever happened next."""

import math
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.errors import ConfigError, InputError, StoreError
from pipeline.types import Generation, Token
from tests.factories import make_chunk, make_failed_trace, make_generation, make_trace

ROOT = Path(__file__).resolve().parents[2]


def test_a_trace_comes_back_as_it_was_put_before_and_after_it_is_folded(store: TraceStore) -> None:
    trace = make_trace()
    store.put(trace)
    assert store.get(trace.trace_id).trace == trace
    store.fold()
    found = store.get(trace.trace_id)
    assert found.trace == trace
    assert (found.rating, found.note, found.annotated_at) == (0, "", None)


def test_a_failed_trace_comes_back_with_its_error(store: TraceStore) -> None:
    trace = make_failed_trace("Throttled", "retrieve")
    store.put(trace)
    assert store.get(trace.trace_id).trace.error.kind == "Throttled"
    [row] = store.page(TraceQuery()).rows
    assert (row.error_kind, row.error_stage, row.answer) == ("Throttled", "retrieve", "")


def test_traces_that_are_put_together_come_back_each_with_its_own(store: TraceStore) -> None:
    asked = [make_trace(question=f"Question {number}?") for number in range(5)]
    store.put(asked[2])
    store.put_all(asked)
    assert [found.trace if (found := store.get(trace.trace_id)) else None for trace in asked] == asked
    store.put_all([])
    assert store.page(TraceQuery()).matched.value == 5


def test_traces_that_are_put_together_are_stored_all_or_none(store: TraceStore) -> None:
    good, bad = make_trace(), make_trace(asked_at=-1.0)
    with pytest.raises(InputError, match=bad.trace_id):
        store.put_all([good, bad])
    assert store.get(good.trace_id) is None


def test_an_unknown_trace_is_none(store: TraceStore) -> None:
    assert store.get("f" * 32) is None
    assert store.get("a\0b") is None


def test_putting_a_trace_again_changes_nothing(store: TraceStore) -> None:
    trace = make_trace()
    store.put(trace)
    store.put(trace)
    store.fold()
    store.put(make_trace(trace_id=trace.trace_id, question="another question"))
    assert store.count() == 1
    assert store.fold() == 0
    assert store.get(trace.trace_id).trace == trace
    assert store.page(TraceQuery()).matched.value == 1


@pytest.mark.parametrize(
    "text", ["nul \0 inside", "lone \ud800 surrogate", "emoji 🪨🧭", "عربي", "<script>alert(1)</script>", "' OR 1=1 --"]
)
def test_any_text_can_be_stored_and_comes_back_whole(store: TraceStore, text: str) -> None:
    trace = make_trace(question=text, generation=make_generation(text), chunks=(make_chunk(text=text),))
    store.put(trace)
    store.fold()
    store.annotate(trace.trace_id, 1, "kept")
    assert store.get(trace.trace_id).trace == trace
    assert store.page(TraceQuery(search=text)).matched.value == 1


def test_infinite_and_huge_numbers_come_back_whole(store: TraceStore) -> None:
    generation = Generation("no", (Token("no", -math.inf),), 0, "stop")
    trace = make_trace(generation=generation, settings={"seed": 2**70}, chunks=(make_chunk(score=-math.inf),))
    store.put(trace)
    store.fold()
    assert store.get(trace.trace_id).trace == trace
    assert store.page(TraceQuery(sort="top_score")).rows[0].top_score is None


@pytest.mark.parametrize("field", ["asked_at", "duration_ms"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_trace_outside_time_is_refused(store: TraceStore, field: str, value: float) -> None:
    with pytest.raises(InputError, match="not stored"):
        store.put(make_trace(**{field: value}))
    assert store.count() == 0


def test_feedback_is_kept_replaced_and_withdrawn(store: TraceStore) -> None:
    trace = make_trace()
    store.put(trace)
    store.annotate(trace.trace_id, -1, "wrong year")
    found = store.get(trace.trace_id)
    assert (found.rating, found.note) == (-1, "wrong year")
    assert found.annotated_at > 1_757_000_000
    store.annotate(trace.trace_id, 0)
    assert (store.get(trace.trace_id).rating, store.get(trace.trace_id).note) == (0, "")
    assert store.page(TraceQuery(rating="none")).matched.value == 1


def test_impossible_feedback_is_refused(store: TraceStore) -> None:
    trace = make_trace()
    store.put(trace)
    with pytest.raises(InputError, match="rating is 2"):
        store.annotate(trace.trace_id, 2)
    with pytest.raises(InputError, match="2,001 characters"):
        store.annotate(trace.trace_id, 1, "x" * 2_001)
    with pytest.raises(InputError, match="no trace"):
        store.annotate("0" * 32, 1)


def test_the_version_changes_with_whatever_is_stored_and_only_then(store: TraceStore, store_url: str) -> None:
    trace = make_trace()
    seen = [store.version()]
    store.put(trace)
    seen.append(store.version())
    with TraceStore.open(store_url) as other:
        other.put(make_trace())
    seen.append(store.version())
    store.annotate(trace.trace_id, 1)
    seen.append(store.version())
    store.annotate(trace.trace_id, 1, "and a note")
    seen.append(store.version())
    assert len(set(seen)) == len(seen)
    store.page(TraceQuery())
    store.fold()
    assert store.version() == seen[-1]


def test_two_stores_never_share_a_version(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path / name}" for name in ("a.sqlite", "b.sqlite")]
    with TraceStore.open(urls[0]) as a, TraceStore.open(urls[1]) as b:
        assert a.version() != b.version()


def test_backends_are_named_once_and_in_order(store: TraceStore) -> None:
    assert store.backends() == []
    for backend in ("local/embedded", "aws", "local/embedded", "fake"):
        store.put(make_trace(backend=backend))
    assert store.backends() == ["aws", "fake", "local/embedded"]


def test_a_healthy_store_says_what_it_holds(store: TraceStore) -> None:
    store.put(make_trace())
    health = store.health()
    assert health.ok
    assert health.traces == 1
    assert health.stored_bytes > 1_000
    assert health.detail.startswith("traces stored: 1;")


def test_a_store_is_still_all_there_when_it_is_opened_again(store_url: str) -> None:
    trace = make_trace()
    with TraceStore.open(store_url) as store:
        store.put(trace)
        store.annotate(trace.trace_id, 1, "good")
    with TraceStore.open(store_url) as store:
        assert store.get(trace.trace_id).note == "good"


def test_a_closed_store_says_so(store: TraceStore) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.put(make_trace())


@pytest.mark.slow
def test_the_same_trace_put_by_many_threads_at_once_is_stored_once(store: TraceStore) -> None:
    trace = make_trace()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(store.put, [trace] * 80))
    store.fold()
    assert store.count() == 1


@pytest.mark.slow
def test_nothing_is_lost_from_eight_threads(store: TraceStore) -> None:
    made = [make_trace(asked_at=1_757_000_000.0 + place) for place in range(1_000)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(store.put, made))
    assert store.count() == len(made)
    store.fold()
    assert {stored.trace.trace_id for stored in store.export(TraceQuery())} == {trace.trace_id for trace in made}


CHILD = """
import sys
from metrics.store import TraceStore
from tests.factories import make_trace
store = TraceStore.open(sys.argv[1])
while True:
    trace = make_trace()
    store.put(trace)
    print(trace.trace_id, flush=True)
"""


@pytest.mark.slow
def test_what_was_put_survives_a_killed_process(store_url: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, store_url], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        reported = [child.stdout.readline().strip() for _ in range(100)]
        os.kill(child.pid, signal.SIGKILL)
        reported += [line.strip() for line in child.stdout if line.endswith("\n")]
    with TraceStore.open(store_url) as store:
        assert [trace_id for trace_id in reported if store.get(trace_id) is None] == []
        store.fold()
        assert store.page(TraceQuery()).total.value >= len(reported)


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/db", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_cannot_be_a_store_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        TraceStore.open(url)
