"""One request to a collector on loopback: what it holds, and what each reply means."""

import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from metrics.otlp.collector import Collector
from metrics.otlp.sending import CollectorAway, CollectorRefused, Target, TraceSender
from metrics.otlp.spans_out import Hiding
from pipeline.errors import ConfigError
from tests.factories import make_trace
from tests.otlp.stand_in_collector import Reply, StandIn, collecting

LIMIT_S = 20.0


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with collecting() as seen:
        yield seen


def collector(stand_in: StandIn, address: str = "") -> Collector:
    return Collector(Target(address or f"{stand_in.url}/v1/traces", "RAGLASS_OTLP_ENDPOINT"), "0.1.0", Hiding())


def test_traces_arrive_whole_in_one_request(stand_in: StandIn) -> None:
    traces = [make_trace(), make_trace()]
    assert collector(stand_in).send(traces) == 0
    assert len(stand_in.requests) == 1
    assert stand_in.paths == ["/v1/traces"]
    assert {span.trace_id.hex() for span in stand_in.spans()} == {trace.trace_id for trace in traces}
    assert len(stand_in.spans()) == 8
    assert stand_in.headers[0]["content-type"] == "application/x-protobuf"


def test_standard_variables_set_headers_and_compression(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret,x-team=a")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    collector(stand_in).send([make_trace()])
    found = stand_in.headers[0]
    assert (found["authorization"], found["x-team"], found["content-encoding"]) == ("Bearer s3cret", "a", "gzip")
    assert len(stand_in.spans()) == 4


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_collector_that_is_busy_is_asked_once_and_says_how_long_to_wait(stand_in: StandIn, status: int) -> None:
    stand_in.replies = [Reply(status, {"Retry-After": "17"})]
    with pytest.raises(CollectorAway, match=str(status)) as caught:
        collector(stand_in).send([make_trace()])
    assert caught.value.wait_s == 17
    assert len(stand_in.requests) == 1


def test_retry_after_may_be_a_date_or_nonsense(stand_in: StandIn) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)
    stand_in.replies = [Reply(503, {"Retry-After": at}), Reply(503, {"Retry-After": "soon"}), Reply(503)]
    waits = []
    for _ in range(3):
        with pytest.raises(CollectorAway) as caught:
            collector(stand_in).send([make_trace()])
        waits.append(caught.value.wait_s)
    assert waits[0] is not None
    assert 0 < waits[0] <= 600
    assert waits[1:] == [None, None]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_collector_that_dislikes_what_it_got_says_so(stand_in: StandIn, status: int) -> None:
    stand_in.replies = [Reply(status, body=b"<script>Bad</script>")]
    with pytest.raises(CollectorRefused, match=str(status)) as caught:
        collector(stand_in).send([make_trace()])
    assert "script" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "advice"), [(401, "HEADERS"), (403, "HEADERS"), (302, "login"), (404, "address"), (500, "address")]
)
def test_wrong_address_or_key_is_a_setting_to_correct(stand_in: StandIn, status: int, advice: str) -> None:
    stand_in.replies = [Reply(status, {"Location": "/login"})]
    with pytest.raises(ConfigError, match=advice):
        collector(stand_in).send([make_trace()])
    assert len(stand_in.requests) == 1


def test_collector_that_is_not_there_is_away_and_its_password_is_not_told(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://me:s3cret@127.0.0.1:{free.getsockname()[1]}/v1/traces?token=s3cret"
        with caplog.at_level(logging.INFO), pytest.raises(CollectorAway, match="cannot be reached") as caught:
            collector(stand_in, address).send([make_trace()])
    assert "s3cret" not in f"{caught.value}{caplog.text}"
    assert caught.value.__cause__ is None


def test_collector_that_does_not_answer_in_time_is_away(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.05")
    stand_in.held.clear()
    with pytest.raises(CollectorAway, match="in time"):
        collector(stand_in).send([make_trace()])


def test_spans_that_a_partial_success_leaves_out_are_counted(stand_in: StandIn) -> None:
    reply = ExportTraceServiceResponse(partial_success=ExportTracePartialSuccess(rejected_spans=3, error_message="x"))
    protobuf = {"Content-Type": "application/x-protobuf"}
    stand_in.replies = [
        Reply(200, protobuf, reply.SerializeToString()),
        Reply(200, protobuf, b"\xff\xff"),
        Reply(200, {"Content-Type": "text/html"}, b"<html>"),
    ]
    made = collector(stand_in)
    assert [made.send([make_trace()]) for _ in range(3)] == [3, 0, 0]


def test_trace_that_cannot_be_sent_is_refused_before_it_is(stand_in: StandIn) -> None:
    with pytest.raises(CollectorRefused, match="OTLP cannot hold"):
        collector(stand_in).send([make_trace(trace_id="none")])
    assert stand_in.requests == []


def test_refused_trace_is_found_and_its_neighbours_arrive(stand_in: StandIn) -> None:
    stand_in.refused_questions = {"the one that it refuses"}
    traces = [make_trace(), make_trace(question="the one that it refuses"), make_trace(), make_trace(trace_id="none")]
    sender = TraceSender(lambda: collector(stand_in), period_s=LIMIT_S)
    for trace in traces:
        sender.send(trace)
    sender.close(LIMIT_S)
    assert (sender.counts.sent, sender.counts.dropped) == (2, 2)
    assert {span.trace_id.hex() for span in stand_in.spans()} == {traces[0].trace_id, traces[2].trace_id}
