"""`Sender`: the messages of alerts on their way to channels, each claimed in the store before it is sent, so that one process sends it."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.alerting import outbox
from app.alerting.channels import Channel, Refused, try_once
from app.alerting.notice import Notice, make_notice, test_notice
from app.alerting.outbox import ATTEMPTS, Delivery, Limits
from app.alerting.readers import Readers
from app.alerting.rules import Rule
from metrics.alerts import AlertLog, Silence, StoredAlert
from metrics.store import TraceStore

log = logging.getLogger(__name__)


class Sender:
    """Of one process."""

    def __init__(
        self,
        store: Callable[[], TraceStore],
        readers: Readers,
        channels: Callable[[], Sequence[Channel]],
        base: Callable[[], str],
        limits: Limits,
        stopping: threading.Event,
        clock: Callable[[], float],
    ) -> None:
        """channels: may raise ConfigError. base: the dashboard's address in links. stopping: once set, no further message is begun."""
        self._store, self._readers, self._channels, self._base = store, readers, channels, base
        self._limits, self._stopping, self._clock = limits, stopping, clock

    @property
    def _log(self) -> AlertLog:
        return self._store().alerts

    def send_due(self) -> int:
        """Send the messages that are due, each by one process; how many were tried. Raises ConfigError for channels that cannot be."""
        channels, tried = self._channels(), 0
        while channels and not self._stopping.is_set() and self._send_one(channels):
            tried += 1
        return tried

    def _send_one(self, channels: Sequence[Channel]) -> bool:
        now_s = self._clock()
        if not any(outbox.is_due(alert, now_s) for alert in self._log.lately()):
            return False
        claimed: list[tuple[StoredAlert, int]] = []

        def take(alerts: Sequence[StoredAlert], silences: Sequence[Silence]) -> list[StoredAlert]:
            found = outbox.claim(alerts, silences, self._limits, now_s)
            claimed.extend((alert, place) for alert, place in found if place is not None)
            return [alert for alert, _ in found]

        self._log.change(take)
        for alert, place in claimed:
            self._deliver(alert, place, channels)
        return bool(claimed)

    def _deliver(self, alert: StoredAlert, place: int, channels: Sequence[Channel]) -> None:
        """Send a claimed message on every channel that has it not yet, and write down what became of it."""
        message = outbox.messages_of(alert)[place]
        try:
            notice = self._notice(alert, message)
            results = {
                each.name: self._tried(each, notice, message.deliveries.get(each.name, Delivery())) for each in channels
            }
        except Exception:  # a claimed message that is not settled would be claimed, and fail, again and again
            log.exception("the message of an alert could not be made; it is given up")
            results = {
                each.name: Delivery("failed", self._clock(), 1, "The details are in the log.") for each in channels
            }

        def write(alerts: Sequence[StoredAlert], _: Sequence[Silence]) -> list[StoredAlert]:
            same = [each for each in alerts if each.alert_id == alert.alert_id]
            return [outbox.settle(each, message, results, self._clock()) for each in same]

        self._log.change(write)

    def _notice(self, alert: StoredAlert, message: outbox.Message) -> Notice:
        rule = Rule.from_dict(alert.rule, alert.about["watched"])
        shown = alert if message.kind == "ended" else replace(alert, ended_at=None)
        return make_notice(message.kind, shown, rule, self._readers.all().get(rule.series), self._base())

    def _tried(self, channel: Channel, notice: Notice, before: Delivery) -> Delivery:
        if before.state != "waiting":
            return before
        error = try_once(channel, notice)
        attempts = before.attempts + 1
        if error is None:
            return Delivery("sent", self._clock(), attempts)
        given_up = isinstance(error, Refused) or attempts >= ATTEMPTS
        log.warning("a message of an alert was not sent: %s", error)
        return Delivery("failed" if given_up else "waiting", self._clock(), attempts, str(error))

    def test(self) -> dict[str, str]:
        """Send one message to each channel; what went wrong, by channel, empty where nothing did. Raises ConfigError for wrong settings."""
        notice = test_notice(self._base(), self._clock())
        return {f"{each.name} ({each.shown})": str(try_once(each, notice) or "") for each in self._channels()}

    def destinations(self) -> list[str]:
        """Where messages go, without secrets. Raises ConfigError for wrong settings."""
        return [f"{each.name} ({each.shown})" for each in self._channels()]

    def failing(self) -> dict[str, str]:
        """Channels whose last message of the last day was not delivered, with the reason."""
        tried: dict[str, tuple[float, str]] = {}
        for alert in self._log.lately():
            for message in outbox.messages_of(alert):
                for name, each in message.deliveries.items():
                    if each.at >= tried.get(name, (0.0, ""))[0]:
                        tried[name] = (each.at, "" if each.state == "sent" else each.problem)
        return {name: problem for name, (_, problem) in tried.items() if problem}
