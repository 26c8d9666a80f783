"""Reading CloudWatch: few calls, each complete period once, throttles waited for, permissions named."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from metrics.catalogue import SAGEMAKER, rag_metric, rag_queries, sagemaker_metric, stack_queries
from metrics.cloudwatch import FRESH_S, LATE_S, MAX_PAGES, CloudWatchSource
from metrics.series import Window
from pipeline.errors import BackendError, BadResponse, ConfigError, Throttled, Timeout, Unavailable
from pipeline.measures import measures_of
from tests.factories import make_trace
from tests.metrics.fake_cloudwatch import FakeCloudWatch, refusal

MINUTE = 29_283_333 * 60
BACKEND = "local/embedded"
COUNT = rag_metric("Latency", "SampleCount", BACKEND)
GET = "get_metric_data"


class Clock:
    def __init__(self) -> None:
        self.now = MINUTE + 30.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client() -> FakeCloudWatch:
    return FakeCloudWatch()


@pytest.fixture
def source(client: FakeCloudWatch, clock: Clock) -> CloudWatchSource:
    return CloudWatchSource(client=client, clock=clock, sleep=clock.sleep)


def window_of(clock: Clock, length_s: int = 3_600, period_s: int = 60) -> Window:
    return Window.ending(clock.now, length_s, period_s)


def test_everything_the_page_shows_takes_one_call(
    source: CloudWatchSource, client: FakeCloudWatch, clock: Clock
) -> None:
    source.read([*rag_queries(BACKEND), *stack_queries("raglass", "abc")], window_of(clock))
    assert client.count(GET) == 1


def test_more_than_500_series_take_a_call_for_each_500(
    source: CloudWatchSource, client: FakeCloudWatch, clock: Clock
) -> None:
    queries = [rag_metric("Latency", "p50", f"backend-{number}") for number in range(1_001)]
    assert len(source.read(queries, window_of(clock))) == 1_001
    assert [len(request["MetricDataQueries"]) for _, request in client.calls] == [500, 500, 1]


def test_rerun_within_seconds_asks_nothing(source: CloudWatchSource, client: FakeCloudWatch, clock: Clock) -> None:
    source.read([COUNT], window_of(clock))
    clock.now += FRESH_S - 1
    source.read([COUNT], window_of(clock))
    assert client.count(GET) == 1


def test_complete_periods_are_fetched_once(source: CloudWatchSource, client: FakeCloudWatch, clock: Clock) -> None:
    source.read([COUNT], window_of(clock))
    settled_s = (clock.now - LATE_S) // 60 * 60
    clock.now += 300
    source.read([COUNT], window_of(clock))
    assert [request["StartTime"] for _, request in client.calls] == [MINUTE + 60 - 3_600, settled_s]


def test_late_value_is_seen_with_the_next_refresh_and_marked_until_then(
    source: CloudWatchSource, client: FakeCloudWatch, clock: Clock
) -> None:
    client.publish(measures_of(make_trace(asked_at=MINUTE - 65)))
    [series] = source.read([COUNT], window_of(clock))
    assert series.values == {MINUTE - 120: 1.0}
    assert series.incomplete_from_s == MINUTE - 180
    client.publish(measures_of(make_trace(asked_at=MINUTE - 70)))
    clock.now += 60
    [series] = source.read([COUNT], window_of(clock))
    assert series.values == {MINUTE - 120: 2.0}


def test_value_that_vanished_from_an_open_period_is_forgotten(
    source: CloudWatchSource, client: FakeCloudWatch, clock: Clock
) -> None:
    client.publish(measures_of(make_trace(asked_at=MINUTE)))
    source.read([COUNT], window_of(clock))
    client.values.clear()
    clock.now += 60
    assert source.read([COUNT], window_of(clock))[0].values == {}


def test_window_that_moves_for_hours_gives_what_one_read_would(client: FakeCloudWatch, clock: Clock) -> None:
    moving = CloudWatchSource(client=client, clock=clock)
    for _ in range(120):
        client.publish(measures_of(make_trace(asked_at=clock.now - 20)))
        kept = moving.read([COUNT], window_of(clock))
        clock.now += 47
    once = CloudWatchSource(client=client, clock=clock)
    clock.now -= 47
    assert kept == once.read([COUNT], window_of(clock))


def test_longer_window_is_fetched_whole(source: CloudWatchSource, client: FakeCloudWatch, clock: Clock) -> None:
    client.publish(measures_of(make_trace(asked_at=MINUTE - 7_000)))
    source.read([COUNT], window_of(clock))
    [series] = source.read([COUNT], window_of(clock, 10_800))
    assert sum(series.values.values()) == 1
    assert source.read([COUNT], window_of(clock))[0].values == {}
    assert client.count(GET) == 2


def test_pages_are_put_together(clock: Clock) -> None:
    client = FakeCloudWatch(page=10)
    for minute in range(55):
        client.publish(measures_of(make_trace(asked_at=MINUTE - minute * 60)))
    source = CloudWatchSource(client=client, clock=clock)
    [series] = source.read([COUNT], window_of(clock))
    assert len(series.values) == 55
    assert client.count(GET) == 6
    assert [start_s for start_s, _ in series] == sorted(start_s for start_s, _ in series)


def test_answer_without_end_is_given_up(clock: Clock) -> None:
    class Endless(FakeCloudWatch):
        def get_metric_data(self, **request: Any) -> dict[str, Any]:
            return super().get_metric_data(**{**request, "NextToken": "0"}) | {"NextToken": "1"}

    client = Endless()
    with pytest.raises(BadResponse, match="shorter window"):
        CloudWatchSource(client=client, clock=clock).read([COUNT], window_of(clock))
    assert client.count(GET) == MAX_PAGES


def test_throttle_is_waited_for(source: CloudWatchSource, client: FakeCloudWatch, clock: Clock) -> None:
    client.failures = [refusal("Throttling"), refusal("Throttling")]
    source.read([COUNT], window_of(clock))
    assert client.count(GET) == 3
    assert len(clock.slept) == 2


def test_lasting_throttle_is_told_after_a_few_calls_and_not_stormed(
    source: CloudWatchSource, client: FakeCloudWatch, clock: Clock
) -> None:
    client.broken = refusal("Throttling")
    with pytest.raises(Throttled, match="longer refresh"):
        source.read([COUNT], window_of(clock))
    assert client.count(GET) == 4


@pytest.mark.parametrize(
    ("error", "kind", "word"),
    [
        (refusal("AccessDenied", 403), Unavailable, "permission cloudwatch:GetMetricData is missing"),
        (refusal("ExpiredToken", 403), Unavailable, "expired"),
        (refusal("InvalidClientTokenId", 403), Unavailable, "AWS_PROFILE"),
        (refusal("InternalServiceFault", 500), Timeout, "side of AWS"),
        (refusal("InvalidNextToken"), BadResponse, "InvalidNextToken"),
        (NoCredentialsError(), Unavailable, "no AWS credentials"),
        (EndpointConnectionError(endpoint_url="https://x"), Unavailable, "cannot be reached"),
    ],
)
def test_refusal_is_told_in_words_after_one_call(
    source: CloudWatchSource, client: FakeCloudWatch, clock: Clock, error: Exception, kind: type, word: str
) -> None:
    client.broken = error
    with pytest.raises(kind, match=word):
        source.read([COUNT], window_of(clock))
    assert client.count(GET) == 1


@pytest.mark.parametrize(("status", "kind"), [("Forbidden", Unavailable), ("InternalError", BadResponse)])
def test_series_that_cannot_be_read_is_told(clock: Clock, status: str, kind: type[BackendError]) -> None:
    class Refusing(FakeCloudWatch):
        def get_metric_data(self, **request: Any) -> dict[str, Any]:
            reply = super().get_metric_data(**request)
            reply["MetricDataResults"][0]["StatusCode"] = status
            return reply

    with pytest.raises(kind, match="cloudwatch:GetMetricData"):
        CloudWatchSource(client=Refusing(), clock=clock).read([COUNT], window_of(clock))


def test_failed_read_leaves_nothing_behind(source: CloudWatchSource, client: FakeCloudWatch, clock: Clock) -> None:
    client.publish(measures_of(make_trace(asked_at=MINUTE)))
    client.failures = [refusal("AccessDenied", 403)]
    with pytest.raises(Unavailable):
        source.read([COUNT], window_of(clock))
    assert source.read([COUNT], window_of(clock))[0].values == {MINUTE: 1.0}


def test_cost_is_counted_by_metric_requested(source: CloudWatchSource, clock: Clock) -> None:
    source.read(rag_queries(BACKEND), window_of(clock))
    use = source.use
    assert (use.calls, use.metrics) == (1, len(rag_queries(BACKEND)))
    assert use.cost_usd == pytest.approx(use.metrics * 1e-5)


def test_request_is_one_that_aws_takes(clock: Clock) -> None:
    session = boto3.session.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="eu-west-1")
    client = session.client("cloudwatch")
    query = sagemaker_metric("ModelLatency", "Sum", "raglass-embedder")
    window = window_of(clock)
    expected = {
        "MetricDataQueries": [
            {
                "Id": "q0",
                "MetricStat": {
                    "Metric": {
                        "Namespace": SAGEMAKER,
                        "MetricName": "ModelLatency",
                        "Dimensions": [
                            {"Name": "EndpointName", "Value": "raglass-embedder"},
                            {"Name": "VariantName", "Value": "AllTraffic"},
                        ],
                    },
                    "Period": 60,
                    "Stat": "Sum",
                },
                "ReturnData": True,
            }
        ],
        "StartTime": window.start_s,
        "EndTime": window.end_s,
        "ScanBy": "TimestampAscending",
        "MaxDatapoints": 100_800,
    }
    with Stubber(client) as stubber:
        stubber.add_response(GET, {"MetricDataResults": []}, expected)
        [series] = CloudWatchSource(client=client, clock=clock).read([query], window)
    assert (series.unit, series.values) == ("Microseconds", {})


def test_missing_region_names_the_setting(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(ConfigError, match="RAGLASS_AWS_REGION"):
        CloudWatchSource(clock=clock).read([COUNT], window_of(clock))
