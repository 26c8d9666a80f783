"""`AlertLog`: rules, the alerts that they raised, and silences, in a trace store's database.

It owns rows, and that a change is one process's alone. It refuses to know what a rule means, or what a message is.
"""

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from metrics import search
from metrics.database import Database
from metrics.tables import alert_rules, alerts, silences
from pipeline.errors import InputError

State = Literal["open", "ended"]

MAX_RULES = 200
"""More than anybody reads; each is looked at several times a minute."""

MAX_ALERTS = 1_000
"""Alerts that are kept; of those that ended, the oldest go first."""

MAX_SILENCES = 500
"""Silences that are kept; the oldest go first."""

MAX_NAME_CHARS = 80
"""Of a rule's name."""

MAX_WHY_CHARS = 300
"""Of a silence's reason."""

LATELY_S = 86_400.0
"""What ended within so many seconds may still have messages to be sent."""


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A rule as it is kept."""

    name: str
    """Its name, unique."""
    about: Mapping[str, Any]
    """JSON-ready."""
    changed_at: float
    """When it was last saved, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert as it is kept."""

    alert_id: str
    """Hexadecimal digits."""
    rule: str
    """The rule that raised it."""
    state: State
    """`open` or `ended`."""
    began_at: float
    """Since when what the rule watches for has been so, in seconds since the epoch."""
    ended_at: float | None
    """When it ended; None while it is open."""
    value: float | None
    """The newest value of what is watched."""
    about: Mapping[str, Any]
    """JSON-ready: the rule as it was, traces, messages."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A rule that sends no message for a while."""

    silence_id: str
    """Hexadecimal digits."""
    rule: str
    """The rule; empty for all of them."""
    until: float
    """When it ends, in seconds since the epoch."""
    why: str
    """What its maker wrote; data, to be escaped."""
    made_at: float
    """When it was made."""

    def covers(self, rule: str, now_s: float) -> bool:
        """Whether it silences a rule at a time."""
        return self.rule in ("", rule) and now_s < self.until


Change = Callable[[Sequence[StoredAlert], Sequence[Silence]], Sequence[StoredAlert]]
"""From the alerts that are open or ended lately, and the silences, the alerts that are changed or new."""


class AlertLog:
    """Alerts of one store, shared by all who use it. Every error of the database is a StoreError."""

    def __init__(self, database: Database, explained: Callable[[], AbstractContextManager[None]]) -> None:
        self._database, self._explained = database, explained

    def rules(self) -> list[StoredRule]:
        """Every rule, by name; one that cannot be read is left out."""
        with self._explained(), self._database.engine.connect() as connection:
            rows = connection.execute(select(alert_rules)).all()
        found = [(name, _read(about), changed_at) for name, about, changed_at in rows]
        return sorted((StoredRule(*row) for row in found if row[1]), key=lambda rule: rule.name.casefold())

    def save_rule(self, name: str, about: Mapping[str, Any], *, replace: bool = False) -> None:
        """Keep a rule. Raises InputError for a name that cannot be or is taken, and beyond MAX_RULES."""
        name = check_name(name)
        row = {"name": name, "about": json.dumps(about), "changed_at": time.time()}
        with self._explained(), self._database.writing() as connection:
            known = connection.scalar(select(alert_rules.c.name).where(alert_rules.c.name == name)) is not None
            if known and not replace:
                raise InputError(f"There is a rule {name!r} already. Choose another name, or change that one.")
            if not known and _count(connection, alert_rules) >= MAX_RULES:
                raise InputError(f"There are {MAX_RULES} rules. Remove one before you add another.")
            connection.execute(delete(alert_rules).where(alert_rules.c.name == name))
            connection.execute(insert(alert_rules).values(**row))

    def delete_rule(self, name: str) -> bool:
        """Forget a rule; whether there was one. Its open alert is left to whoever watches."""
        with self._explained(), self._database.writing() as connection:
            gone = connection.execute(delete(alert_rules).where(alert_rules.c.name == search.storable(name)))
        return bool(gone.rowcount)

    def open(self) -> list[StoredAlert]:
        """Open alerts, the newest first."""
        return self._select(alerts.c.state == "open", MAX_ALERTS)

    def newest(self, limit: int = 50) -> list[StoredAlert]:
        """The newest alerts, open or ended."""
        return self._select(None, limit)

    def lately(self) -> list[StoredAlert]:
        """Alerts that are open, or ended within LATELY_S."""
        return self._select(_lately(), MAX_ALERTS)

    def _select(self, where: Any, limit: int) -> list[StoredAlert]:
        with self._explained(), self._database.engine.connect() as connection:
            return _alerts(connection, where, limit)

    def change(self, change: Change) -> Sequence[StoredAlert]:
        """Change alerts in one transaction, which no other process's change runs beside: what it decides, it alone has decided.

        Alerts that are given back are written; more than one open alert of a rule is refused by leaving the later one out.
        """
        with self._explained(), self._database.writing() as connection:
            found = _alerts(connection, _lately(), MAX_ALERTS)
            known = {alert.alert_id for alert in found}
            taken = {alert.rule for alert in found if alert.state == "open"}
            written = []
            for alert in change(found, _silences(connection)):
                if alert.alert_id in known:
                    connection.execute(update(alerts).where(alerts.c.alert_id == alert.alert_id).values(_row(alert)))
                elif alert.rule not in taken:
                    connection.execute(insert(alerts).values(_row(alert)))
                else:
                    continue
                written.append(alert)
            _trim(connection)
        return written

    def silences(self) -> list[Silence]:
        """Silences, the newest first, also those that are over."""
        with self._explained(), self._database.engine.connect() as connection:
            return _silences(connection)

    def silence(self, rule: str, until: float, why: str) -> Silence:
        """Let a rule, or with an empty name every rule, send no message until a time. Raises InputError for a reason that is too long."""
        if len(why) > MAX_WHY_CHARS:
            raise InputError(f"The reason has {len(why):,} characters; at most {MAX_WHY_CHARS} are kept. Shorten it.")
        made = Silence(new_id(), search.storable(rule), until, search.storable(why), time.time())
        with self._explained(), self._database.writing() as connection:
            connection.execute(
                insert(silences).values(
                    silence_id=made.silence_id, rule=made.rule, until=made.until, why=made.why, made_at=made.made_at
                )
            )
            old = select(silences.c.silence_id).order_by(silences.c.made_at.desc()).offset(MAX_SILENCES)
            gone = connection.scalars(old.limit(MAX_SILENCES)).all()
            connection.execute(delete(silences).where(silences.c.silence_id.in_(gone)))
        return made

    def lift(self, silence_id: str) -> None:
        """End a silence now. One that is gone already is as good as ended."""
        with self._explained(), self._database.writing() as connection:
            connection.execute(delete(silences).where(silences.c.silence_id == search.storable(silence_id)))


def new_id() -> str:
    """An id for an alert or a silence."""
    return uuid.uuid4().hex[:16]


def check_name(name: str) -> str:
    """A rule's name as it is kept: on one line, without what no screen shows. Raises InputError."""
    shown = " ".join("".join(char if char.isprintable() else " " for char in search.storable(name)).split())
    if not shown:
        raise InputError("The rule has no name. Give it one that says what it watches.")
    if len(shown) > MAX_NAME_CHARS:
        raise InputError(f"The name has {len(shown):,} characters; at most {MAX_NAME_CHARS} are kept. Shorten it.")
    return shown


def _read(about: str) -> dict[str, Any]:
    try:
        found = json.loads(about)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _count(connection: Connection, table: Any) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _lately() -> Any:
    return or_(alerts.c.state == "open", alerts.c.ended_at > time.time() - LATELY_S)


def _alerts(connection: Connection, where: Any, limit: int) -> list[StoredAlert]:
    query = select(alerts).order_by(alerts.c.began_at.desc(), alerts.c.alert_id).limit(limit)
    rows = connection.execute(query if where is None else query.where(where)).all()
    return [StoredAlert(**{**row._mapping, "about": _read(row.about)}) for row in rows]


def _silences(connection: Connection) -> list[Silence]:
    return [Silence(*row) for row in connection.execute(select(silences).order_by(silences.c.made_at.desc()))]


def _row(alert: StoredAlert) -> dict[str, Any]:
    return {
        "alert_id": alert.alert_id,
        "rule": alert.rule,
        "state": alert.state,
        "began_at": alert.began_at,
        "ended_at": alert.ended_at,
        "value": alert.value,
        "about": json.dumps(alert.about),
    }


def _trim(connection: Connection) -> None:
    if _count(connection, alerts) > MAX_ALERTS:
        old = select(alerts.c.alert_id).where(alerts.c.state == "ended").order_by(alerts.c.began_at.desc())
        gone = connection.scalars(old.offset(MAX_ALERTS // 2)).all()
        connection.execute(delete(alerts).where(alerts.c.alert_id.in_(gone)))
