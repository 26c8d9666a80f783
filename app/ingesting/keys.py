"""Keys of applications, made and ended."""

from app.permitting.acting import record, require
from app.permitting.roles import Role
from metrics.keys import Key, KeyRing, NewKey, Scope


def create_key(keys: KeyRing, name: str, scope: Scope) -> NewKey:
    """Make a key. Takes an admin. Raises NotPermitted, InputError, StoreError."""
    require(Role.ADMIN)
    made = keys.create(name, scope)
    record(f"made a key to {scope}", made.key.name)
    return made


def revoke_key(keys: KeyRing, named: str) -> Key:
    """End a key, by its name or id. Takes an admin. Raises NotPermitted, InputError, StoreError."""
    require(Role.ADMIN)
    ended = keys.revoke(named)
    record("revoked a key", ended.name)
    return ended
