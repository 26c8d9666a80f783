"""Alerts on the Live page: raised, shown, silenced; rules made, changed and removed with what they would have done."""

import time
from dataclasses import replace

import pytest

from app.alerting.rules import Rule
from app.services import Services
from pipeline.errors import StoreError
from tests.factories import make_trace
from tests.pages.live.test_live import cloud, on_aws  # noqa: F401
from tests.pages.test_pages import shown
from tests.shown import as_read

RULE = Rule("slow <b>", "latency_p95", 2_000.0, "above", "fake", window_s=60, for_s=60, minimum=1)


def raise_slow(services: Services) -> None:
    now_s = time.time()
    services.store.put_all(
        [
            make_trace(trace_id=f"t{place + 1}", backend="fake", asked_at=now_s - 60 * place, duration_ms=3_000.0)
            for place in range(-1, 4)  # one of the next minute, which may begin before anybody looks
        ]
    )
    services.alarms.save(RULE)
    services.alarms.look()


def button(page, label: str):
    [found] = [each for each in page.button if each.label == label]
    return found


@pytest.mark.slow
def test_open_alert_is_shown_escaped_with_its_traces_and_silenced(open_page, services):
    raise_slow(services)
    page = open_page("live")
    assert not page.exception
    text = shown(page)
    assert "1 alert is open" in text
    assert "<b>slow &lt;b&gt;</b>, open." in text
    assert "no channel is set" in text
    assert {each.label for each in page.button} >= {"Trace 1", "Trace 2", "Silence it"}
    [why] = [field for field in page.text_input if field.label == "Why"]
    why.set_value("we know")
    button(page, "Silence it").click().run()
    assert not page.exception
    assert "open, silenced" in shown(page)
    assert "we know" in shown(page)
    [silence] = services.alarms.silenced()
    assert (silence.rule, round(silence.until - silence.made_at)) == ("slow <b>", 3_600)
    button(page, "End the silence").click().run()
    assert services.alarms.silenced() == []


@pytest.mark.slow
def test_alert_that_ended_is_listed(open_page, services):
    raise_slow(services)
    services.alarms.remove(RULE.name)
    text = shown(open_page("live"))
    assert "No alert is open; 0 alert rules." in text
    assert "Its rule was removed." in text


@pytest.mark.slow
def test_local_alerts_stand_beside_cloudwatchs(open_page, services, on_aws, cloud):  # noqa: F811
    raise_slow(services)
    cloud.alarms = [{"AlarmName": "raglass-late", "StateValue": "ALARM", "StateReason": "x", "AlarmDescription": "y"}]
    text = shown(open_page("live"))
    assert "raglass-late" in text
    assert "slow &lt;b&gt;" in text


@pytest.mark.slow
def test_rule_is_made_with_what_it_would_have_done(open_page, services):
    raise_slow(services)
    services.alarms.remove(RULE.name)
    page = open_page("live", part="alerts")
    assert "it needs 20 traces within 5 min, and there were 4 at most" in shown(page)
    assert {field.label: field.value for field in page.text_input}["Bound"] == "2000 ms"
    fields = {field.label: field for field in page.text_input}
    fields["Name"].set_value("slow")
    fields["Measured over"].set_value("1m")
    fields["For"].set_value("1m")
    [minimum] = page.number_input
    minimum.set_value(1).run()
    assert not page.exception
    assert "it would have raised 1 alert" in shown(page)
    button(page, "Save the rule").click().run()
    assert not page.exception
    assert "The rule slow is saved" in shown(page)
    assert services.alarms.rules() == [replace(RULE, name="slow")]
    assert page.selectbox(key="rule-chosen").value == "slow"


@pytest.mark.slow
def test_rule_is_changed_renamed_and_removed(open_page, services):
    services.alarms.save(replace(RULE, clear=500.0))
    page = open_page("live", part="alerts")
    page.selectbox(key="rule-chosen").set_value(RULE.name).run()
    {field.label: field for field in page.text_input}["Name"].set_value("slower")
    button(page, "Save the rule").click().run()
    assert services.alarms.rules() == [replace(RULE, name="slower", clear=500.0)]
    {field.label: field for field in page.text_input}["Bound"].set_value("3 s").run()
    button(page, "Save the rule").click().run()
    assert services.alarms.rules() == [replace(RULE, name="slower", threshold=3_000.0)]
    button(page, "Remove the rule").click().run()
    assert not page.exception
    assert services.alarms.rules() == []
    assert page.selectbox(key="rule-chosen").value == "New rule"


@pytest.mark.parametrize(("label", "value", "said"), [("Bound", "much", "The bound is"), ("For", "long", "duration")])
@pytest.mark.slow
def test_what_is_no_rule_is_told_and_cannot_be_saved(open_page, services, label, value, said):
    page = open_page("live", part="alerts")
    {field.label: field for field in page.text_input}[label].set_value(value).run()
    assert not page.exception
    assert said in shown(page)
    assert "Save the rule" not in [each.label for each in page.button]


@pytest.mark.slow
def test_a_rule_that_can_never_raise_an_alert_is_told_where_it_is_saved_listed_and_counted(open_page, services):
    page = open_page("live", part="alerts")
    page.selectbox(key="rule-series New rule").set_value("errors").run()
    {field.label: field for field in page.text_input}["Bound"].set_value("120 %").run()
    never = "It can never raise an alert: share of errors is never above 100 %."
    assert shown(page).count(never) == 1
    button(page, "Save the rule").click().run()
    assert "The rule Share of errors is saved. It can never raise an alert" in as_read(page.warning[0].value)
    assert f"of at least 20. {never}" in shown(page)
    assert "1 alert rule (1 can never raise an alert)." in shown(page)
    services.store.put(make_trace(backend="fake"))
    assert "1 alert rule, whoever asks (1 can never raise an alert)." in shown(open_page("overview"))


@pytest.mark.slow
def test_a_listed_rule_says_that_too_few_were_asked_for_it(open_page, services):
    services.alarms.save(replace(RULE, minimum=9))
    raised = "this rule could not have raised an alert: it needs 9 traces within 1 min, and there were 0 at most."
    assert raised in shown(open_page("live", part="alerts"))


@pytest.mark.slow
def test_without_a_channel_live_and_status_say_alike_that_nobody_is_told(open_page):
    told = (
        "shown on pages alone and nobody is told: RAGLASS_ALERT_WEBHOOK, RAGLASS_ALERT_SMTP or RAGLASS_ALERT_SNS_TOPIC"
    )
    assert told in shown(open_page("live", part="alerts"))
    assert told in shown(open_page("status"))


def test_rules_are_read_only_once_they_are_looked_at(open_page):
    assert "Save the rule" not in [each.label for each in open_page("live").button]


@pytest.mark.slow
def test_rule_without_a_name_is_called_by_what_it_watches(open_page, services):
    page = open_page("live", part="alerts")
    button(page, "Save the rule").click().run()
    assert [rule.name for rule in services.alarms.rules()] == ["p95 latency"]


def test_alerts_that_cannot_be_read_are_told_and_the_charts_stay(open_page, services, monkeypatch):
    def fail(*_: object) -> None:
        raise StoreError("The store is away.")

    monkeypatch.setattr("metrics.alerts.AlertLog._select", fail)
    page = open_page("live", part="alerts")
    assert not page.exception
    assert "The store is away" in shown(page)


def test_status_says_how_alerts_are(open_page, services):
    services.settings = replace(services.settings, alert_webhook="https://hooks.example.org/T0KEN-OF-THE-HOOK")
    text = shown(open_page("status"))
    assert "0 rules, 0 open alerts; messages go to webhook (hooks.example.org)" in text
    assert "T0KEN-OF-THE-HOOK" not in text
