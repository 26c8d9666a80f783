"""Figures of stretches of minutes, on both databases, against the same made by hand."""

import numpy as np
import pytest

from metrics.store import TraceStore
from tests.factories import make_failed_trace, make_generation, make_spans, make_trace

START_S = 1_757_000_040
"""A whole minute."""


@pytest.mark.slow
def test_stretches_overlap_and_hold_what_began_in_them(store: TraceStore) -> None:
    draw = np.random.default_rng(0)
    asked = [
        (float(at), float(ms)) for at, ms in zip(draw.uniform(0, 600, 200), draw.uniform(10, 900, 200), strict=True)
    ]
    store.put_all(
        [make_trace(asked_at=START_S + at, duration_ms=ms, spans=make_spans(generate_ms=ms / 2)) for at, ms in asked]
    )
    store.put(make_trace(asked_at=START_S + 1.0, backend="other", duration_ms=5_000.0))
    ends = [START_S + 120, START_S + 180, START_S + 600]
    found = store.measured.stretches("local/embedded", "total", ends, 120)
    for end_s, stretch in zip(ends, found, strict=True):
        held = [ms for at, ms in asked if end_s - 120 <= START_S + at < end_s]
        assert stretch.count == len(held)
        exact = np.quantile(held, 0.95, method="inverted_cdf")
        assert abs(stretch.sketch.quantile(0.95) - exact) <= 0.0101 * exact
    [generate] = store.measured.stretches("local/embedded", "generate", [START_S + 600], 600)
    assert generate.count == 200
    assert generate.sketch.quantile(1.0) <= 460


def test_errors_are_counted_and_nothing_is_nothing(store: TraceStore) -> None:
    store.put_all([make_failed_trace(asked_at=START_S + 1.0), make_trace(asked_at=START_S + 2.0)])
    [held, empty] = store.measured.stretches("local/embedded", "total", [START_S + 60, START_S + 600], 60)
    assert (held.count, held.errors) == (2, 1)
    assert (empty.count, empty.errors, empty.sketch.count) == (0, 0, 0)
    assert store.measured.stretches("local/embedded", "total", [], 60) == []


def test_abstentions_are_counted_by_the_minute_of_answers_alone(store: TraceStore) -> None:
    abstention = make_generation("", finish_reason="abstained", abstained=True)
    for at, generation in ((0.0, abstention), (29.9, None), (59.99, abstention), (60.0, abstention)):
        trace = make_trace(asked_at=START_S + at, **({} if generation is None else {"generation": generation}))
        store.put(trace)
    store.put_all([make_failed_trace(asked_at=START_S + 5.0), make_trace(asked_at=START_S + 6.0, backend="other")])
    found = store.measured.abstentions("local/embedded", START_S, START_S + 120)
    assert found == {START_S: (2.0, 3), START_S + 60: (1.0, 1)}
    assert store.measured.abstentions("local/embedded", START_S + 60, START_S + 60) == {}


def test_how_often_a_stage_was_gone_through_is_counted_by_backend_and_origin(store: TraceStore) -> None:
    store.put_all([make_failed_trace(asked_at=START_S + 1.0), make_trace(asked_at=START_S + 60.0)])
    store.put_all([make_trace(asked_at=START_S + at, backend="other") for at in (-1.0, 61.0, 120.0)])
    store.put(make_trace(asked_at=START_S + 62.0, backend="other", origin="run"))
    assert store.measured.counts("total", START_S, START_S + 120) == {
        ("local/embedded", "person"): (2, 1),
        ("other", "person"): (1, 0),
        ("other", "run"): (1, 0),
    }
    assert store.measured.counts("no such stage", START_S, START_S + 120) == {}
