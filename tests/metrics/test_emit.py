"""Emitting: nothing blocks, nothing raises, nothing is lost without being counted."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from metrics import aws
from metrics.aws import Unreachable
from metrics.emit import (
    MAX_BYTES,
    MAX_DATA,
    MAX_VALUES,
    CloudWatchSink,
    Datum,
    MetricsEmitter,
    batches,
    gather,
)
from pipeline.errors import ConfigError, RaglassError, Throttled, Unavailable
from pipeline.measures import Measure, measures_of
from tests.factories import make_spans, make_trace

MINUTE = 29_283_333 * 60


class FakeSink:
    """Takes batches; `failures` are raised first, one a call; while `gate` is closed, a call hangs."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.forever: Exception | None = None
        self.batches: list[list[Datum]] = []
        self.calls = 0
        self.gate = threading.Event()
        self.gate.set()

    def send(self, batch: Sequence[Datum]) -> None:
        self.calls += 1
        self.gate.wait(30)
        if self.forever is not None:
            raise self.forever
        if self.failures:
            raise self.failures.pop(0)
        self.batches.append(list(batch))

    @property
    def values(self) -> dict[tuple[str, str], float]:
        """How many values came, by metric and stage."""
        found: dict[tuple[str, str], float] = {}
        for datum in (datum for batch in self.batches for datum in batch):
            key = (datum.name, dict(datum.dimensions)["Stage"])
            found[key] = found.get(key, 0) + datum.measures
        return found


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "wait_s", lambda attempt: 0.0)


@pytest.fixture
def make_emitter() -> Iterator[Callable[..., MetricsEmitter]]:
    made: list[MetricsEmitter] = []

    def make(sink: Any, **options: Any) -> MetricsEmitter:
        made.append(MetricsEmitter(sink, **{"period_s": 0.01, **options}))
        return made[-1]

    yield make
    for emitter in made:
        emitter.close(0.1)


def recent(**overrides: Any) -> Any:
    return make_trace(asked_at=time.time(), **overrides)


def make_measure(value: float = 1.0, **overrides: Any) -> Measure:
    fields: dict[str, Any] = {"name": "Latency", "unit": "Milliseconds", "stage": "total", "backend": "aws"}
    return Measure(value=value, **{**fields, "at_s": float(MINUTE), **overrides})


def test_measures_of_one_minute_share_a_datum_and_equal_values_are_counted() -> None:
    [datum] = gather([make_measure(5.0), make_measure(7.0, at_s=MINUTE + 59.0), make_measure(5.0)])
    assert (datum.values, datum.counts, datum.minute_s) == ((5.0, 7.0), (2, 1), MINUTE)


def test_another_minute_stage_backend_or_metric_is_another_datum() -> None:
    others: list[dict[str, Any]] = [{"at_s": MINUTE + 60.0}, {"stage": "embed"}, {"backend": "local"}, {"name": "X"}]
    assert len(gather([make_measure(), *(make_measure(**other) for other in others)])) == 5


def test_datum_holds_no_more_values_than_cloudwatch_takes() -> None:
    data = gather([make_measure(float(value)) for value in range(400)])
    assert [len(datum.values) for datum in data] == [MAX_VALUES, MAX_VALUES, 100]


@pytest.mark.slow
def test_batches_keep_to_the_limits_of_data_and_bytes_and_lose_nothing() -> None:
    small = gather([make_measure(backend=f"b{number}") for number in range(2_500)])
    assert [len(batch) for batch in batches(small)] == [MAX_DATA, MAX_DATA, 500]
    large = gather([make_measure(value / 7, backend=f"b{number}") for number in range(200) for value in range(150)])
    cut = list(batches(large))
    assert all(sum(datum.size_bytes for datum in batch) <= MAX_BYTES for batch in cut)
    assert sum(len(batch) for batch in cut) == 200


def test_every_question_arrives_once(make_emitter: Callable[..., MetricsEmitter]) -> None:
    sink = FakeSink()
    emitter = make_emitter(sink)
    for number in range(100):
        emitter.emit(recent(duration_ms=30.0 + number))
    assert emitter.flush()
    assert sink.values["Latency", "total"] == 100
    assert sink.values["ErrorCount", "total"] == 100
    assert (emitter.counts.sent, emitter.counts.dropped, emitter.counts.waiting) == (700, 0, 0)


def test_a_burst_shares_calls(make_emitter: Callable[..., MetricsEmitter]) -> None:
    sink = FakeSink()
    emitter = make_emitter(sink, period_s=60.0)
    for _ in range(1_000):
        emitter.emit(recent())
    assert emitter.flush()
    assert sink.calls == 1


def test_emitting_returns_while_the_sink_hangs(make_emitter: Callable[..., MetricsEmitter]) -> None:
    sink = FakeSink()
    sink.gate.clear()
    emitter = make_emitter(sink, capacity=1_000)
    done = threading.Event()

    def flood() -> None:
        for _ in range(1_000):
            emitter.emit(recent())
        done.set()

    threading.Thread(target=flood, daemon=True).start()
    assert done.wait(20)
    assert emitter.counts.waiting <= 2_000
    assert emitter.counts.dropped >= 7_000 - 2_000
    sink.gate.set()
    assert emitter.flush()
    counts = emitter.counts
    assert counts.sent + counts.dropped == 7_000


def test_full_queue_drops_the_oldest(make_emitter: Callable[..., MetricsEmitter]) -> None:
    sink = FakeSink()
    emitter = make_emitter(sink, capacity=14, period_s=60.0)
    for number in range(4):
        emitter.emit(recent(duration_ms=float(number), spans=make_spans()))
    assert emitter.flush()
    totals = [d.values for d in sink.batches[0] if (d.name, d.dimensions[1][1]) == ("Latency", "total")]
    assert totals == [(2.0, 3.0)]
    assert emitter.counts.dropped == 14


def test_throttled_batch_is_tried_again_and_arrives_once(make_emitter: Callable[..., MetricsEmitter]) -> None:
    sink = FakeSink(Throttled("slower"), Unreachable("nobody"))
    emitter = make_emitter(sink)
    emitter.emit(recent())
    assert emitter.flush()
    assert (sink.calls, len(sink.batches)) == (3, 1)
    assert emitter.counts.problem is None


def test_missing_permission_is_not_tried_again_and_is_told(make_emitter: Callable[..., MetricsEmitter]) -> None:
    sink = FakeSink(Unavailable("The permission cloudwatch:PutMetricData is missing."))
    emitter = make_emitter(sink)
    emitter.emit(recent())
    assert emitter.flush()
    assert sink.calls == 1
    assert emitter.counts.dropped == 7
    assert "cloudwatch:PutMetricData" in str(emitter.counts.problem)


@pytest.mark.parametrize("failure", [ValueError("odd"), ConfigError("no region")])
def test_no_failure_of_the_sink_ends_the_sending(
    make_emitter: Callable[..., MetricsEmitter], failure: Exception
) -> None:
    sink = FakeSink(failure)
    emitter = make_emitter(sink)
    emitter.emit(recent())
    assert emitter.flush()
    emitter.emit(recent())
    assert emitter.flush()
    assert (emitter.counts.sent, emitter.counts.dropped) == (7, 7)


def test_outage_is_one_line_in_the_log_and_its_end_another(
    make_emitter: Callable[..., MetricsEmitter], caplog: pytest.LogCaptureFixture
) -> None:
    sink = FakeSink()
    sink.forever = Unreachable("nobody answers")
    emitter = make_emitter(sink)
    for _ in range(3):
        emitter.emit(recent())
        assert emitter.flush()
    sink.forever = None
    emitter.emit(recent())
    assert emitter.flush()
    assert [record.getMessage() for record in caplog.records] == [
        "metrics are not sent, questions are answered as before: nobody answers",
        "metrics are sent again",
    ]


def test_closing_sends_what_waits(make_emitter: Callable[..., MetricsEmitter]) -> None:
    sink = FakeSink()
    emitter = make_emitter(sink, period_s=60.0)
    emitter.emit(recent())
    emitter.close()
    emitter.close()
    assert sink.values["Latency", "total"] == 1


def test_closing_gives_up_on_a_sink_that_hangs_and_counts_the_rest(
    make_emitter: Callable[..., MetricsEmitter],
) -> None:
    sink = FakeSink()
    sink.gate.clear()
    emitter = make_emitter(sink)
    emitter.emit(recent())
    while not sink.calls:
        time.sleep(0.001)
    emitter.emit(recent())
    emitter.close(0.05)
    assert emitter.counts.dropped == 7
    emitter.emit(recent())
    assert emitter.counts.dropped == 14
    sink.gate.set()


def test_measures_too_old_for_cloudwatch_do_not_cost_the_others(make_emitter: Callable[..., MetricsEmitter]) -> None:
    sink = FakeSink()
    emitter = make_emitter(sink)
    emitter.emit(make_trace(asked_at=time.time() - 15 * 86_400))
    emitter.emit(make_trace(asked_at=time.time() + 3 * 3_600))
    emitter.emit(recent())
    assert emitter.flush()
    assert (emitter.counts.sent, emitter.counts.dropped) == (7, 14)


@pytest.fixture
def stubbed() -> Iterator[tuple[CloudWatchSink, Stubber]]:
    session = boto3.session.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="eu-west-1")
    client = session.client("cloudwatch")
    with Stubber(client) as stubber:
        yield CloudWatchSink("eu-west-1", client=client), stubber


def test_cloudwatch_gets_namespace_dimensions_values_and_counts(stubbed: tuple[CloudWatchSink, Stubber]) -> None:
    sink, stubber = stubbed
    stubber.add_response(
        "put_metric_data",
        {},
        {
            "Namespace": "RAG_MLOps",
            "MetricData": [
                {
                    "MetricName": "Latency",
                    "Dimensions": [{"Name": "Backend", "Value": "aws"}, {"Name": "Stage", "Value": "total"}],
                    "Timestamp": MINUTE,
                    "Unit": "Milliseconds",
                    "Values": [5.0, 7.0],
                    "Counts": [2.0, 1.0],
                }
            ],
        },
    )
    sink.send(gather([make_measure(5.0), make_measure(5.0), make_measure(7.0)]))
    stubber.assert_no_pending_responses()


def test_names_that_cloudwatch_refuses_are_made_sendable(stubbed: tuple[CloudWatchSink, Stubber]) -> None:
    sink, stubber = stubbed
    stubber.add_response("put_metric_data", {}, {"Namespace": ANY, "MetricData": ANY})
    stubber.add_response("put_metric_data", {}, {"Namespace": ANY, "MetricData": ANY})
    sink.send(gather([make_measure(backend="")]))
    sink.send(gather(measures_of(make_trace(backend="größe" * 100))))


@pytest.mark.parametrize(
    ("code", "status", "kind", "word"),
    [
        ("Throttling", 400, Throttled, "fewer calls"),
        ("AccessDenied", 403, Unavailable, "cloudwatch:PutMetricData is missing"),
        ("ExpiredToken", 403, Unavailable, "expired"),
        ("SignatureDoesNotMatch", 403, Unavailable, "not valid"),
        ("InternalServiceFault", 500, RaglassError, "side of AWS"),
        ("InvalidParameterValue", 400, RaglassError, "refused with InvalidParameterValue"),
    ],
)
def test_refusal_says_what_is_wrong_and_hides_what_aws_said(
    stubbed: tuple[CloudWatchSink, Stubber], code: str, status: int, kind: type[RaglassError], word: str
) -> None:
    sink, stubber = stubbed
    stubber.add_client_error("put_metric_data", code, "arn:aws:iam::123456789012:user/x", status)
    with pytest.raises(kind, match=word) as caught:
        sink.send(gather([make_measure()]))
    assert "123456789012" not in str(caught.value)
