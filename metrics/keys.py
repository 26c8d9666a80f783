"""`KeyRing`: keys of the applications that may send traces or read them.

What is kept of a secret is its digest; the secret itself is shown once.
"""

import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlalchemy import insert, or_, select, update

from metrics import search
from metrics.database import Database
from metrics.tables import keys
from pipeline.errors import InputError, StoreError

log = logging.getLogger(__name__)

Scope = Literal["ingest", "read"]
"""What a key allows: to send traces, or to take them out."""


SECRET_BYTES = 32
"""Random bytes of a secret."""

SECRET = re.compile(r"rg_(ingest|read)_[A-Za-z0-9_-]{43}")
"""What a secret looks like: its scope, then SECRET_BYTES in URL-safe base64."""

MAX_NAME_CHARS = 100

USED_S = 60.0
"""`last_used_at` is written at most as often as this."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key."""

    key_id: str
    """Eight hexadecimal digits."""
    name: str
    """What it is called; of keys that are not revoked no two have the same."""
    scope: Scope
    """What it allows."""
    created_at: float
    """Seconds since the epoch."""
    last_used_at: float | None = None
    """To the minute; None if never."""
    revoked_at: float | None = None
    """None while it is good."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key with its secret, which nobody can find out later."""

    key: Key
    """What is known of it from now on."""
    secret: str = field(repr=False)
    """What an application sends."""


class KeyRing:
    """Keys in a trace store's database. Every error of it is a StoreError."""

    def __init__(self, database: Database, explained: Callable[[], AbstractContextManager[None]]) -> None:
        self._database, self._explained = database, explained

    def create(self, name: str, scope: Scope) -> NewKey:
        """Make a key. Raises InputError for a name that is empty, too long, or that of a key which is still good."""
        name = search.storable(name.strip())
        if not name or len(name) > MAX_NAME_CHARS:
            raise InputError(f"A key's name has 1 to {MAX_NAME_CHARS} characters; this one has {len(name)}.")
        secret = f"rg_{scope}_{secrets.token_urlsafe(SECRET_BYTES)}"
        key = Key(secrets.token_hex(4), name, scope, time.time())
        row = {"key_id": key.key_id, "name": name, "scope": scope, "created_at": key.created_at}
        with self._explained(), self._database.writing() as connection:
            taken = select(keys.c.key_id).where(keys.c.name == name, keys.c.revoked_at.is_(None))
            if connection.scalar(taken) is not None:
                raise InputError(f"There is a key {name!r} already. Choose another name, or revoke that one first.")
            connection.execute(insert(keys).values(**row, digest=_digest(secret)))
        return NewKey(key, secret)

    def all(self) -> list[Key]:
        """Every key, the oldest first; revoked ones too."""
        with self._explained(), self._database.engine.connect() as connection:
            return [_to_key(row) for row in connection.execute(select(keys).order_by(keys.c.created_at, keys.c.key_id))]

    def revoke(self, named: str) -> Key:
        """End a key, by its name or id, from the next request on. Raises InputError where no good key is called so."""
        named = search.storable(named.strip())
        meant = or_(keys.c.name == named, keys.c.key_id == named)
        with self._explained(), self._database.writing() as connection:
            row = connection.execute(select(keys).where(meant, keys.c.revoked_at.is_(None))).first()
            if row is None:
                raise InputError(
                    f"There is no key {named[:MAX_NAME_CHARS]!r} to revoke. `raglass keys list` lists them."
                )
            ended = replace(_to_key(row), revoked_at=time.time())
            connection.execute(update(keys).where(keys.c.key_id == row.key_id).values(revoked_at=ended.revoked_at))
        return ended

    def find(self, secret: str) -> Key | None:
        """The key that a secret belongs to, and note that it is used; None if there is none, or it is revoked."""
        if SECRET.fullmatch(secret) is None:
            return None
        digest = _digest(secret)
        with self._explained(), self._database.engine.connect() as connection:
            row = connection.execute(select(keys).where(keys.c.digest == digest)).one_or_none()
        if row is None or not hmac.compare_digest(row.digest, digest) or row.revoked_at is not None:
            return None
        key = _to_key(row)
        self._note_use(key)
        return key

    def _note_use(self, key: Key) -> None:
        now = time.time()
        if key.last_used_at is not None and now - key.last_used_at < USED_S:
            return
        try:
            with self._explained(), self._database.writing() as connection:
                connection.execute(update(keys).where(keys.c.key_id == key.key_id).values(last_used_at=now))
        except StoreError as error:
            log.warning("that the key %s was used could not be noted: %s", key.key_id, error)


def _digest(secret: str) -> str:
    """A fast hash suffices: what is hashed is random, and as long as the digest."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _to_key(row: Any) -> Key:
    return Key(row.key_id, row.name, row.scope, row.created_at, row.last_used_at, row.revoked_at)
