"""The messages of alerts: which are due, whose they are to send, and what became of them. Plain data in an alert's `about`.

A message is claimed in the database before it is sent, so that of several dashboards one sends it; the claim lapses, so that one that
died with a claim loses no message. A message that waits (its rule is silenced, the hour's are used up) and whose alert ends meanwhile is
never sent, and neither is its end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from metrics.alerts import Silence, StoredAlert

Kind = Literal["began", "reminder", "ended"]

LEASE_S = 180.0
"""How long a claim holds: longer than any message takes, over all channels."""

FIRST_WAIT_S, MAX_WAIT_S = 5.0, 900.0
"""Bounds of the wait after the first failure in a row and after many."""

ATTEMPTS = 8
"""How often a channel is tried with a message; with the waits above, over some ten minutes."""

STALE_S = 6 * 3_600.0
"""A message that could not be sent for so long is news no more."""

KEPT_MESSAGES = 20
"""Of an alert; older reminders are forgotten."""

HOUR_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message on one channel."""

    state: Literal["waiting", "sent", "failed"] = "waiting"
    """`waiting` for another attempt, `sent`, or `failed` for good."""
    at: float = 0.0
    """When it was last tried."""
    attempts: int = 0
    """How often."""
    problem: str = ""
    """Why the last attempt failed, without secrets."""


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to be said of an alert."""

    kind: Kind
    """That it began, goes on, or ended."""
    due_at: float
    """When it was due, in seconds since the epoch."""
    next_at: float = 0.0
    """Before when it is not tried again."""
    claimed_until: float = 0.0
    """Until when somebody is sending it."""
    first_at: float | None = None
    """When it was first tried; None for not yet."""
    closed: str = ""
    """Why nothing more is to be done: `done`, or what kept it from being sent."""
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)
    """By the name of the channel."""

    @property
    def is_waiting(self) -> bool:
        """Whether it is to be sent, or to be tried again."""
        return not self.closed

    @property
    def problem(self) -> str:
        """Why it is not, or not yet, delivered everywhere; empty if all is well."""
        return "; ".join(
            f"{name}: {each.problem}" for name, each in self.deliveries.items() if each.state != "sent" and each.problem
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What keeps alerts from becoming a storm."""

    per_hour: int
    """Messages within an hour at most, of all alerts of a store."""
    remind_s: float
    """Seconds between two messages of an alert that is open; 0 for no reminders."""


def messages_of(alert: StoredAlert) -> list[Message]:
    """The messages of an alert, oldest first."""
    return [_read(each) for each in alert.about.get("messages", ())]


def with_messages(alert: StoredAlert, messages: Sequence[Message]) -> StoredAlert:
    """The alert with these messages; of many the first and the newest are kept."""
    kept = [*messages[:1], *messages[1:][-(KEPT_MESSAGES - 1) :]]
    return replace(alert, about={**alert.about, "messages": [_write(each) for each in kept]})


def _read(told: Mapping[str, Any]) -> Message:
    deliveries = {name: Delivery(**each) for name, each in told.get("deliveries", {}).items()}
    return Message(**{**told, "deliveries": deliveries})


def _write(message: Message) -> dict[str, Any]:
    told = {name: getattr(message, name) for name in Message.__dataclass_fields__ if name != "deliveries"}
    deliveries = {
        name: {part: getattr(each, part) for part in Delivery.__dataclass_fields__}
        for name, each in message.deliveries.items()
    }
    return {**told, "deliveries": deliveries}


def began(alert: StoredAlert, now_s: float) -> StoredAlert:
    """A new alert with the message that it began."""
    return with_messages(alert, [Message("began", now_s)])


def ended(alert: StoredAlert, now_s: float, why: str, *, silenced: bool) -> StoredAlert:
    """An open alert, ended: what waits is never sent; that it ended is said if anything was tried before, and not while it is silenced."""
    messages = messages_of(alert)
    tried = any(each.first_at is not None for each in messages)
    over = [replace(each, closed="the alert ended first") if each.is_waiting else each for each in messages]
    if tried and not silenced:
        over.append(Message("ended", now_s))
    told = with_messages(alert, over)
    return replace(told, state="ended", ended_at=now_s, about={**told.about, "why": why})


def reminded(alert: StoredAlert, silences: Sequence[Silence], limits: Limits, now_s: float) -> StoredAlert | None:
    """An open alert with a reminder, if one is due; else None."""
    messages = messages_of(alert)
    if not limits.remind_s or alert.state != "open" or any(each.is_waiting for each in messages):
        return None
    last_s = max((each.first_at or each.due_at for each in messages), default=alert.began_at)
    if now_s - last_s < limits.remind_s or is_silenced(silences, alert.rule, now_s):
        return None
    return with_messages(alert, [*messages, Message("reminder", now_s)])


def is_silenced(silences: Sequence[Silence], rule: str, now_s: float) -> bool:
    """Whether a rule sends no message now."""
    return any(each.covers(rule, now_s) for each in silences)


def is_due(alert: StoredAlert, now_s: float) -> bool:
    """Whether some message may be sent now, as far as its alert says."""
    return any(_due(each, now_s) for each in messages_of(alert))


def _due(message: Message, now_s: float) -> bool:
    return message.is_waiting and max(message.next_at, message.claimed_until) <= now_s


def claim(
    alerts: Sequence[StoredAlert], silences: Sequence[Silence], limits: Limits, now_s: float
) -> list[tuple[StoredAlert, int | None]]:
    """The next message to send, as the alert with it claimed and its place; before it, alerts of which a message is too old to be news.

    At most one message is claimed. Which alert comes first does not matter: each is tried when its turn comes.
    """
    tried = [
        each for alert in alerts for each in messages_of(alert) if each.first_at and now_s - each.first_at < HOUR_S
    ]
    full = len(tried) >= limits.per_hour
    changed: list[tuple[StoredAlert, int | None]] = []
    for alert in sorted(alerts, key=lambda each: each.began_at):
        messages = messages_of(alert)
        for place, message in enumerate(messages):
            if not _due(message, now_s):
                continue
            if _is_stale(message, alert, now_s):
                messages[place] = replace(message, closed="it could not be sent in time")
                changed.append((with_messages(alert, messages), None))
                break
            if is_silenced(silences, alert.rule, now_s) or (full and message.first_at is None):
                continue
            first_at = now_s if message.first_at is None else message.first_at
            messages[place] = replace(message, claimed_until=now_s + LEASE_S, first_at=first_at)
            return [*changed, (with_messages(alert, messages), place)]
    return changed


def _is_stale(message: Message, alert: StoredAlert, now_s: float) -> bool:
    """Whether a message is no news any more: that an alert began is, as long as it is open and nothing was tried."""
    if message.first_at is None and alert.state == "open":
        return False
    return now_s - (message.first_at or message.due_at) > STALE_S


def settle(alert: StoredAlert, tried: Message, deliveries: Mapping[str, Delivery], now_s: float) -> StoredAlert:
    """An alert whose claimed message was tried: done, or to be tried again. What was changed of it meanwhile stays."""
    waits = [
        min(FIRST_WAIT_S * 2.0 ** (each.attempts - 1), MAX_WAIT_S)
        for each in deliveries.values()
        if each.state == "waiting"
    ]
    next_at = now_s + min(waits, default=0.0)

    def settled(message: Message) -> Message:
        closed = message.closed or ("" if waits else "done")
        return replace(message, claimed_until=0.0, next_at=next_at, closed=closed, deliveries=dict(deliveries))

    same = (tried.kind, tried.due_at)
    messages = messages_of(alert)
    return with_messages(alert, [settled(each) if (each.kind, each.due_at) == same else each for each in messages])
