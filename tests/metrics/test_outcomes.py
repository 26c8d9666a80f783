"""How questions ended is counted once each, by minute and by document, on both databases; what changes or goes is taken back."""

import pytest
from sqlalchemy import create_engine, text

from metrics.migration import migrate
from metrics.outcomes import Ends
from metrics.sketches import Sketch
from metrics.store import TraceStore
from pipeline.types import Confidence, Failure
from tests.factories import make_chunk, make_failed_trace, make_generation, make_trace

DAY = 20_335 * 86_400
MINUTE = DAY + 600
LOCAL = "local/embedded"


def of(*documents: str, **overrides):
    """A question of the minute for which these documents were consulted."""
    chunks = tuple(make_chunk(document_id=document, chunk_id=f"c{place}") for place, document in enumerate(documents))
    return make_trace(**{"asked_at": MINUTE + 1, "chunks": chunks, **overrides})


def sure(value: float, **overrides):
    return make_generation(confidence=Confidence(value, "calibrated"), **overrides)


def test_questions_are_counted_by_how_they_ended(store: TraceStore) -> None:
    store.put_all(
        [
            of("a", "b", generation=sure(0.9)),
            of("a", "a", generation=sure(0.5, abstained=True)),
            make_failed_trace(asked_at=MINUTE + 2, chunks=()),
            of("a", asked_at=MINUTE + 61, origin="run", generation=sure(0.25)),
        ]
    )
    counted = store.outcomes.by_period(LOCAL, None, MINUTE, MINUTE + 120, 60)
    assert counted == {MINUTE: Ends(3, 1, 1, 2, pytest.approx(1.4)), MINUTE + 60: Ends(1, 0, 0, 1, 0.25)}
    assert store.outcomes.by_period(LOCAL, "run", MINUTE, MINUTE + 120, 120) == {MINUTE: Ends(1, 0, 0, 1, 0.25)}
    assert store.outcomes.of_stored(LOCAL, None, MINUTE, MINUTE + 120, 60) == counted
    assert store.outcomes.of_stored(LOCAL, "run", MINUTE, MINUTE + 120, 120) == {MINUTE: Ends(1, 0, 0, 1, 0.25)}
    assert store.outcomes.of_stored(LOCAL, None, MINUTE + 62, MINUTE + 120, 60) == {}
    assert store.outcomes.by_document(DAY, LOCAL, "person") == {
        "a": Ends(2, 0, 1, 2, pytest.approx(1.4)),
        "b": Ends(1, 0, 0, 1, 0.9),
    }
    assert list(store.outcomes.by_document(DAY)) == ["a", "b"]
    assert store.outcomes.by_document(DAY + 86_400) == {}


def test_documents_of_deleted_traces_are_taken_back_and_minutes_stay(store: TraceStore) -> None:
    first, second = of("a", "b"), of("a")
    store.put_all([first, second])
    store.fold()
    store.forget([first.trace_id])
    assert {name: ends.asked for name, ends in store.outcomes.by_document(DAY).items()} == {"a": 1}
    assert store.outcomes.by_period(LOCAL, None, MINUTE, MINUTE + 60, 60)[MINUTE].asked == 2


def test_thumbs_are_found_by_when_the_questions_were_asked(store: TraceStore) -> None:
    up, down, run = of("a"), of("a", asked_at=MINUTE + 30), of("a", origin="run")
    store.put_all([up, down, run])
    for trace, rating in ((up, 1), (down, -1), (run, 1)):
        store.annotate(trace.trace_id, rating)
    assert store.outcomes.thumbs(LOCAL, "person", MINUTE, MINUTE + 60) == [(MINUTE + 1, 1), (MINUTE + 30, -1)]


def test_thumbs_are_counted_by_the_documents_that_were_consulted(store: TraceStore) -> None:
    liked, disliked, old, unrated = of("a", "a", "b"), of("a"), of("a", asked_at=MINUTE - 86_400), of("c")
    run = of("b", origin="run")
    store.put_all([liked, disliked, old, unrated, run])
    for trace, rating in ((liked, 1), (disliked, -1), (old, -1), (run, -1)):
        store.annotate(trace.trace_id, rating)
    assert store.outcomes.thumbs_by_document(MINUTE, LOCAL, "person") == {"a": (1, 1), "b": (1, 0)}
    assert store.outcomes.thumbs_by_document(0) == {"a": (1, 2), "b": (1, 1)}
    assert store.outcomes.thumbs_by_document(DAY, "another") == {}
    store.annotate(disliked.trace_id, 0)
    assert store.outcomes.thumbs_by_document(DAY)["a"] == (1, 0)
    store.forget([liked.trace_id])
    assert "a" not in store.outcomes.thumbs_by_document(DAY)


def test_latency_is_told_apart_by_who_asked(store: TraceStore) -> None:
    store.put_all([of("a", duration_ms=100.0), of("a", duration_ms=900.0, origin="run")])
    whole = {point.stage: point for point in store.latency(MINUTE, MINUTE + 60)}
    of_people = {point.stage: point for point in store.latency(MINUTE, MINUTE + 60, origin="person")}
    assert (whole["total"].count, of_people["total"].count) == (2, 1)
    assert of_people["total"].p99_ms == pytest.approx(100.0, rel=0.01)
    [stretch] = store.measured.stretches(LOCAL, "total", [MINUTE + 60], 60)
    assert (stretch.count, stretch.sketch.quantile(1.0)) == (2, pytest.approx(900.0, rel=0.01))


def test_what_was_measured_before_origins_stays_and_counts_in_all_alone(store_url: str) -> None:
    engine = create_engine(store_url)
    with engine.begin() as connection:
        migrate(connection, location="a test", revision="0008")
        old = {"minute": MINUTE // 60, "sketch": Sketch().to_bytes()}
        connection.execute(text("INSERT INTO sketches VALUES (:minute, 'local/embedded', 'total', 7, 1, :sketch)"), old)
    engine.dispose()
    with TraceStore.open(store_url) as store:
        assert store.latency_counts(MINUTE, MINUTE + 60) == {MINUTE: 7}
        assert store.latency_counts(MINUTE, MINUTE + 60, 60, "person") == {}


def test_any_failure_counts_as_one(store: TraceStore) -> None:
    store.put(of("a", error=Failure("Timeout", "late", "generate"), generation=None))
    assert store.outcomes.by_document(DAY) == {"a": Ends(1, 1, 0, 0, 0.0)}
