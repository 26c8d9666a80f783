"""Sending never holds up a question: what waits, what is dropped, what is tried again, and how it ends."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from metrics.otlp import sending
from metrics.otlp.records import SpanRecord
from metrics.otlp.sending import CollectorAway, CollectorRefused, TraceSender, is_own, read_target
from pipeline.errors import ConfigError
from pipeline.types import Trace
from tests.factories import make_trace

LIMIT_S = 20.0
"""How long a test waits for what must happen."""


class Sink:
    """Keeps what it is sent; `answers` are raised one by one, `held` keeps a request from ending."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.answers: list[Exception | None] = []
        self.bad: set[str] = set()
        self.held, self.begun = threading.Event(), threading.Event()
        self.held.set()
        self.closed = False

    def send(self, traces: Sequence[Trace]) -> int:
        self.batches.append([trace.trace_id for trace in traces])
        self.begun.set()
        assert self.held.wait(LIMIT_S)
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        if self.bad.intersection(self.batches[-1]):
            raise CollectorRefused("It answered 400.")
        return 0

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def make_sender(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., TraceSender]]:
    monkeypatch.setattr(sending, "FIRST_WAIT_S", 0.0)
    made: list[TraceSender] = []

    def make(**changes: float) -> TraceSender:
        made.append(TraceSender(lambda: sink, **{"period_s": 0.0, **changes}))  # type: ignore[arg-type]
        return made[-1]

    yield make
    sink.held.set()
    for each in made:
        each.close(LIMIT_S)


def wait_until(holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold in LIMIT_S."""
    until_s = time.monotonic() + LIMIT_S
    while not holds() and time.monotonic() < until_s:
        time.sleep(0.005)
    return holds()


def test_traces_that_come_together_share_a_request(make_sender: Callable[..., TraceSender], sink: Sink) -> None:
    sender = make_sender(period_s=LIMIT_S)
    traces = [make_trace() for _ in range(3)]
    for trace in traces:
        sender.send(trace)
    assert sender.flush(LIMIT_S)
    assert sink.batches == [[trace.trace_id for trace in traces]]
    assert (sender.counts.sent, sender.counts.waiting, sender.counts.problem) == (3, 0, None)


def test_request_holds_no_more_than_a_batch(make_sender: Callable[..., TraceSender], sink: Sink) -> None:
    sender = make_sender(period_s=LIMIT_S)
    for _ in range(sending.BATCH + 1):
        sender.send(make_trace())
    assert sender.flush(LIMIT_S)
    assert [len(batch) for batch in sink.batches] == [sending.BATCH, 1]


def test_slow_collector_keeps_nobody_and_what_finds_no_room_is_counted(
    make_sender: Callable[..., TraceSender], sink: Sink
) -> None:
    sink.held.clear()
    sender = make_sender(capacity=2)
    sender.send(make_trace())
    assert sink.begun.wait(LIMIT_S)
    waiting = [make_trace() for _ in range(5)]
    for trace in waiting:
        sender.send(trace)  # would never return if it waited: the request does not end before the next line
    assert (sender.counts.waiting, sender.counts.dropped) == (3, 3)
    sink.held.set()
    assert sender.flush(LIMIT_S)
    assert [each for batch in sink.batches[1:] for each in batch] == [trace.trace_id for trace in waiting[:2]]


def test_batch_is_sent_again_until_the_collector_is_back(
    make_sender: Callable[..., TraceSender], sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    sink.answers = [CollectorAway("It cannot be reached.")] * 3 + [None]
    sender = make_sender()
    with caplog.at_level(logging.WARNING):
        sender.send(make_trace())
        assert wait_until(lambda: sender.counts.sent == 1)
        sender.close(LIMIT_S)
    assert (sender.counts.problem, sender.counts.failing_since) == (None, None)
    assert len(sink.batches) == 4
    assert len({batch[0] for batch in sink.batches}) == 1
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [
        "traces are not sent on",
        "traces are sent on again",
    ]


def test_failure_says_since_when_until_it_is_over(make_sender: Callable[..., TraceSender], sink: Sink) -> None:
    sink.answers = [CollectorAway("It cannot be reached.", wait_s=LIMIT_S)]
    sender = make_sender()
    sender.send(make_trace())
    assert not sender.flush(LIMIT_S)
    counts = sender.counts
    assert (counts.problem, counts.waiting, counts.dropped) == ("It cannot be reached.", 1, 0)
    assert counts.failing_since is not None


@pytest.mark.parametrize(("asked_s", "waited_s"), [(7.0, 7.0), (1e9, sending.LONGEST_ASKED_S), (None, 0.0)])
def test_wait_is_the_one_that_the_collector_asks_for_within_reason(
    make_sender: Callable[..., TraceSender],
    sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
    asked_s: float | None,
    waited_s: float,
) -> None:
    waits: list[float] = []
    sender = make_sender()
    monkeypatch.setattr(sender._stopping, "wait", lambda seconds: waits.append(seconds))
    sink.answers = [CollectorAway("It answered 429.", wait_s=asked_s)]
    sender.send(make_trace())
    assert wait_until(lambda: sender.counts.sent == 1)
    assert waits == [waited_s]


def test_refused_trace_costs_only_itself(make_sender: Callable[..., TraceSender], sink: Sink) -> None:
    sender = make_sender(period_s=LIMIT_S)
    traces = [make_trace() for _ in range(8)]
    sink.bad = {traces[5].trace_id}
    for trace in traces:
        sender.send(trace)
    sender.close(LIMIT_S)
    assert (sender.counts.sent, sender.counts.dropped) == (7, 1)


def test_wrong_key_is_not_tried_again(make_sender: Callable[..., TraceSender], sink: Sink) -> None:
    sink.answers = [ConfigError("It answered 401. Give it a key.")]
    sender = make_sender()
    sender.send(make_trace())
    assert wait_until(lambda: sender.counts.dropped == 1)
    assert len(sink.batches) == 1


def test_fault_of_ours_drops_the_batch_and_not_the_thread(make_sender: Callable[..., TraceSender], sink: Sink) -> None:
    sink.answers = [RuntimeError("a bug")]
    sender = make_sender()
    sender.send(make_trace())
    assert wait_until(lambda: sender.counts.dropped == 1)
    sender.send(make_trace())
    assert wait_until(lambda: sender.counts.sent == 1)


def test_closing_tries_what_waits_once_and_stops_at_the_first_failure(
    make_sender: Callable[..., TraceSender], sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink.answers = [CollectorAway("It cannot be reached.")] * 99
    sender = make_sender(period_s=LIMIT_S)
    monkeypatch.setattr(sending, "FIRST_WAIT_S", LIMIT_S)  # so that it is closed while it waits
    for _ in range(2 * sending.BATCH):
        sender.send(make_trace())
    sender.close(LIMIT_S)
    tried = len(sink.batches)
    assert (sender.counts.dropped, sender.counts.waiting) == (2 * sending.BATCH, 0)
    assert sink.batches[-1] == sink.batches[0]
    assert sink.closed
    sender.send(make_trace())
    assert (sender.counts.dropped, len(sink.batches)) == (2 * sending.BATCH + 1, tried)


def test_closing_does_not_wait_for_a_request_that_does_not_end(
    make_sender: Callable[..., TraceSender], sink: Sink
) -> None:
    sink.held.clear()
    sender = make_sender()
    sender.send(make_trace())
    assert sink.begun.wait(LIMIT_S)
    sender.send(make_trace())
    sender.close(0.0)  # would never return if it waited: the request ends after this test
    assert sender.counts.dropped == 1


@pytest.mark.parametrize(
    ("setting", "environ", "url", "source"),
    [
        ("http://c:4318", {}, "http://c:4318/v1/traces", "RAGLASS_OTLP_ENDPOINT"),
        ("http://c:4318/", {}, "http://c:4318/v1/traces", "RAGLASS_OTLP_ENDPOINT"),
        ("https://c/otlp/v1/traces", {}, "https://c/otlp/v1/traces", "RAGLASS_OTLP_ENDPOINT"),
        ("http://c", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://d"}, "http://c/v1/traces", "RAGLASS_OTLP_ENDPOINT"),
        ("http://c", {"OTEL_SDK_DISABLED": "true"}, "http://c/v1/traces", "RAGLASS_OTLP_ENDPOINT"),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://d:1/"}, "http://d:1/v1/traces", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        (
            "",
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://d", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://e/in"},
            "http://e/in",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        ),
    ],
)
def test_address_is_read_as_the_specification_has_it(
    setting: str, environ: dict[str, str], url: str, source: str
) -> None:
    target = read_target(setting, "127.0.0.1", 8501, environ)
    assert target is not None
    assert (target.url, target.source, target.why_not) == (url, source, "")


@pytest.mark.parametrize(
    "switch",
    [{}, {"OTEL_SDK_DISABLED": "TRUE"}, {"OTEL_TRACES_EXPORTER": "none"}],
    ids=["nothing set", "disabled", "none"],
)
def test_nothing_is_sent_unless_someone_says_where(switch: dict[str, str]) -> None:
    address = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://d"} if switch else {}
    assert read_target("", "127.0.0.1", 8501, address | switch) is None


@pytest.mark.parametrize(
    "setting", ["c:4318", "ftp://c", "http://", "http://c:port", "http://[c", "http://me:key@c", "http://c/?key=1"]
)
def test_setting_that_is_no_address_is_refused_without_showing_it(setting: str) -> None:
    with pytest.raises(ConfigError, match="RAGLASS_OTLP_ENDPOINT is no address") as caught:
        read_target(setting, "127.0.0.1", 8501, {})
    assert "key@" not in str(caught.value)


@pytest.mark.parametrize(
    "environ",
    [{"OTEL_EXPORTER_OTLP_ENDPOINT": "nonsense"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[c"}],
)
def test_standard_variable_that_is_no_address_stops_nothing_and_is_told(environ: dict[str, str]) -> None:
    target = read_target("", "127.0.0.1", 8501, environ)
    assert target is not None
    assert target.why_not.startswith("OTEL_EXPORTER_OTLP_ENDPOINT is no address")
    assert "key" not in target.shown


def test_collector_that_speaks_grpc_alone_is_told() -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://d:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    target = read_target("", "127.0.0.1", 8501, environ)
    assert target is not None
    assert "HTTP" in target.why_not


@pytest.mark.parametrize(
    "address", ["http://localhost:8501", "http://127.0.0.1:8501/", "http://127.0.0.2:8501", "http://[::1]:8501"]
)
def test_dashboard_does_not_send_to_itself(address: str) -> None:
    target = read_target(address, "0.0.0.0", 8501, {})
    assert target is not None
    assert "is this dashboard itself" in target.why_not


@pytest.mark.parametrize(
    "address", ["http://localhost:8502", "http://192.0.2.1:8501", "http://collector:8501", "https://localhost"]
)
def test_other_port_or_machine_is_no_loop(address: str) -> None:
    target = read_target(address, "0.0.0.0", 8501, {})
    assert target is not None
    assert target.why_not == ""


def test_address_is_shown_without_what_may_be_a_secret() -> None:
    target = read_target(
        "", "h", 1, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://me:key@c:4318/v1/traces?token=t#f"}
    )
    assert target is not None
    assert target.shown == "https://c:4318/v1/traces"


def test_span_that_this_process_sent_is_known_again() -> None:
    def record(instance: str) -> SpanRecord:
        return SpanRecord("1" * 32, "2" * 16, "", "ask", 0, 1, resource={"service.instance.id": instance})

    assert is_own(record(sending.INSTANCE_ID))
    assert not is_own(record("another"))
