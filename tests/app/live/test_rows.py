"""The Live page's figures: stages add up, nothing is counted twice, titles say what is seen."""

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

from app.live.reading import MAX_PERIODS, PERIODS, WINDOWS, LiveChoice, api_id_of
from app.live.rows import LiveView, live_csv, make_view
from app.live.totals import Totals
from metrics.catalogue import rag_queries, stack_queries, stage_percentiles
from metrics.cloudwatch import CloudWatchSource
from metrics.series import Statistic, Window
from pipeline.errors import InputError
from pipeline.measures import measures_of
from pipeline.types import Failure, Span
from tests.factories import make_failed_trace, make_spans, make_trace
from tests.metrics.fake_cloudwatch import FakeCloudWatch
from tests.pipeline.test_measures import NESTED

MINUTE = 29_283_333 * 60
NOW = MINUTE + 30.0
LOCAL = "local/embedded"


def view_of(client: FakeCloudWatch, backend: str = LOCAL, measure: Statistic = "Average") -> LiveView:
    window = Window.ending(NOW, 900, 60)
    queries = [*rag_queries(backend), *stage_percentiles(backend, measure), *stack_queries("raglass", "abc")]
    series = CloudWatchSource(client=client, clock=lambda: NOW).read(list(dict.fromkeys(queries)), window)
    return make_view("cloudwatch", backend, "raglass", window, series, measure)


def viewed(*traces: Any, **options: Any) -> LiveView:
    client = FakeCloudWatch()
    for trace in traces:
        client.publish(measures_of(trace))
    return view_of(client, **options)


def ask_stack(client: FakeCloudWatch, *, seen_by_client: bool = True) -> None:
    spans = make_spans(embed_ms=10.0, retrieve_ms=5.0, generate_ms=30.0)
    server = make_trace(backend="aws", asked_at=MINUTE, duration_ms=50.0, spans=spans)
    client.publish(measures_of(server, total_stage="gateway"))
    if seen_by_client:
        client.publish(
            measures_of(make_trace(backend="aws", asked_at=MINUTE, duration_ms=62.0, spans=(Span("network", 0, 60.0),)))
        )


def layers(view: LiveView) -> dict[str, float]:
    return {line.name: dict(line.points)[MINUTE] or 0.0 for line in view.stages}


def test_stages_and_unaccounted_time_add_up_to_the_mean() -> None:
    spans = make_spans(embed_ms=8.0, retrieve_ms=2.0, generate_ms=70.0)
    view = viewed(*(make_trace(asked_at=MINUTE, duration_ms=100.0, spans=spans) for _ in range(3)))
    assert layers(view) == pytest.approx({"embed": 8.0, "retrieve": 2.0, "generate": 70.0, "unaccounted": 20.0})
    assert view.mean_ms == pytest.approx(100.0)
    assert sum(view.shares.values()) == pytest.approx(1.0)
    assert view.stages_title == "Generate takes 70 % of the time"


def test_enclosed_stages_are_taken_off_what_encloses_them() -> None:
    client = FakeCloudWatch()
    ask_stack(client)
    view = view_of(client, "aws")
    assert layers(view) == pytest.approx(
        {"embed": 10.0, "retrieve": 5.0, "generate": 30.0, "gateway": 5.0, "network": 10.0, "unaccounted": 2.0}
    )


def test_questions_of_other_callers_show_their_stages_too() -> None:
    client = FakeCloudWatch()
    ask_stack(client, seen_by_client=False)
    view = view_of(client, "aws")
    assert layers(view) == pytest.approx({"embed": 10.0, "retrieve": 5.0, "generate": 30.0, "gateway": 5.0})
    assert view.questions == 0
    assert view.stages_title == "Generate takes 60 % of the time"


def test_more_calls_on_the_server_than_the_client_made_give_no_time_below_zero() -> None:
    client = FakeCloudWatch()
    ask_stack(client)
    for _ in range(5):
        slow = make_trace(backend="aws", asked_at=MINUTE, duration_ms=500.0, spans=make_spans(generate_ms=400.0))
        client.publish(measures_of(slow, total_stage="gateway"))
    assert all(value >= 0 for value in layers(view_of(client, "aws")).values())


def test_questions_and_failures_are_by_the_period_and_named_by_stage() -> None:
    traces = [make_trace(asked_at=MINUTE) for _ in range(3)]
    view = viewed(*traces, make_failed_trace(stage="generate", asked_at=MINUTE))
    assert [dict(line.points)[MINUTE] for line in view.rate] == [3.0, 1.0]
    assert (view.questions, view.failed) == (4, 1)
    assert view.rate_title == "4 questions, 25 % failed"
    assert view.errors_title == "All failed in generate"


def test_a_rate_is_over_the_time_since_the_first_question_where_nothing_was_asked_before() -> None:
    # The last period ends a minute after MINUTE: 40 questions in the last 4 minutes of 15.
    view = viewed(*(make_trace(asked_at=MINUTE - 60 * (place % 4)) for place in range(40)))
    assert view.rate_title == "40 questions, 10.0 a minute since the first, none failed"
    busy_before = replace(view, before=Totals(questions=1))
    assert busy_before.rate_title == "40 questions, 2.67 a minute, none failed"


def test_error_of_no_stage_is_counted_as_unaccounted() -> None:
    failed = make_trace(
        asked_at=MINUTE, spans=(), chunks=(), generation=None, error=Failure("Unavailable", "No.", None)
    )
    view = viewed(failed)
    assert [(line.name, line.total) for line in view.errors] == [("unaccounted", 1.0)]
    assert view.errors_title == "All failed before or between stages"


def test_client_counts_its_own_network_error_once() -> None:
    failure = Failure("Unavailable", "Nobody answers.", "network")
    view = viewed(make_trace(backend="aws", asked_at=MINUTE, spans=NESTED[:1], error=failure), backend="aws")
    assert [(line.name, line.total) for line in view.errors] == [("network", 1.0)]


def test_slowest_periods_come_first() -> None:
    traces = [
        make_trace(asked_at=MINUTE - 60 * place, duration_ms=duration_ms)
        for place, duration_ms in enumerate([100.0, 900.0, 300.0])
    ]
    view = viewed(*traces)
    assert [start_s for start_s, _ in view.slowest] == [MINUTE - 60, MINUTE - 120, MINUTE]
    assert view.latency_title == "p95 peaked at 900 ms, 15:32 UTC"


def test_percentile_of_each_stage_names_the_slowest() -> None:
    view = viewed(make_trace(asked_at=MINUTE), measure="p95")
    assert view.stages_title == "Generate has the highest p95: 25.0 ms"
    assert {line.name for line in view.stages} == {"embed", "retrieve", "generate"}


def test_empty_window_has_titles_and_no_lines() -> None:
    view = viewed()
    assert view.rate_title == "No question in this window"
    assert view.latency_title == "No latency in this window"
    assert view.stages_title == "No stage ran in this window"
    assert view.errors_title == "No stage failed in this window"
    assert view.parts_title == "No call of the stack in this window"
    assert view.mean_ms is None


def test_parts_of_the_stack_are_told_apart_by_aws_own_clocks() -> None:
    client = FakeCloudWatch()
    ask_stack(client)
    for role in ("embedder", "generator"):
        about = [("EndpointName", f"raglass-{role}"), ("VariantName", "AllTraffic")]
        client.add("AWS/SageMaker", "ModelLatency", about, MINUTE, 9_000.0)
        client.add("AWS/SageMaker", "OverheadLatency", about, MINUTE, 1_000.0)
        client.add("AWS/SageMaker", "Invocations", about, MINUTE, 1.0)
        client.add("AWS/SageMaker", "Invocation5XXErrors", about, MINUTE, 1.0)
    function = [("FunctionName", "raglass-orchestrator")]
    for name, value in {"Invocations": 1.0, "Duration": 50.0, "Throttles": 2.0, "ConcurrentExecutions": 3.0}.items():
        client.add("AWS/Lambda", name, function, MINUTE, value)
    for name, value in {"Count": 1.0, "Latency": 55.0, "5xx": 0.0}.items():
        client.add("AWS/ApiGateway", name, [("ApiId", "abc")], MINUTE, value)
    view = view_of(client, "aws")
    assert {line.name: line.total for line in view.parts} == pytest.approx(
        {"SageMaker": 20.0, "Lambda": 30.0, "the network": 10.0}
    )
    assert view.parts_title == "Lambda takes 50 % of a question"
    assert view.parts_words == "Lambda 50 %, SageMaker 33 %, the network 17 %"
    rows = {part.name: part for part in view.rows}
    assert (rows["raglass-embedder"].mean_ms, rows["raglass-embedder"].errors) == (10.0, 1.0)
    assert (rows["raglass-orchestrator"].throttles, rows["raglass-orchestrator"].concurrent) == (2.0, 3.0)
    assert rows["HTTP API"].mean_ms == 55.0


def test_csv_has_a_row_for_each_value_with_its_unit() -> None:
    rows = list(csv.DictReader(io.StringIO(live_csv(viewed(make_trace(asked_at=MINUTE))))))
    [row] = [
        row for row in rows if (row["metric"], row["statistic"]) == ("Latency", "p95") and "total" in row["dimensions"]
    ]
    assert row == {
        "period_start_utc": "2025-09-04T15:33:00Z",
        "period_s": "60",
        "namespace": "RAG_MLOps",
        "metric": "Latency",
        "dimensions": "Backend=local/embedded Stage=total",
        "statistic": "p95",
        "unit": "Milliseconds",
        "value": "36",
    }


@pytest.mark.parametrize("window", list(WINDOWS))
@pytest.mark.parametrize("period", list(PERIODS))
def test_every_window_fits_the_chart_in_periods_no_shorter_than_asked(window: str, period: str) -> None:
    choice = LiveChoice("local", "fake", window, period)
    assert choice.period_s >= PERIODS[period]
    assert WINDOWS[window] / choice.period_s <= MAX_PERIODS
    assert len(choice.window_at(NOW).periods) >= 1


def test_choice_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="15 min"):
        LiveChoice("local", "fake", window="a while").window_at(NOW)


@pytest.mark.parametrize(
    ("url", "api_id"),
    [
        ("https://abc123.execute-api.eu-west-1.amazonaws.com", "abc123"),
        ("http://127.0.0.1:4566/_aws/execute-api/abc123/$default/", "abc123"),
        ("https://rag.example.com/query", ""),
        ("", ""),
    ],
)
def test_api_is_known_by_its_address(url: str, api_id: str) -> None:
    assert api_id_of(url) == api_id
