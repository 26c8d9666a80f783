"""Alerts, rules and silences in words, for shell, page and Status."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from app.alerting import outbox
from app.alerting.alarms import Alarms, Preview
from app.alerting.notice import traces_of
from app.alerting.rules import Rule, beyond_reach, duration_words, rule_words, value_words
from app.alerting.series import Series, Unit
from app.kit.numbers import count, share
from app.kit.plain import printable
from app.kit.wording import listed, when
from metrics.alerts import Silence, StoredAlert
from pipeline.errors import InputError, RaglassError
from pipeline.types import PartReadiness

NO_RULES = "There are no rules. `raglass alerts add NAME --series latency_p95 --above 2s` makes one, or the Live page."
NO_CHANNEL = (
    "no channel is set, so that alerts are shown on pages alone and nobody is told: RAGLASS_ALERT_WEBHOOK, RAGLASS_ALERT_SMTP or "
    "RAGLASS_ALERT_SNS_TOPIC, set where the dashboard is started, says where messages go"
)
"""Where alerts go as long as no channel is set, and what to do about it."""

SAID = {"began": "raised", "reminder": "reminded", "ended": "said to have ended"}
"""What a message did, by its kind."""


def alerts_part(alarms: Alarms) -> PartReadiness:
    """How watching for alerts goes, as a part of the status."""
    try:
        destinations = alarms.sender.destinations()
        rules, opened, failing = alarms.rules(), alarms.opened(), alarms.sender.failing()
    except RaglassError as error:
        return PartReadiness("alerts", False, str(error))
    said = [f"{count(len(rules), 'rule')}{idle_words(alarms, rules)}, {count(len(opened), 'open alert')}"]
    said.append(destinations_words(destinations))
    if alarms.looked is not None:
        said.append(f"last looked at {when(alarms.looked.ended_at)}")
        said += [f"not read: {problem}" for problem in alarms.looked.problems]
    said += [f"not delivered by {name}: {problem}" for name, problem in failing.items()]
    ready = not failing and not (alarms.looked and alarms.looked.problems)
    return PartReadiness("alerts", ready, "; ".join(said))


def alert_words(alert: StoredAlert, known: Mapping[str, Series]) -> str:
    """What an alert says, in a line: what is so, since or from when."""
    rule, unit = alert_rule(alert), unit_of(alert, known)
    what = alert.rule if rule is None else rule_words(rule, known.get(rule.series))
    value = value_words(alert.value, unit)
    if alert.ended_at is None:
        return f"{what}. Now {value}, since {when(alert.began_at)}."
    why = f" {alert.about['why']}" if alert.about.get("why") else ""
    lasted = duration_words(max(alert.ended_at - alert.began_at, 0.0))
    return f"{what}. {when(alert.began_at)} for {lasted}, at last {value}.{why}"


def alert_rule(alert: StoredAlert) -> Rule | None:
    """The rule as it was when the alert was raised; None if that cannot be read."""
    with suppress(InputError, KeyError, TypeError):
        return Rule.from_dict(alert.rule, alert.about["watched"])
    return None


def unit_of(alert: StoredAlert, known: Mapping[str, Series]) -> Unit:
    """What an alert's values are counted in."""
    rule = alert_rule(alert)
    series = known.get(rule.series) if rule else None
    return series.unit if series else "number"


def messages_words(alert: StoredAlert, silenced: Silence | None, *, has_channels: bool) -> str:
    """What was said of an alert, and what keeps it from being said."""
    said = []
    for message in outbox.messages_of(alert):
        sent = [name for name, each in message.deliveries.items() if each.state == "sent"]
        if sent and message.first_at is not None:
            said.append(f"{SAID[message.kind]} by {listed(sent)} {when(message.first_at)}")
        if message.problem:
            again = "; it is tried again" if message.is_waiting else ""
            said.append(f"not delivered, {message.problem.rstrip('.')}{again}")
        elif message.is_waiting and not has_channels:
            said.append("nobody is told: no channel is set")
        elif message.is_waiting and message.first_at is None:
            said.append(
                "its message waits" if silenced else "its message is about to be sent, or waits for the next hour"
            )
    if silenced is not None:
        said.append(silence_words(silenced))
    return f"{'. '.join(each[:1].upper() + each[1:] for each in said)}." if said else ""


def silence_words(silence: Silence) -> str:
    """Until when, and why."""
    why = f": {silence.why}" if silence.why else ""
    return f"{silence.rule or 'all rules'} silenced until {when(silence.until)}{why}"


def silence_of(rule: str, silences: Sequence[Silence]) -> Silence | None:
    """The silence that holds for a rule now, the one that ends last; None for none."""
    held = [each for each in silences if each.covers(rule, time.time())]
    return max(held, key=lambda each: each.until, default=None)


def preview_words(preview: Preview, unit: Unit, rule: Rule) -> str:
    """What a rule would have done in the last day."""
    newest = value_words(preview.newest.value, unit)
    needed = _needed(rule)
    measured = f"It needs {needed}, which {share(preview.measured, preview.windows)} of the day had; the newest value is {newest}"
    if not preview.measured:
        return f"{_starved(preview, needed)} Ask for fewer, or measure over longer. The newest value is {newest}."
    if not preview.episodes:
        return f"In the last 24 h it would have raised no alert. {measured}."
    open_s = sum((each.ended_s or preview.newest.end_s) - each.raised_s for each in preview.episodes)
    last = preview.episodes[-1]
    now = ", and would be open now" if last.ended_s is None else ""
    return (
        f"In the last 24 h it would have raised {count(len(preview.episodes), 'alert')}, open for {duration_words(open_s)} in all, "
        f"the last at {when(last.raised_s)}{now}. {measured}."
    )


def _needed(rule: Rule) -> str:
    return f"{count(rule.minimum, 'trace')} within {duration_words(rule.window_s)}"


def _starved(preview: Preview, needed: str) -> str:
    return f"In the last 24 h this rule could not have raised an alert: it needs {needed}, and there were {preview.most:,} at most."


def previewed(read: Callable[[], Preview], series: Series, rule: Rule) -> str:
    """What a rule would have done in the last day, or why that cannot be said; of one that never raises an alert, why."""
    if never := beyond_reach(rule, series):
        return never
    try:
        return preview_words(read(), series.unit, rule)
    except RaglassError as error:
        return f"What it would have done in the last 24 h cannot be said: {error}"


def destinations_words(destinations: Sequence[str]) -> str:
    """Where messages go; with no channel, that they go nowhere and what to do about it."""
    return f"messages go to {listed(destinations)}" if destinations else NO_CHANNEL


def idle_why(read: Callable[[], Preview], series: Series | None, rule: Rule) -> str:
    """Why a rule can raise no alert, or could raise none in the last day for want of traces; empty where neither is known."""
    if series is None:
        return ""
    if (never := beyond_reach(rule, series)) or not series.windowed:
        return never
    with suppress(RaglassError):
        found = read()
        return "" if found.measured else _starved(found, _needed(rule))
    return ""


def idle_words(alarms: Alarms, rules: Sequence[Rule]) -> str:
    """Of rules that are counted, how many can never raise an alert; empty where all can."""
    known = alarms.readers.all()
    idle = sum(rule.series in known and bool(beyond_reach(rule, known[rule.series])) for rule in rules)
    return f" ({idle:,} can never raise an alert)" if idle else ""


def alerts_text(alerts: Sequence[StoredAlert], silences: Sequence[Silence], alarms: Alarms) -> str:
    """Alerts for a shell, an alert with its messages and traces."""
    known, lines = alarms.readers.all(), []
    has_channels = bool(alarms.sender.destinations())
    for alert in alerts:
        lines.append(f"{alert.state.upper():5} {alert.rule}: {alert_words(alert, known)}")
        held = silence_of(alert.rule, silences) if alert.state == "open" else None
        if told := messages_words(alert, held, has_channels=has_channels):
            lines.append(f"      {told}")
        lines += [f"      trace {each}" for each in traces_of(alert)]
    return printable("\n".join(lines or ["No alert was raised."]))


def rules_text(rules: Sequence[Rule], silences: Sequence[Silence], alarms: Alarms) -> str:
    """Rules for a shell, a line each, and below one that can raise no alert why."""
    known, lines = alarms.readers.all(), []
    for rule in rules:
        series = known.get(rule.series)
        lines.append(f"{rule.name}: {rule_words(rule, series)}")
        if why := idle_why(partial(alarms.preview, rule), series, rule):
            lines.append(f"      {why}")
    lines = lines or [NO_RULES]
    lines += [f"Silence {each.silence_id}: {silence_words(each)}" for each in silences]
    return printable("\n".join(lines))


def alert_to_dict(alert: StoredAlert) -> dict[str, Any]:
    """An alert for a program."""
    fields = ("alert_id", "rule", "state", "began_at", "ended_at", "value")
    return {**{name: getattr(alert, name) for name in fields}, **alert.about}
