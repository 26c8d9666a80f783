"""`Alarms`: the rules of a store, and what comes of looking at them in the background of a dashboard: alerts are raised and ended.

It owns the two threads: one looks, one sends (`Sender`), so that a channel that is down holds up neither a look nor a question. Everything
is decided in the database (`AlertLog.change`), so that of several dashboards on one store one raises an alert, and one sends each message.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.alerting import outbox
from app.alerting.channels import Channel
from app.alerting.judging import Episode, Turn, needed_s, replay, turn
from app.alerting.notice import TRACES
from app.alerting.outbox import Limits
from app.alerting.readers import Readers
from app.alerting.rules import Rule, read_rules
from app.alerting.sending import Sender
from app.alerting.series import Grid, Point
from app.permitting.acting import record, require
from app.permitting.roles import Role
from metrics.alerts import AlertLog, Silence, StoredAlert, check_name, new_id
from metrics.store import TraceStore
from pipeline.background import Background
from pipeline.errors import InputError, RaglassError

log = logging.getLogger(__name__)

DAY_S = 86_400
"""What a preview looks back over."""

SEND_EVERY_S = 2.0
"""Between two looks for messages that are due."""

JOIN_S = 5.0
"""How long stopping waits for a message that is being sent."""

WHY: dict[Turn, str] = {"quiet": "Nothing was measured of it for a while, so it is taken for over.", "end": ""}
"""What is said of an end, where that is not the value."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rule would have done in the last day."""

    episodes: tuple[Episode, ...]
    """Its alerts."""
    measured: int
    """Windows of which enough was measured."""
    windows: int
    """All windows."""
    newest: Point
    """The newest value."""
    most: int
    """The most traces that any window has."""


@dataclass(frozen=True, slots=True)
class Looked:
    """The last look of this process."""

    ended_at: float
    """In seconds since the epoch."""
    problems: tuple[str, ...]
    """What could not be read, by rule."""


class Alarms:
    """Watches from `start` to `stop`; everything else may be used by any process."""

    def __init__(
        self,
        store: Callable[[], TraceStore],
        readers: Readers,
        channels: Callable[[], Sequence[Channel]],
        base: Callable[[], str],
        limits: Limits,
        every_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """channels: may raise ConfigError. base: the dashboard's address in links."""
        self._store, self.readers = store, readers
        self._limits, self._every_s, self._clock = limits, every_s, clock
        self._background = Background(
            alerts_look=lambda: self._run(self.look, self._every_s),
            alerts_send=lambda: self._run(self.sender.send_due, SEND_EVERY_S),
        )
        self.sender = Sender(store, readers, channels, base, limits, self._background.stopping, clock)
        """Sends their messages."""
        self.looked: Looked | None = None
        """The last look of this process; None before the first."""

    @property
    def _log(self) -> AlertLog:
        return self._store().alerts

    def start(self) -> None:
        """Begin to look and to send."""
        self._background.start()

    def stop(self) -> None:
        """End after what is under way, or leave it after JOIN_S: a message's claim lapses, and it is sent by whoever comes next."""
        self._background.stop(JOIN_S)

    def _run(self, step: Callable[[], object], every_s: float) -> None:
        problem = ""  # which is told once, however often it is met
        while not self._background.stopping.wait(every_s):
            try:
                step()
                problem = ""
            except RaglassError as error:
                if str(error) != problem:
                    log.warning("alerts are not looked after now: %s", error)
                problem = str(error)
            except Exception:  # whoever raised it: a thread that ended would look after no alert any more
                log.exception("looking after alerts failed; it is tried again")

    def rules(self) -> list[Rule]:
        """Every rule, by name."""
        return read_rules(self._log.rules())

    def rule(self, name: str) -> Rule:
        """A rule by its name. Raises InputError if there is none."""
        for rule in self.rules():
            if rule.name == name:
                return rule
        raise InputError(f"There is no rule {name[:80]!r}. `raglass alerts rules` lists them.")

    def save(self, rule: Rule, *, replacing: str = "") -> str:
        """Keep a rule; its name as it is kept. Takes an admin. Raises InputError for a name that is taken, NotPermitted.

        replacing: the rule that it takes the place of, by its name.
        """
        require(Role.ADMIN)
        if self.readers.of(rule.series) is None:
            raise InputError(f"Nothing here reads {rule.series!r}. Choose one of {', '.join(self.readers.all())}.")
        name = check_name(rule.name)
        self._log.save_rule(name, rule.to_dict(), replace=replacing == name)
        if replacing not in ("", name):
            self._log.delete_rule(replacing)
        record("saved an alert rule", name)
        return name

    def remove(self, name: str) -> None:
        """Forget a rule, and end its alert. Takes an admin. Raises InputError if there is none, NotPermitted."""
        require(Role.ADMIN)
        if not self._log.delete_rule(name):
            self.rule(name)
        record("removed an alert rule", name)
        self._end_orphans()

    def silence(self, rule: str, seconds: float, why: str) -> Silence:
        """Let a rule, or with an empty name all rules, send nothing for some time. Takes an editor.

        Raises InputError for no such rule or time, NotPermitted.
        """
        require(Role.EDITOR)
        if not 0 < seconds <= 365 * DAY_S:
            raise InputError(f"A silence of {seconds:g} s cannot be; give up to 365 days.")
        if rule:
            self.rule(rule)
        made = self._log.silence(rule, self._clock() + seconds, why.strip())
        record("silenced alerts", rule or "every rule")
        return made

    def silenced(self) -> list[Silence]:
        """Silences that hold now."""
        return [each for each in self._log.silences() if each.until > self._clock()]

    def preview(self, rule: Rule) -> Preview:
        """What a rule would have done in the last day, from what is stored. Raises RaglassError where that cannot be read."""
        points = self._points(rule, DAY_S + needed_s(rule))
        since_s = points[-1].end_s - DAY_S
        day = [each for each in points if each.end_s >= since_s]
        measured = sum(rule.verdict(each.value, each.count) != "unknown" for each in day)
        most = max((each.count for each in day), default=0)
        return Preview(tuple(replay(rule, points, since_s)), measured, len(day), points[-1], most)

    def _points(self, rule: Rule, length_s: int) -> list[Point]:
        reader = self.readers.of(rule.series)
        if reader is None:
            raise InputError(f"Nothing here reads {rule.series!r}.")
        return reader.read(rule, Grid.ending(self._clock(), length_s, rule.window_s))

    def look(self) -> None:
        """Look at every rule once: raise, end, remind. Raises StoreError where the store cannot be read."""
        rules = self.rules()
        is_open = {alert.rule: alert for alert in self._log.open()}
        problems = []
        for rule in rules:
            try:
                self._look_at(rule, is_open.get(rule.name))
            except RaglassError as error:
                problems.append(f"{rule.name}: {error}")
        if is_open:
            self._end_orphans()
            self._remind()
        self.looked = Looked(self._clock(), tuple(problems))

    def _look_at(self, rule: Rule, opened: StoredAlert | None) -> None:
        points = self._points(rule, needed_s(rule) if opened else rule.for_s)
        turned = turn(rule, points, is_open=opened is not None)
        value, now_s = points[-1].value, self._clock()
        if opened is None:
            if turned == "raise":
                about = {"watched": rule.to_dict(), "trace_ids": self._traces(rule, now_s)}
                alert = StoredAlert(new_id(), rule.name, "open", now_s - rule.for_s, None, value, about)
                self._log.change(lambda *_: [outbox.began(alert, now_s)])
        elif turned:
            self._end(lambda alert: alert.alert_id == opened.alert_id, WHY[turned], value)
        elif value is not None and value != opened.value:
            self._log.change(
                lambda alerts, _: [replace(each, value=value) for each in alerts if each.alert_id == opened.alert_id]
            )

    def _traces(self, rule: Rule, now_s: float) -> list[str]:
        """Ids of traces that made a value bad; none where they cannot be found, which keeps no alert from being raised."""
        reader = self.readers.of(rule.series)
        try:
            query = None if reader is None else reader.behind(rule, now_s - rule.window_s - rule.for_s, now_s + 60)
            return [] if query is None else [row.trace_id for row in self._store().page(query, limit=TRACES).rows]
        except RaglassError as error:
            log.warning("the traces behind an alert were not found: %s", error)
            return []

    def _end(self, chosen: Callable[[StoredAlert], bool], why: str, value: float | None = None) -> None:
        now_s = self._clock()

        def end(alerts: Sequence[StoredAlert], silences: Sequence[Silence]) -> list[StoredAlert]:
            return [
                outbox.ended(
                    replace(each, value=each.value if value is None else value),
                    now_s,
                    why,
                    silenced=outbox.is_silenced(silences, each.rule, now_s),
                )
                for each in alerts
                if each.state == "open" and chosen(each)
            ]

        self._log.change(end)

    def _end_orphans(self) -> None:
        """End alerts of rules that are gone."""
        known = {rule.name for rule in self._log.rules()}
        if any(alert.rule not in known for alert in self._log.open()):
            self._end(lambda alert: alert.rule not in known, "Its rule was removed.")

    def _remind(self) -> None:
        now_s, silences = self._clock(), self._log.silences()
        if not any(outbox.reminded(alert, silences, self._limits, now_s) for alert in self._log.open()):
            return
        self._log.change(
            lambda alerts, held: [
                told for each in alerts if (told := outbox.reminded(each, held, self._limits, now_s)) is not None
            ]
        )

    def newest(self, limit: int = 50) -> list[StoredAlert]:
        """Alerts: the open ones, then those that ended, each the newest first."""
        found = self._log.newest(limit)
        opened = self._log.open()
        return [*opened, *(each for each in found if each.state == "ended")]

    def opened(self) -> list[StoredAlert]:
        """Open alerts, the newest first."""
        return self._log.open()

    def lift(self, silence_id: str) -> None:
        """End a silence now. Takes an editor. Raises NotPermitted."""
        require(Role.EDITOR)
        self._log.lift(silence_id)
        record("ended a silence of alerts", silence_id)
