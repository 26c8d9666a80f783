"""What a message says: what is so, since when, which traces, and where to look. Ids of traces go out, their texts do not."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from app.alerting.outbox import Kind
from app.alerting.rules import Rule, duration_words, rule_words, value_words
from app.alerting.series import Series
from app.kit.numbers import count
from app.kit.plain import printable
from app.kit.wording import when
from metrics.alerts import StoredAlert

TRACES = 5
"""Traces that a message names at most."""

HEADS = {"began": "Alert", "reminder": "Still open", "ended": "Ended", "test": "Test"}
"""How a message begins, by its kind."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A message, before it has the form of a channel."""

    kind: str
    """`began`, `reminder`, `ended` or `test`."""
    alert_id: str
    """The alert; empty for a test."""
    rule: str
    """The rule's name."""
    what: str
    """What the rule watches for."""
    value: float | None
    """The newest value, in the series' unit."""
    value_said: str
    """The same in words."""
    threshold: float | None
    """The bound."""
    began_at: float
    """Since when, in seconds since the epoch."""
    ended_at: float | None
    """When it ended."""
    traces: tuple[str, ...]
    """Links to traces."""
    link: str
    """Where to look."""
    why: str = ""
    """Why it ended, where that is not its value."""

    @property
    def subject(self) -> str:
        """The message in some words."""
        return f"{HEADS[self.kind]}: {self.rule}"

    @property
    def text(self) -> str:
        """The message as plain text."""
        lines = [self.subject, self.what]
        if self.kind != "test":
            lines += [f"Value: {self.value_said}", self._times()]
        if self.why:
            lines.append(self.why)
        if self.traces:
            lines.append(f"{count(len(self.traces), 'trace')}:")
            lines += self.traces
        return printable("\n".join([*lines, f"Look: {self.link}"]))

    def _times(self) -> str:
        if self.ended_at is None:
            return f"Since {when(self.began_at)}"
        lasted = duration_words(max(self.ended_at - self.began_at, 0.0))
        return f"From {when(self.began_at)} to {when(self.ended_at)} ({lasted})"

    def to_webhook(self) -> dict[str, Any]:
        """JSON for a webhook. In `text` what Slack would read as a mention or a link is escaped (`&`, `<`, `>`), as it asks for."""
        escaped = self.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return {
            "text": escaped,
            "kind": self.kind,
            "alert_id": self.alert_id,
            "rule": self.rule,
            "what": self.what,
            "value": self.value,
            "threshold": self.threshold,
            "began_at": self.began_at,
            "ended_at": self.ended_at,
            "traces": list(self.traces),
            "link": self.link,
        }


def make_notice(kind: Kind, alert: StoredAlert, rule: Rule, series: Series | None, base: str) -> Notice:
    """What is to be said of an alert. base: the dashboard's address, without a slash at its end."""
    unit = series.unit if series else "number"
    address = urlencode({"answered_by": rule.backend} if rule.backend else {}, quote_via=quote)
    return Notice(
        kind,
        alert.alert_id,
        alert.rule,
        rule_words(rule, series),
        alert.value,
        value_words(alert.value, unit),
        rule.threshold,
        alert.began_at,
        alert.ended_at,
        tuple(trace_link(base, each) for each in traces_of(alert)),
        f"{base}/live{f'?{address}' if address else ''}",
        str(alert.about.get("why", "")),
    )


def traces_of(alert: StoredAlert) -> list[str]:
    """Ids of traces that an alert names."""
    return [str(each) for each in alert.about.get("trace_ids", ())][:TRACES]


def trace_link(base: str, trace_id: str) -> str:
    """Where a trace is shown."""
    return f"{base}/traces?trace={quote(trace_id, safe='')}"


def test_notice(base: str, now_s: float) -> Notice:
    """A message that says only that messages arrive."""
    what = "This is a test by `raglass alerts test`; nothing is wrong."
    return Notice("test", "", "a message of Raglass", what, None, "", None, now_s, None, (), f"{base}/live")
