"""The Live page over the local store alone, over a CloudWatch in memory, and while CloudWatch refuses."""

import html
import re
import time
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from app.live.reading import Live
from app.quality.words import WHOSE_NOTE
from app.services import Services
from app.views.live import spending
from app.views.live.page import OVER_TIME
from metrics.alarms import AlarmReader
from metrics.catalogue import log_groups
from metrics.cloudwatch import CloudWatchSource
from metrics.logs import LogReader
from metrics.store import TraceStore
from pipeline.measures import measures_of
from pipeline.types import Confidence
from tests.factories import make_failed_trace, make_generation, make_spans, make_trace
from tests.metrics.fake_cloudwatch import FakeCloudWatch, refusal
from tests.metrics.spending import asked
from tests.pages.test_pages import shown
from tests.shown import as_read
from tests.tables import listed, tables

STACK = "raglass"


def ago(seconds: float) -> float:
    return time.time() - seconds


def as_of_before(store: TraceStore) -> None:
    """Make what is stored what a store was before it noted who asks and how questions end."""
    store.fold()
    with store._database.engine.begin() as connection:
        for table in ("sketches", "quarter_sketches"):
            connection.execute(text(f"UPDATE {table} SET origin = ''"))
        connection.execute(text("DELETE FROM answer_counts"))


def titles(page: Any) -> str:
    """The titles of the charts, as they are sent to the browser."""
    made = "\n".join(each.proto.body for each in page.get("html") if "rg-chart-title" in each.proto.body)
    return as_read(made)


def gauges(page: Any) -> dict[str, str]:
    """The figures at the top, by their names."""
    [made] = [each.proto.body for each in page.get("html") if 'data-testid="gauge"' in each.proto.body]
    return dict(re.findall(r'<div class="rg-gauge-name">([^<]+?)\s*<.*?<div class="rg-gauge-value">([^<]+)<', made))


def log_lines(page: Any) -> list[str]:
    """The lines of the log, as they are read."""
    [table] = [each.proto.body for each in page.get("html") if 'data-testid="log-lines"' in each.proto.body]
    return [html.unescape(line) for line in re.findall(r'<span class="rg-line"[^>]*>(.*?)</span>', table, re.DOTALL)]


def put_traces(services: Services, minutes: int = 9) -> None:
    """An answered question in each of these minutes, and one that failed in the latest of them."""
    for place in range(minutes):
        services.store.put(
            make_trace(
                backend="fake",
                asked_at=ago(60 * place),
                duration_ms=100.0,
                spans=make_spans(embed_ms=10.0, retrieve_ms=5.0, generate_ms=80.0),
            )
        )
    services.store.put(make_failed_trace(backend="fake", asked_at=ago(0)))


@pytest.mark.slow
def test_all_backends_of_the_window_are_listed_where_there_is_more_than_one(open_page, services):
    put_traces(services)
    page = open_page("live")
    assert listed(page, "Backends") == []
    assert "No other backend was asked" in shown(page)
    services.store.put(make_trace(backend="otlp/shop", origin="application", asked_at=ago(0), duration_ms=400.0))
    page = open_page("live")
    rows = listed(page, "Backends")
    assert [(row["Backend"], row["Asked"], row["Failed"]) for row in rows] == [
        ("fake", "10", "1 (10.0 %)"),
        ("shop, another application", "1", "0"),
    ]
    [table] = [each for each in tables(page) if each["label"].startswith("Backends")]
    assert table["rows"][1]["href"] == "live?answered_by=otlp%2Fshop&asked_by=people&window=1+hour"
    assert table["current"] == "fake"


def test_empty_store_says_what_to_do(open_page):
    page = open_page("live")
    assert not page.exception
    assert "No question has been asked yet" in shown(page)


@pytest.mark.slow
def test_local_traces_are_charted_with_titles_that_say_what_is_seen(open_page, services):
    put_traces(services)
    page = open_page("live")
    assert not page.exception
    assert gauges(page) == {
        "Questions": "10",
        "Failed": "10 %",
        "p95": "100 ms",
        "Abstained": "0 %",
        "Confidence": "91 %",
    }
    assert "Generate takes 8" in titles(page)
    assert "All failed in generate" in titles(page)
    assert "10 % failed" in titles(page)
    assert "from the traces of this dashboard" in shown(page)


@pytest.mark.parametrize(("minutes", "folded"), [(9, True), (19, False)])
@pytest.mark.slow
def test_few_questions_are_listed_and_what_says_little_of_them_is_folded(open_page, services, minutes, folded):
    put_traces(services, minutes)
    page = open_page("live")
    assert not page.exception
    assert [OVER_TIME] * folded == [each.label for each in page.expander if each.label == OVER_TIME]
    assert ("Traces of the window, a row each" in [each["label"] for each in tables(page)]) is folded
    assert (f"{minutes + 1} traces in this window" in shown(page)) is folded


@pytest.mark.parametrize("minutes", [9, 19])
@pytest.mark.slow
def test_where_most_of_the_time_went_is_said_beside_the_figures(open_page, services, minutes):
    put_traces(services, minutes)
    drawn = shown(open_page("live"))
    assert re.search(r"Generate takes 8\d % of the time\.", drawn)


@pytest.mark.slow
def test_quality_stands_beside_latency_with_findings_and_the_way_to_bad_traces(open_page, services):
    long_ago = [make_trace(backend="fake", asked_at=ago(4_000 + 10 * place)) for place in range(40)]
    odd = make_generation("Penguins invented calculus in Lisbon.")
    of_late = [make_trace(backend="fake", asked_at=ago(60 + place), generation=odd) for place in range(40)]
    services.store.put_all([*long_ago, *of_late])
    services.store.fold()
    while services.quality.watcher.look():
        pass
    page = open_page("live")
    assert not page.exception
    seen = titles(page).replace("\\u003cbr\\u003e", " ").replace("<br>", " ")
    assert "Grounded share 0 % at" in seen
    assert "usually 100 %" in seen
    assert "Abstentions steady at 0 %" in titles(page)
    assert "The rules score every new trace; none waits." in shown(page)
    [way] = [each.proto for each in page.get("page_link") if "quality.grounded" in each.proto.query_string]
    assert way.label.startswith("Traces at")
    assert "quality.grounded+%3C+1.000" in way.query_string
    assert "backends=fake" in way.query_string
    assert WHOSE_NOTE not in shown(page)
    assert WHOSE_NOTE in shown(open_page("live", asked_by="everyone"))


@pytest.mark.slow
def test_before_any_rule_has_run_the_page_says_who_scores(open_page, services):
    put_traces(services)
    assert "No rule has scored a trace yet" in shown(open_page("live"))


@pytest.mark.slow
def test_window_without_a_question_says_so(open_page, services):
    services.store.put(make_trace(backend="fake", asked_at=ago(7_200)))
    page = open_page("live")
    assert not page.exception
    assert "No question by people to fake in the last hour; 1 question in the last 3 hours." in shown(page).replace(
        "\\", ""
    )
    [button] = [each for each in page.button if each.label == "Show the last 3 hours"]
    button.click().run()
    assert page.selectbox(key="window").value == "3 hours"
    assert gauges(page)["Questions"] == "1"


@pytest.mark.slow
def test_where_only_others_asked_one_click_shows_everyone(open_page, services):
    for place in range(3):
        services.store.put(make_trace(backend="fake", asked_at=ago(60 * place), origin="run"))
    page = open_page("live")
    assert not page.exception
    assert "No question by people to fake in the last hour; others asked 3 questions." in shown(page).replace("\\", "")
    assert 'data-testid="gauge"' not in shown(page)
    [button] = [each for each in page.button if each.label == "Show everyone"]
    button.click().run()
    assert page.selectbox(key="asked_by").value == "everyone"
    assert "".join(page.query_params["asked_by"]) == "everyone"
    assert gauges(page)["Questions"] == "3"


@pytest.mark.slow
def test_questions_older_than_the_note_of_who_asks_are_found_under_everyone(open_page, services):
    services.store.put(make_trace(backend="fake", asked_at=ago(60)))
    as_of_before(services.store)
    page = open_page("live")
    told = "1 question was counted before it was noted who asks. Choose Asked by: everyone."
    assert told in shown(page).replace("\\", "")
    assert [each.label for each in page.button if each.label.startswith("Show ")] == ["Show everyone"]


@pytest.mark.slow
def test_what_was_asked_before_ends_were_counted_has_abstentions_and_confidence(open_page, services):
    silent = make_generation(abstained=True, confidence=Confidence(0.71, "calibrated"))
    services.store.put_all(
        [make_trace(backend="fake", asked_at=ago(60 * place), generation=silent) for place in (0, 3)]
    )
    services.store.put(make_trace(backend="fake", asked_at=ago(60)))
    as_of_before(services.store)
    services.store.put(make_trace(backend="fake", asked_at=ago(120)))
    page = open_page("live", asked_by="everyone")
    told = {name: gauges(page)[name] for name in ("Questions", "Abstained", "Confidence")}
    assert told == {"Questions": "4", "Abstained": "50 %", "Confidence": "81 %"}
    assert "50 % abstained, confidence 81 % on average" in titles(page)


@pytest.mark.slow
def test_another_backend_is_offered_where_there_is_one(open_page, services):
    services.store.put(make_trace(backend="fake", asked_at=ago(8 * 86_400)))
    assert "Choose another backend" not in shown(open_page("live"))
    services.store.put(make_trace(backend="other", asked_at=ago(8 * 86_400)))
    assert "Choose another backend" in shown(open_page("live", answered_by="fake"))


@pytest.mark.parametrize(("address", "is_open"), [({"part": "alerts"}, True), ({}, False)])
def test_a_link_to_the_alerts_opens_the_form_for_rules(open_page, address, is_open):
    [rules] = [each for each in open_page("live", **address).expander if each.label == "Alert rules"]
    assert rules.proto.expanded is is_open


@pytest.mark.slow
def test_choices_stand_in_the_address(open_page, services):
    put_traces(services)
    page = open_page("live", window="7 days", refresh="pause", measure="p95")
    assert not page.exception
    assert page.selectbox(key="window").value == "7 days"
    assert "Refreshing is paused" in shown(page)
    assert "in periods of 15 min" in shown(page)
    assert "has the highest p95" in titles(page)
    page.selectbox(key="window").set_value("15 min").run()
    assert "".join(page.query_params["window"]) == "15 min"


@pytest.mark.slow
def test_nonsense_in_the_address_falls_back(open_page, services):
    put_traces(services)
    page = open_page("live", window="for ever", period="2 s", source="cloudwatch", at="never", measure="p100")
    assert not page.exception
    assert page.selectbox(key="window").value == "1 hour"


@pytest.mark.slow
def test_chosen_period_lists_its_traces_the_slowest_first(open_page, services):
    put_traces(services)
    minute = int(ago(120)) // 60 * 60
    services.store.put(make_trace(backend="fake", question="the slow one", asked_at=minute + 1, duration_ms=9_000.0))
    page = open_page("live", at=str(minute))
    assert not page.exception
    assert listed(page)[0]["Question"] == "the slow one"
    assert "9" in titles(page)


@pytest.mark.slow
def test_period_without_stored_traces_says_so(open_page, services):
    put_traces(services)
    page = open_page("live", at=str(int(ago(3_000)) // 60 * 60))
    assert not page.exception
    assert "stored no trace of this period" in shown(page)


@pytest.mark.slow
def test_slowest_periods_are_offered_and_choosing_one_changes_the_address(open_page, services):
    put_traces(services)
    page = open_page("live")
    offered = page.selectbox(key="look")
    assert len(offered.options) == 10
    offered.select_index(1).run()
    assert not page.exception
    chosen_s = int("".join(page.query_params["at"]))
    assert chosen_s % 60 == 0
    assert page.selectbox(key="look").value == offered.options[1]
    assert "in this period" in shown(page)


@pytest.mark.slow
def test_chosen_period_stays_while_its_figures_change(open_page, services):
    put_traces(services)
    minute = int(ago(120)) // 60 * 60
    page = open_page("live", at=str(minute))
    before = page.selectbox(key="look").value
    for place in range(3):
        services.store.put(make_trace(backend="fake", asked_at=minute + place, duration_ms=4_000.0))
    page.run()
    assert page.selectbox(key="look").value != before
    assert "".join(page.query_params["at"]) == str(minute)
    assert "4.00 s" in [row["Time"] for row in listed(page)]


@pytest.mark.slow
def test_local_page_needs_no_cloud(open_page, services, monkeypatch):
    import boto3

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("the local page made an AWS client")

    monkeypatch.setattr(boto3.session.Session, "client", refuse)
    put_traces(services)
    page = open_page("live", log="true")
    assert not page.exception
    assert [each.label for each in page.toggle] == []


@pytest.fixture
def cloud() -> FakeCloudWatch:
    return FakeCloudWatch()


@pytest.fixture
def on_aws(services: Services, cloud: FakeCloudWatch, monkeypatch: pytest.MonkeyPatch) -> Services:
    """The services, reading a stack's metrics."""
    services.settings = replace(services.settings, metrics_source="cloudwatch", aws_region="eu-west-1")
    live = Live(
        services.settings,
        lambda: services.store,
        cloudwatch=CloudWatchSource(client=cloud, sleep=lambda s: None),
        alarms=AlarmReader(STACK, client=cloud, sleep=lambda s: None),
        logs=LogReader(log_groups(STACK), client=cloud, sleep=lambda s: None),
    )
    monkeypatch.setattr(Services, "live", live)
    return services


def publish(cloud: FakeCloudWatch, services: Services) -> None:
    """Two questions through the stack, as server and client publish them."""
    from tests.pipeline.test_measures import NESTED

    for place in range(2):
        asked_at = ago(600 + 60 * place)
        server = make_trace(
            backend="aws", asked_at=asked_at, duration_ms=50.0, spans=make_spans(embed_ms=10.0, generate_ms=30.0)
        )
        client = make_trace(backend="aws", asked_at=asked_at, duration_ms=60.0, spans=NESTED)
        cloud.publish(measures_of(server, total_stage="gateway"))
        cloud.publish(measures_of(client))
        services.store.put(client)
        function = [("FunctionName", f"{STACK}-orchestrator")]
        endpoint = [("EndpointName", f"{STACK}-generator"), ("VariantName", "AllTraffic")]
        for name, value in {"Invocations": 1.0, "Duration": 50.0, "Errors": 0.0, "Throttles": 0.0}.items():
            cloud.add("AWS/Lambda", name, function, asked_at, value)
        cloud.add("AWS/SageMaker", "Invocations", endpoint, asked_at, 1.0)
        cloud.add("AWS/SageMaker", "ModelLatency", endpoint, asked_at, 35_000.0)


@pytest.mark.slow
def test_stack_shows_sagemaker_lambda_and_network(open_page, on_aws, cloud):
    publish(cloud, on_aws)
    page = open_page("live")
    assert not page.exception
    assert "SageMaker takes 58 % of a question" in titles(page)
    assert "SageMaker 58 %, Lambda 25 %, the network 17 %" in shown(page)
    assert "Generate takes 50 % of the time" in titles(page)
    assert "raglass-generator" in shown(page)
    assert "raglass-orchestrator" in shown(page)
    assert cloud.count("get_metric_data") == 1


@pytest.mark.slow
def test_rerun_of_the_stack_asks_for_no_metrics(open_page, on_aws, cloud):
    publish(cloud, on_aws)
    page = open_page("live")
    page.run()
    assert not page.exception
    assert cloud.count("get_metric_data") == 1


@pytest.mark.slow
def test_late_points_and_cost_are_told(open_page, on_aws, cloud):
    publish(cloud, on_aws)
    page = open_page("live")
    assert "shaded is still arriving" in shown(page)
    assert "CloudWatch was asked once" in shown(page)


@pytest.mark.parametrize(
    ("operation", "permission"),
    [("get_metric_data", "cloudwatch:GetMetricData"), ("describe_alarms", "cloudwatch:DescribeAlarms")],
)
def test_missing_permission_is_named_exactly(open_page, on_aws, cloud, monkeypatch, operation, permission):
    publish(cloud, on_aws)

    def refuse(**request: object) -> None:
        raise refusal("AccessDenied", 403)

    monkeypatch.setattr(cloud, operation, refuse)
    page = open_page("live")
    assert not page.exception
    assert f"The permission {permission} is missing" in shown(page).replace("\\", "")


@pytest.mark.slow
def test_last_figures_stay_while_cloudwatch_refuses(open_page, on_aws, cloud):
    import streamlit as st

    publish(cloud, on_aws)
    page = open_page("live")
    cloud.broken = refusal("Throttling")
    st.cache_resource.clear()
    on_aws.live._cloudwatch._known.clear()
    page.run()
    assert not page.exception
    assert "asks for fewer calls" in shown(page)
    assert "SageMaker takes" in titles(page)


@pytest.mark.slow
def test_alarms_are_shown_in_words_and_escaped(open_page, on_aws, cloud):
    publish(cloud, on_aws)
    cloud.alarms = [
        {
            "AlarmName": "raglass-slow",
            "StateValue": "ALARM",
            "StateReason": "<b>p95</b> was 9 s",
            "AlarmDescription": "x",
        }
    ]
    text = shown(open_page("live"))
    assert "in alarm" in text
    assert "&lt;b&gt;p95" in text


@pytest.mark.slow
def test_log_is_followed_and_lines_are_shown_once(open_page, on_aws, cloud):
    publish(cloud, on_aws)
    group = log_groups(STACK)[0]
    cloud.log(group, ago(20), '{"message": "one"}')
    page = open_page("live", log="true")
    assert not page.exception
    cloud.log(group, ago(1), '{"message": "two"}')
    page.run()
    assert log_lines(page) == ['{"message": "two"}', '{"message": "one"}']
    assert "Not there yet" in shown(page)


@pytest.mark.slow
def test_log_can_be_searched_for_a_request(open_page, on_aws, cloud):
    publish(cloud, on_aws)
    for message in ("request a", "request b"):
        cloud.log(log_groups(STACK)[0], ago(20), message)
    page = open_page("live", log="true", find="request b")
    assert log_lines(page) == ["request b"]


@pytest.mark.slow
def test_log_is_not_asked_for_unless_wanted(open_page, on_aws, cloud):
    publish(cloud, on_aws)
    open_page("live")
    assert cloud.count("filter_log_events") == 0


def test_missing_log_permission_is_named(open_page, on_aws, cloud, monkeypatch):
    def refuse(**request: object) -> None:
        raise refusal("AccessDeniedException")

    monkeypatch.setattr(cloud, "filter_log_events", refuse)
    page = open_page("live", log="true")
    assert "logs:FilterLogEvents is missing" in shown(page).replace("\\", "")


@pytest.mark.slow
def test_stack_page_can_read_the_local_traces_instead(open_page, on_aws, cloud):
    publish(cloud, on_aws)
    page = open_page("live", source="local")
    assert not page.exception
    assert cloud.count("get_metric_data") == 0
    assert "from the traces of this dashboard" in shown(page)


@pytest.mark.slow
def test_cost_by_day_is_charted_and_what_is_unknown_is_named(open_page, services):
    spending._read_spending.clear()
    services.store.put_all([asked("gpt-4o-mini", ago(0)), asked("<b>house</b>", ago(0), backend="fake")])
    page = open_page("live")
    assert not page.exception
    assert "Cost by day and model" in titles(page)
    assert "no price is known for “<b>house</b>”" in html.unescape(shown(page))
    assert "<b>house</b>" not in titles(page)
    spending._read_spending.clear()
