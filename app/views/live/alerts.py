"""Alerts on the Live page: one compact list of those that are open, here and at CloudWatch; silencing one; those that ended."""

from collections.abc import Callable, Sequence

import streamlit as st

from app.alerting.alarms import Alarms
from app.alerting.notice import traces_of
from app.alerting.rules import parse_duration
from app.alerting.words import alert_words, idle_words, messages_words, silence_of, silence_words
from app.kit.numbers import count
from app.permitting.roles import Role
from app.views.kit import state
from app.views.kit.html import note_html, show
from app.views.kit.markdown import message
from app.views.kit.visitor import only
from app.views.kit.ways import show_way
from app.views.live.html import alarm_html, alert_html
from metrics.alerts import MAX_WHY_CHARS, Silence, StoredAlert
from pipeline.errors import RaglassError

SILENCES = {"30 min": "30m", "1 hour": "1h", "4 hours": "4h", "1 day": "1d", "1 week": "7d"}
"""How long a rule can be silenced, by the words on the page."""

PROBLEM = "alerts-problem"
"""Where a button leaves what went wrong, for the next run to show."""

ENDED = 10
"""Alerts that ended lately, which are listed."""


def show_open() -> None:
    """What is open now, a row each, at the top of the page; nothing where nothing is."""
    show_problem()
    _guarded(_show_open_here)
    if "cloudwatch" in state.services().live.sources:
        _guarded(_show_open_there)


def show_alerts() -> None:
    """How many alert rules there are, silences of all of them, alerts that ended lately, and CloudWatch's other alarms."""
    _guarded(_show_local)
    if "cloudwatch" in state.services().live.sources:
        _guarded(_show_cloudwatch)


def _guarded(draw: Callable[[], None]) -> None:
    try:
        draw()
    except RaglassError as error:
        st.error(message(str(error)), icon=":material/error:")


def _show_open_here() -> None:
    """This store's open alerts."""
    alarms = state.services().alarms
    opened = alarms.opened()
    silences = alarms.silenced() if opened else []
    for alert in opened:
        _show_open(alarms, alert, silences)


def _show_open_there() -> None:
    """CloudWatch's alarms that are raised."""
    for alarm in state.services().live.alarms():
        if alarm.state == "ALARM":
            show(alarm_html(alarm))


def _show_local() -> None:
    """This store's alerts that are not open, and what is watched."""
    alarms = state.services().alarms
    found, silences = alarms.newest(ENDED), alarms.silenced()
    opened = sum(alert.state == "open" for alert in found)
    what = (
        f"{count(opened, 'alert')} {'is' if opened == 1 else 'are'} open, see the top of the page"
        if opened
        else "No alert is open"
    )
    rules = alarms.rules()
    _note(f"{what}; {count(len(rules), 'alert rule')}{idle_words(alarms, rules)}.")
    for each in silences:
        if not each.rule:
            _show_silence(each)
    ended = [alert for alert in found if alert.state == "ended"]
    if ended:
        with st.expander(f"{count(len(ended), 'alert')} that ended"):
            for alert in ended:
                show(
                    alert_html(
                        alert.rule, "ended", alert_words(alert, alarms.readers.all()), _said(alarms, alert, None)
                    )
                )


def _show_open(alarms: Alarms, alert: StoredAlert, silences: Sequence[Silence]) -> None:
    """One open alert: what is so, what was said of it, its traces, and silencing it."""
    held = silence_of(alert.rule, silences)
    words = alert_words(alert, alarms.readers.all())
    with st.container(horizontal=True, vertical_alignment="center", key=f"row-alert-{alert.alert_id}"):
        show(alert_html(alert.rule, "silenced" if held else "open", words, _said(alarms, alert, held)))
        for place, trace_id in enumerate(traces_of(alert), start=1):
            show_way(f"Trace {place}", "open_in_new", f"alert-{alert.alert_id}-{place}", trace=trace_id)
        if held is None:
            _show_silencing(alert)
        elif held.rule:
            st.button(
                "End the silence",
                key=f"lift-{held.silence_id}",
                on_click=_attempt,
                args=(_lift, held.silence_id),
                **only(Role.EDITOR),
            )


def _said(alarms: Alarms, alert: StoredAlert, held: Silence | None) -> str:
    return messages_words(alert, held, has_channels=bool(alarms.sender.destinations()))


def _show_silence(silence: Silence) -> None:
    """A silence of all rules, and its end."""
    _note(f"{silence_words(silence)}.")
    st.button(
        "End the silence",
        key=f"lift-{silence.silence_id}",
        on_click=_attempt,
        args=(_lift, silence.silence_id),
        **only(Role.EDITOR),
    )


def _show_silencing(alert: StoredAlert) -> None:
    """How long, and why."""
    key = f"silence-{alert.alert_id}"
    with st.popover("Silence", icon=":material/notifications_off:", key=f"{key}-menu"):
        st.selectbox("How long", list(SILENCES), index=1, key=f"{key}-for")
        st.text_input("Why", key=f"{key}-why", max_chars=MAX_WHY_CHARS)
        st.button("Silence it", key=key, on_click=_attempt, args=(_silence, alert.rule, key), **only(Role.EDITOR))


def _silence(rule: str, key: str) -> None:
    seconds = parse_duration(SILENCES[st.session_state[f"{key}-for"]])
    state.services().alarms.silence(rule, seconds, st.session_state[f"{key}-why"])


def _lift(silence_id: str) -> None:
    state.services().alarms.lift(silence_id)


def _attempt(action: Callable[..., None], *args: object) -> None:
    """Do what a button says; what keeps it from being done is shown by the next run."""
    try:
        action(*args)
    except RaglassError as error:
        st.session_state[PROBLEM] = str(error)


def show_problem() -> None:
    """What the last button could not do."""
    problem = st.session_state.pop(PROBLEM, None)
    if problem:
        st.error(message(problem), icon=":material/error:")


def _show_cloudwatch() -> None:
    """The stack's alarms, in words and by colour."""
    alarms = state.services().live.alarms()
    if not alarms:
        _note("The stack has no alarm whose name begins with its own.")
        return
    quiet = [alarm for alarm in alarms if alarm.state != "ALARM"]
    with st.expander(f"CloudWatch has {count(len(alarms), 'alarm')}, of which {len(alarms) - len(quiet):,} raised"):
        _note("An alarm of CloudWatch is silenced there.")
        for alarm in quiet:
            show(alarm_html(alarm))


def _note(words: str) -> None:
    show(note_html(words))
