"""`raglass alerts`: rules made with what they would have done, silenced and removed; alerts listed; channels tried."""

import json
import time
from collections.abc import Callable

import pytest
from click.testing import Result

from app.services import Services
from tests.aws.loopback import Answer, serving
from tests.factories import make_trace

Run = Callable[..., Result]
SLOW = (
    "alerts",
    "add",
    "slow",
    "--series",
    "latency_p95",
    "--above",
    "2s",
    "--minimum",
    "1",
    "--window",
    "1m",
    "--for",
)


def ask_slowly(services: Services) -> None:
    """A slow question in each of the last five minutes."""
    now_s = time.time()
    services.store.put_all(
        [make_trace(backend="fake", asked_at=now_s - 60 * place, duration_ms=3_000.0) for place in range(5)]
    )


@pytest.mark.slow
def test_rule_is_made_with_what_it_would_have_done_listed_silenced_and_removed(run: Run, services: Services) -> None:
    ask_slowly(services)
    dry = run(*SLOW, "2m", "--dry-run", services=services)
    assert "it would have raised 1 alert" in dry.stdout
    assert "would be open now" in dry.stdout
    assert "There are no rules" in run("alerts", "rules", services=services).stdout
    assert run(*SLOW, "2m", services=services).exit_code == 0
    again = run(*SLOW, "2m", services=services)
    assert (again.exit_code, "already" in again.stderr) == (2, True)
    assert run(*SLOW, "3m", "--replace", services=services).exit_code == 0
    silenced = run("alerts", "silence", "slow", "--for", "2h", "--why", "we know", services=services)
    assert ": we know." in silenced.stdout
    told = json.loads(run("alerts", "rules", "--json", services=services).stdout)
    assert [(rule["name"], rule["for_s"]) for rule in told["rules"]] == [("slow", 180)]
    assert [each["why"] for each in told["silences"]] == ["we know"]
    assert "above 2.00 s, for 3 min" in run("alerts", "rules", services=services).stdout
    run("alerts", "silence", "slow", "--lift", services=services)
    assert services.alarms.silenced() == []
    assert run("alerts", "remove", "slow", services=services).exit_code == 0
    assert run("alerts", "remove", "slow", services=services).exit_code == 2


def test_alerts_are_listed(run: Run, services: Services) -> None:
    assert run("alerts", "list", services=services).stdout == "No alert was raised.\n"
    ask_slowly(services)
    run(*SLOW, "2m", services=services)
    services.alarms.look()
    listed = run("alerts", "list", services=services).stdout
    assert listed.startswith("OPEN  slow: p95 latency of fake")
    assert listed.count("      trace ") >= 2
    [told] = json.loads(run("alerts", "list", "--open", "--json", services=services).stdout)
    assert (told["rule"], told["state"]) == ("slow", "open")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "x", "--series", "latency_p95"), "either --above or --below"),
        (("add", "x", "--series", "nothing", "--above", "1"), "latency_p50, latency_p95"),
        (("silence",), "Name a rule, or give --all"),
        (("silence", "x"), "no rule 'x'"),
        (("test",), "no channel is set"),
    ],
)
def test_misuse_is_told(run: Run, services: Services, arguments: tuple[str, ...], said: str) -> None:
    refused = run("alerts", *arguments, services=services)
    assert (refused.exit_code, said in refused.stderr) == (2, True)


def test_rule_is_kept_where_its_preview_cannot_be_made(run: Run, services: Services) -> None:
    made = run("alerts", "add", "drift", "--series", "drift", "--below", "0.05", services=services)
    assert "cannot be said: No question to fake is stored" in made.stdout
    assert [rule.name for rule in services.alarms.rules()] == ["drift"]


@pytest.mark.slow
def test_rules_that_can_raise_no_alert_say_why_when_they_are_made_and_listed(run: Run, services: Services) -> None:
    ask_slowly(services)
    never = "It can never raise an alert: share of errors is never above 100 %."
    made = run("alerts", "add", "all", "--series", "errors", "--above", "120 %", services=services)
    assert never in made.stdout
    run("alerts", "add", "few", "--series", "errors", "--above", "5 %", services=services)
    run(*SLOW, "2m", services=services)
    listed = run("alerts", "rules", services=services).stdout.splitlines()
    assert listed[1].strip() == never
    assert "could not have raised an alert: it needs 20 traces within 5 min, and there were 5 at most." in listed[3]
    assert listed[4].startswith("slow: ")
    assert len(listed) == 5
    status = run("status", services=services).stdout
    assert "alerts: 3 rules (1 can never raise an alert)" in status


def test_every_rule_is_silenced_at_once(run: Run, services: Services) -> None:
    assert "all rules silenced until" in run("alerts", "silence", "--all", services=services).stdout


def test_one_message_is_sent_to_each_channel(run: Run, make_services: Callable[..., Services]) -> None:
    with serving(Answer(), Answer(status=404)) as server:
        services = make_services(alert_webhook=f"{server.url}/secret", public_url="https://rag.example.org/")
        done = run("alerts", "test", services=services)
        assert (done.exit_code, done.stdout.startswith("ok  webhook (127.0.0.1:")) == (0, True)
        assert server.asked[0].data["link"] == "https://rag.example.org/live"
        failed = run("alerts", "test", services=services)
    assert (failed.exit_code, "HTTP 404" in failed.stdout) == (1, True)
    assert "secret" not in done.stdout + failed.stdout
