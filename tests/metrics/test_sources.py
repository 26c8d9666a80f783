"""The contract of a MetricsSource, over the local store and CloudWatch alike: the same questions, the same series."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metrics.catalogue import rag_metric, rag_queries, stack_queries, stage_percentiles
from metrics.cloudwatch import CloudWatchSource
from metrics.local_source import LocalSource
from metrics.series import MetricSeries, MetricsSource, Window
from metrics.store import TraceStore
from pipeline.measures import measures_of
from pipeline.types import Trace
from tests.factories import make_failed_trace, make_spans, make_trace
from tests.metrics.conftest import sqlite_url
from tests.metrics.fake_cloudwatch import FakeCloudWatch

MINUTE = 29_283_333 * 60
NOW = MINUTE + 600.0
WINDOW = Window.ending(NOW, 900, 60)
BACKEND = "local/embedded"


class Filled:
    """A source and how to give it traces."""

    def __init__(self, source: MetricsSource, put: Callable[[Trace], None]) -> None:
        self.source = source
        self.put = put

    def read(self, *queries: Any, window: Window = WINDOW) -> list[MetricSeries]:
        return self.source.read(queries, window)


@pytest.fixture(params=["local", "cloudwatch"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Filled]:
    if request.param == "local":
        with TraceStore.open(sqlite_url(tmp_path)) as store:
            yield Filled(LocalSource(lambda: store, clock=lambda: NOW), store.put)
    else:
        client = FakeCloudWatch(page=7)
        source = CloudWatchSource(client=client, clock=lambda: NOW, sleep=lambda s: None)
        yield Filled(source, lambda trace: client.publish(measures_of(trace)))


def test_one_series_for_each_query_in_their_order_on_the_whole_grid(filled: Filled) -> None:
    filled.put(make_trace(asked_at=MINUTE + 5))
    queries = rag_queries(BACKEND)
    series = filled.read(*queries)
    assert [(one.name, one.statistic, one.dimensions, one.unit) for one in series] == [
        (query.name, query.statistic, query.dimensions, query.unit) for query in queries
    ]
    for one in series:
        assert [start_s for start_s, _ in one] == list(range(WINDOW.start_s, WINDOW.end_s, 60))
        assert one.period_s == 60


def test_period_without_a_question_has_no_value_rather_than_zero(filled: Filled) -> None:
    filled.put(make_trace(asked_at=MINUTE + 5))
    [counts, errors] = filled.read(
        rag_metric("Latency", "SampleCount", BACKEND), rag_metric("ErrorCount", "Sum", BACKEND)
    )
    assert counts.values == {MINUTE: 1.0}
    assert errors.values == {MINUTE: 0.0}


def test_statistics_are_those_of_the_durations(filled: Filled) -> None:
    durations = np.random.default_rng(0).lognormal(3, 1, 200)
    for place, duration_ms in enumerate(durations.tolist()):
        filled.put(make_trace(asked_at=MINUTE + place / 4, duration_ms=duration_ms))
    kinds: list[Any] = ["SampleCount", "Sum", "Average", "p50", "p95", "p99"]
    found = [one.values[MINUTE] for one in filled.read(*(rag_metric("Latency", kind, BACKEND) for kind in kinds))]
    true = [200, durations.sum(), durations.mean(), *np.quantile(durations, (0.5, 0.95, 0.99), method="lower")]
    assert found == pytest.approx(true, rel=0.0101)


def test_stages_have_latencies_of_their_own(filled: Filled) -> None:
    filled.put(make_trace(asked_at=MINUTE, spans=make_spans(embed_ms=8.0, retrieve_ms=2.0, generate_ms=25.0)))
    found = {one.dimensions[1][1]: one.values.get(MINUTE) for one in filled.read(*stage_percentiles(BACKEND, "p95"))}
    expected = {"embed": 8.0, "retrieve": 2.0, "generate": 25.0}
    assert {stage: value for stage, value in found.items() if value is not None} == pytest.approx(expected, rel=0.0101)


def test_errors_are_counted_in_total_and_at_the_stage(filled: Filled) -> None:
    filled.put(make_trace(asked_at=MINUTE))
    filled.put(make_failed_trace(stage="generate", asked_at=MINUTE))
    [total, stage] = filled.read(
        rag_metric("ErrorCount", "Sum", BACKEND), rag_metric("ErrorCount", "Sum", BACKEND, "generate")
    )
    assert (total.values, stage.values) == ({MINUTE: 1.0}, {MINUTE: 1.0})


def test_backends_are_kept_apart(filled: Filled) -> None:
    filled.put(make_trace(asked_at=MINUTE, backend="aws"))
    [ours, theirs] = filled.read(*(rag_metric("Latency", "SampleCount", name) for name in (BACKEND, "aws")))
    assert (ours.values, theirs.values) == ({}, {MINUTE: 1.0})


def test_longer_periods_gather_minutes(filled: Filled) -> None:
    window = Window.ending(NOW, 1_200, 300)
    for minute in range(-10, 10):
        filled.put(make_trace(asked_at=MINUTE + minute * 60))
    [counts] = filled.read(rag_metric("Latency", "SampleCount", BACKEND), window=window)
    assert len(counts.values) == 4
    assert sum(counts.values.values()) == sum(
        window.start_s <= MINUTE + minute * 60 < window.end_s for minute in range(-10, 10)
    )


def test_metric_that_is_not_kept_has_no_value(filled: Filled) -> None:
    filled.put(make_trace(asked_at=MINUTE))
    assert all(one.values == {} for one in filled.read(*stack_queries("raglass", "api")))


def test_values_that_may_change_are_marked(filled: Filled) -> None:
    [series] = filled.read(rag_metric("Latency", "p50", BACKEND))
    assert series.incomplete_from_s is not None
    assert series.incomplete_from_s <= NOW
    assert filled.read(rag_metric("Latency", "p50", BACKEND), window=Window(MINUTE - 600, MINUTE, 60))[0].values == {}


def test_window_of_the_past_is_complete(filled: Filled) -> None:
    [series] = filled.read(rag_metric("Latency", "p50", BACKEND), window=Window(MINUTE - 600, MINUTE, 60))
    assert series.incomplete_from_s is None


def test_same_question_twice_gives_the_same_series(filled: Filled) -> None:
    filled.put(make_trace(asked_at=MINUTE))
    assert filled.read(*rag_queries(BACKEND)) == filled.read(*rag_queries(BACKEND))


@pytest.mark.parametrize("length_s", [900, 3_600, 7 * 86_400])
def test_a_window_ends_with_the_running_period(length_s: int) -> None:
    for period_s in (60, 300, 900):
        window = Window.ending(NOW, length_s, period_s)
        assert window.end_s - period_s <= NOW < window.end_s
        assert window.start_s % period_s == 0
        assert window.end_s - window.start_s == max(length_s // period_s, 1) * period_s
