"""HTML of the Live page: parts of the stack with what they did, alerts and alarms, log lines."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from markupsafe import Markup

from app.kit.markup import html, joined
from app.kit.numbers import milliseconds, three_figures, unbroken
from app.kit.wording import when
from app.live.log_lines import ReadLine
from app.live.rows import Part
from app.live.totals import Gauge, Tone
from app.views.kit.html import dot_html
from app.views.kit.style import LEVEL_COLOURS
from metrics.alarms import Alarm

ALARM_LEVELS = {"ALARM": ("low", "in alarm"), "OK": ("high", "fine"), "INSUFFICIENT_DATA": ("unknown", "no data")}
"""Colour and words for each state of an alarm."""

LOG_LEVELS = {"error": "low", "warning": "moderate", "info": "unknown"}
"""Colour for each level of a log line."""

ALERT_LEVELS = {"open": ("low", "open"), "silenced": ("moderate", "open, silenced"), "ended": ("unknown", "ended")}
"""Colour and words for each state of an alert of ours."""


MARKS: Mapping[Tone, tuple[str, str]] = {
    "good": ("✓", "fine"),
    "warn": ("!", "to be looked at"),
    "bad": ("✕", "beyond its bound"),
    "quiet": ("", ""),
}
"""Icon of each tone, and what it says to those who do not see it."""


def gauges_html(gauges: Sequence[Gauge]) -> Markup:
    """Figures side by side, as many in a row as fit: name, value, change against the window before; the meaning behind a "?"."""
    made = joined(
        html(
            '<div class="rg-gauge rg-{}" data-testid="gauge"><div class="rg-gauge-name">{}{}{}</div><div class="rg-gauge-value">{}</div>'
            '<div class="rg-gauge-change">{}</div></div>',
            gauge.tone,
            gauge.name,
            html(' <b role="img" aria-label="{}">{}</b>', *MARKS[gauge.tone][::-1]) if MARKS[gauge.tone][0] else "",
            html(
                ' <details class="rg-more"><summary aria-label="What {} means">?</summary><p>{}</p></details>',
                gauge.name,
                unbroken(gauge.meaning),
            ),
            gauge.value,
            unbroken(gauge.change),
        )
        for gauge in gauges
    )
    return html('<div class="rg-gauges">{}</div>', made)


def stack_html(parts: Sequence[Part]) -> Markup:
    """The stack's parts: calls, mean time, errors, throttles; "—" where AWS counts none."""

    def cell(value: float | None) -> Markup:
        return html('<td class="rg-number">{}</td>', "—" if value is None else f"{value:,.0f}")

    rows = joined(
        html(
            '<tr><th scope="row">{}</th><td class="rg-aside">{}</td>{}<td class="rg-number">{}</td>{}{}{}</tr>',
            part.name,
            part.kind,
            cell(part.calls),
            "—" if part.mean_ms is None else milliseconds(part.mean_ms),
            cell(part.errors),
            cell(part.throttles),
            cell(part.concurrent),
        )
        for part in parts
    )
    heads = joined(
        html('<th class="rg-number">{}</th>', head) for head in ("Calls", "Mean", "Errors", "Throttled", "Most at once")
    )
    return html(
        '<div class="rg-wide"><table class="rg-pairs rg-parts"><thead><tr><th>Part</th><th class="rg-aside">Kind</th>{}'
        "</tr></thead><tbody>{}</tbody></table></div>",
        heads,
        rows,
    )


def alarm_html(alarm: Alarm) -> Markup:
    """An alarm of CloudWatch with its state, in words and by colour, and why."""
    level, words = ALARM_LEVELS[alarm.state]
    since = f"Since {when(alarm.since_s)}." if alarm.since_s is not None else ""
    # CloudWatch keeps the reason of the last change, which reads like a fault where there is none.
    told = (
        f"Watches for this: {alarm.description}"
        if level == "high"
        else " ".join(filter(None, (alarm.description, _without_long_fractions(alarm.reason))))
    )
    return watched_html(level, alarm.name, f"CloudWatch, {words}", told, since)


def alert_html(rule: str, state: str, words: str, said: str) -> Markup:
    """An alert: its rule, its state in words and by colour, what is so, and what was said of it. state: a key of ALERT_LEVELS."""
    level, told = ALERT_LEVELS[state]
    return watched_html(level, rule, told, words, said)


def watched_html(level: str, name: str, told: str, words: str, more: str) -> Markup:
    """What is watched: its name, its state in words and by colour, and what else is said. level: a key of LEVEL_COLOURS."""
    return html(
        '<p class="rg-note" data-testid="alert">{} <b>{}</b>, {}. {} {}</p>',
        dot_html(LEVEL_COLOURS[level]),
        name,
        told,
        words,
        more,
    )


def log_html(lines: Sequence[tuple[str, ReadLine]]) -> Markup:
    """Log lines with their time, UTC, as they wrap; a way to the trace that one belongs to."""
    rows = joined(
        html(
            '<tr><td class="rg-state">{}</td><td class="rg-state">{} {}</td><td class="rg-aside">{}</td>'
            '<td><span class="rg-line" dir="auto">{}</span>{}</td></tr>',
            at,
            dot_html(LEVEL_COLOURS[LOG_LEVELS[line.level]]),
            line.level,
            line.part,
            line.text,
            html(' <a href="traces?{}" target="_self">its trace</a>', urlencode({"trace": line.trace_id}))
            if line.trace_id
            else "",
        )
        for at, line in lines
    )
    return html(
        '<table class="rg-pairs rg-log" data-testid="log-lines"><thead><tr><th>Time, UTC</th><th>Level</th><th class="rg-aside">From</th>'
        "<th>Line</th></tr></thead><tbody>{}</tbody></table>",
        rows,
    )


def _without_long_fractions(reason: str) -> str:
    """CloudWatch's words with their figures to three significant digits: it writes 330.15356885189243."""
    return re.sub(r"\d+\.\d{3,}", lambda found: three_figures(float(found[0])), reason)
