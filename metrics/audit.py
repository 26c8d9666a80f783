"""`AuditLog`: who changed what, in a trace store's database. Entries are added and read, never changed. Refuses to know who may."""

import secrets
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import insert, select

from metrics import search
from metrics.database import Database
from metrics.tables import audit
from pipeline.errors import InputError

MOST = 10_000
"""Entries read at once."""

MAX_CHARS = 500
"""Of a name or a subject; the rest is cut."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change."""

    entry_id: str
    """Sixteen hexadecimal digits."""
    at: float
    """Seconds since the epoch."""
    who: str
    """An address, or what stands for who has no login."""
    did: str
    """In words, such as `deleted a trace`; one of a few dozen."""
    subject: str
    """What it was done to, by its id or name."""


class AuditLog:
    """Entries in a trace store's database. Every error of it is a StoreError."""

    def __init__(self, database: Database, explained: Callable[[], AbstractContextManager[None]]) -> None:
        self._database, self._explained = database, explained

    def add(self, who: str, did: str, subject: str = "") -> AuditEntry:
        """Keep that somebody did something, now."""
        words = (search.storable(text)[:MAX_CHARS] for text in (who, did, subject))
        entry = AuditEntry(secrets.token_hex(8), time.time(), *words)
        row = {"entry_id": entry.entry_id, "at": entry.at, "who": entry.who, "did": entry.did, "subject": entry.subject}
        with self._explained(), self._database.writing() as connection:
            connection.execute(insert(audit).values(row))
        return entry

    def newest(self, limit: int = 100) -> list[AuditEntry]:
        """The newest entries, the newest first. limit: 1 to MOST. Raises InputError for another."""
        if not 1 <= limit <= MOST:
            raise InputError(f"{limit:,} entries cannot be read at once; ask for 1 to {MOST:,}.")
        found = select(audit).order_by(audit.c.at.desc(), audit.c.entry_id).limit(limit)
        with self._explained(), self._database.engine.connect() as connection:
            return [AuditEntry(*row) for row in connection.execute(found)]

    def last(self, did: str, subject: str) -> str:
        """Who did this to that last; empty for nobody."""
        subject = search.storable(subject)[:MAX_CHARS]
        matching = select(audit.c.who).where(audit.c.did == did, audit.c.subject == subject)
        with self._explained(), self._database.engine.connect() as connection:
            return connection.scalar(matching.order_by(audit.c.at.desc()).limit(1)) or ""
