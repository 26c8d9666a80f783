"""Every question's trace is sent on where the settings say so, whatever became of it; the Status page says how it goes."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from click.testing import Result

from app.services import Services
from app.status.readiness import sending_part
from backends.fake import Script
from metrics.otlp.sending import SendCounts, Target
from pipeline.errors import StoreError, Throttled
from tests.otlp.stand_in_collector import Reply, StandIn, collecting, plain


@pytest.fixture
def collector() -> Iterator[StandIn]:
    with collecting() as seen:
        yield seen


def ask(services: Services) -> str:
    return services.asking.ask(services.asking.question("What says the script?")).trace.trace_id


def test_answered_failed_and_unstored_questions_are_sent(
    make_services: Callable[..., Services], collector: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script()
    services = make_services(script, otlp_endpoint=collector.url)
    asked = [ask(services)]
    script.failures["generate"] = Throttled("Wait.")
    asked.append(ask(services))

    def full(traces: object) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(services.store, "put_all", full)
    asked.append(ask(services))
    services.close()
    assert {span.trace_id.hex() for span in collector.spans()} == set(asked)
    assert services.reporting.sent is not None
    assert (services.reporting.sent.sent, services.reporting.sent.dropped) == (3, 0)


def test_texts_stay_here_where_the_settings_hide_them(
    make_services: Callable[..., Services], collector: StandIn
) -> None:
    services = make_services(otlp_endpoint=collector.url, otlp_hide_texts=True)
    ask(services)
    services.close()
    root = next(span for span in collector.spans() if not span.parent_span_id)
    assert plain(root.attributes)["input.value"] == "__REDACTED__"
    assert "What says the script?" not in str(collector.requests)


def test_standard_variable_is_enough(
    make_services: Callable[..., Services], collector: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    services = make_services()
    asked = ask(services)
    services.close()
    assert {span.trace_id.hex() for span in collector.spans()} == {asked}


def test_nothing_is_sent_unless_the_settings_say_where(make_services: Callable[..., Services]) -> None:
    services = make_services()
    ask(services)
    assert (services.reporting.target, services.reporting.sent, services.status().sending) == (None, None, None)


def test_dashboard_told_to_send_to_itself_says_so_and_does_not(
    make_services: Callable[..., Services], collector: StandIn
) -> None:
    services = make_services(otlp_endpoint=collector.url)
    services.listen("127.0.0.1", int(collector.url.rpartition(":")[2]))
    ask(services)
    services.close()
    assert collector.requests == []
    part = services.status().sending
    assert part is not None
    assert not part.ready
    assert "this dashboard itself" in part.detail


def test_collector_that_is_away_leaves_the_status_ready_and_is_named_in_it(
    make_services: Callable[..., Services], collector: StandIn, run: Callable[..., Result]
) -> None:
    services = make_services(otlp_endpoint=collector.url)
    collector.replies = [Reply(503, {"Retry-After": "600"})]
    ask(services)
    services.finish()
    status = services.status()
    assert status.ready
    assert status.sending is not None
    assert not status.sending.ready
    assert "answered 503" in status.sending.detail
    assert "NOT sending traces" in run("status", services=services).output


def test_status_tells_where_how_many_and_what_is_wrong() -> None:
    target = Target("http://me:key@c:4318/v1/traces", "OTEL_EXPORTER_OTLP_ENDPOINT")
    counts = SendCounts(1_200, 3, 2, 0, None, None)
    well = sending_part(target, counts)
    assert well is not None
    assert well.ready
    assert (
        well.detail
        == "http://c:4318/v1/traces (from OTEL_EXPORTER_OTLP_ENDPOINT). Sent: 1,200; waiting: 2; dropped: 3."
    )
    failing = sending_part(target, replace(counts, failing_since=0.0, problem="It is away.", turned_down=4))
    assert failing is not None
    assert not failing.ready
    assert failing.detail.endswith("did not accept: 4. Failing since 1970-01-01 00:00:00 UTC: It is away.")
