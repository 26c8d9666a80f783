"""Latency over time: every span counted once, in its minute, by backend and stage."""

import numpy as np
import pytest
from sqlalchemy import create_engine, text

from metrics.migration import migrate
from metrics.sketches import Sketch
from metrics.store import TraceStore
from pipeline.errors import InputError
from tests.factories import make_failed_trace, make_spans, make_trace

MINUTE = 29_283_333 * 60
"""A whole minute in September 2025."""

QUARTER = MINUTE // 900 * 900
"""A whole quarter of an hour."""


@pytest.mark.slow
def test_percentiles_are_those_of_the_durations(store: TraceStore) -> None:
    durations = np.random.default_rng(0).lognormal(3, 1, 300)
    for place, duration_ms in enumerate(durations.tolist()):
        store.put(
            make_trace(asked_at=MINUTE + place, duration_ms=duration_ms, spans=make_spans(generate_ms=duration_ms))
        )
    points = {point.stage: point for point in store.latency(MINUTE, MINUTE + 300, 300)}
    assert set(points) == {"total", "embed", "retrieve", "generate"}
    for stage in ("total", "generate"):
        point = points[stage]
        assert (point.start_s, point.backend, point.count, point.errors) == (MINUTE, "local/embedded", 300, 0)
        true = np.quantile(durations, (0.5, 0.95, 0.99), method="lower")
        assert (point.p50_ms, point.p95_ms, point.p99_ms) == pytest.approx(tuple(true), rel=0.0101)


def test_periods_begin_at_since_and_leave_out_what_is_outside(store: TraceStore) -> None:
    for minute in (-1, 0, 1, 2, 4):
        store.put(make_trace(asked_at=MINUTE + minute * 60 + 59.9))
    points = [point for point in store.latency(MINUTE, MINUTE + 240, 120) if point.stage == "total"]
    assert [(point.start_s - MINUTE, point.count) for point in points] == [(0, 2), (120, 1)]


def test_the_minute_that_is_still_running_is_shown(store: TraceStore) -> None:
    store.put(make_trace(asked_at=MINUTE + 3))
    [point] = [point for point in store.latency(MINUTE - 60, MINUTE + 5) if point.stage == "total"]
    assert (point.start_s, point.count) == (MINUTE, 1)


@pytest.mark.slow
def test_quarters_of_an_hour_tell_what_their_minutes_do(store: TraceStore) -> None:
    random = np.random.default_rng(1)
    durations = random.lognormal(3, 1, 60)
    for place, duration_ms in enumerate(durations.tolist()):
        origin = "run" if place % 4 == 0 else "person"
        make = make_failed_trace if place % 10 == 0 else make_trace
        store.put(make(asked_at=QUARTER + place * 59, duration_ms=duration_ms, origin=origin))
    for origin in (None, "person"):
        quarters = [
            point for point in store.latency(QUARTER, QUARTER + 3_600, 900, origin=origin) if point.stage == "total"
        ]
        minutes = [
            point for point in store.latency(QUARTER, QUARTER + 3_600, 60, origin=origin) if point.stage == "total"
        ]
        for quarter in quarters:
            own = [each for each in minutes if 0 <= each.start_s - quarter.start_s < 900]
            assert quarter.count == sum(each.count for each in own)
            assert quarter.errors == sum(each.errors for each in own)
        assert sum(quarter.count for quarter in quarters) == (60 if origin is None else 45)
        counted = store.latency_counts(QUARTER, QUARTER + 3_600, 900, origin)
        by_minute = store.latency_counts(QUARTER, QUARTER + 3_600, 60, origin)
        assert sum(counted.values()) == sum(by_minute.values())
    [stretch] = store.measured.stretches("local/embedded", "total", [int(QUARTER) + 3_600], 3_600)
    for share in (0.5, 0.95):
        true = np.quantile(durations, share, method="inverted_cdf")
        assert stretch.sketch.quantile(share) == pytest.approx(true, rel=0.0101)
    assert store.measured.counts("total", QUARTER, QUARTER + 3_600) == {
        ("local/embedded", "person"): (45, 3),
        ("local/embedded", "run"): (15, 3),
    }


def test_what_was_measured_before_quarters_were_kept_is_in_them(store_url: str) -> None:
    sketch = Sketch()
    sketch.add([10.0, 1_000.0])
    engine = create_engine(store_url)
    with engine.begin() as connection:
        migrate(connection, location="a test", revision="0010")
        for minute, stage, errors in (
            (0, "total", 1),
            (14, "total", 0),
            (15, "total", 0),
            (0, "embed", 0),
            (4_000, "total", 2),
        ):
            row = {"minute": QUARTER // 60 + minute, "stage": stage, "errors": errors, "sketch": sketch.to_bytes()}
            connection.execute(
                text(
                    "INSERT INTO sketches (minute, backend, stage, origin, count, errors, sketch) "
                    "VALUES (:minute, 'aws', :stage, 'person', 2, :errors, :sketch)"
                ),
                row,
            )
    engine.dispose()
    with TraceStore.open(store_url) as store:
        found = store.latency(QUARTER, QUARTER + 5_000 * 60, 900)
    told = {((point.start_s - QUARTER) // 60, point.stage): (point.count, point.errors) for point in found}
    assert told == {(0, "total"): (4, 1), (0, "embed"): (2, 0), (15, "total"): (2, 0), (3_990, "total"): (2, 2)}
    assert {round(point.p99_ms, -1) for point in found} == {1_000.0}


def test_errors_are_counted_at_the_stage_that_failed(store: TraceStore) -> None:
    store.put(make_trace(asked_at=MINUTE))
    store.put(make_failed_trace(stage="generate", asked_at=MINUTE))
    points = {point.stage: (point.count, point.errors) for point in store.latency(MINUTE, MINUTE + 60)}
    assert points == {"total": (2, 1), "embed": (2, 0), "retrieve": (2, 0), "generate": (2, 1)}


def test_backends_are_kept_apart(store: TraceStore) -> None:
    for backend in ("aws", "aws", "local/embedded"):
        store.put(make_trace(asked_at=MINUTE, backend=backend))
    both = {(point.backend, point.count) for point in store.latency(MINUTE, MINUTE + 60) if point.stage == "total"}
    assert both == {("aws", 2), ("local/embedded", 1)}
    assert {point.backend for point in store.latency(MINUTE, MINUTE + 60, backend="aws")} == {"aws"}


def test_an_empty_range_has_no_points(store: TraceStore) -> None:
    assert store.latency(MINUTE, MINUTE + 3_600) == []


@pytest.mark.parametrize("period_s", [0, 59, 90, -60])
def test_a_period_that_is_not_whole_minutes_is_refused(sqlite_store: TraceStore, period_s: int) -> None:
    with pytest.raises(InputError, match="multiple of 60"):
        sqlite_store.latency(MINUTE, MINUTE + 60, period_s)


def test_a_range_without_end_is_refused(sqlite_store: TraceStore) -> None:
    with pytest.raises(InputError, match="two times"):
        sqlite_store.latency(MINUTE, float("inf"))


def test_counts_change_with_the_period_whose_points_change_and_no_other(store: TraceStore) -> None:
    for minute in (0, 1, 4):
        store.put(make_trace(asked_at=MINUTE + minute * 60))
    before = store.latency_counts(MINUTE, MINUTE + 300, 120)
    store.put(make_trace(asked_at=MINUTE + 250))
    after = store.latency_counts(MINUTE, MINUTE + 300, 120)
    # A trace of three stages is four timings.
    assert before == {MINUTE: 8, MINUTE + 240: 4}
    assert after == {MINUTE: 8, MINUTE + 240: 8}
    assert {point.start_s for point in store.latency(MINUTE, MINUTE + 300, 120)} == set(after)


def test_the_mean_is_that_of_the_durations(store: TraceStore) -> None:
    for duration_ms in (10.0, 20.0, 90.0):
        store.put(make_trace(asked_at=MINUTE, duration_ms=duration_ms))
    [total] = [point for point in store.latency(MINUTE, MINUTE + 60) if point.stage == "total"]
    assert total.mean_ms == pytest.approx(40.0, rel=0.01)
