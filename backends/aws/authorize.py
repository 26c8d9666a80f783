"""Whether a key is the API's key. Read when it is first needed, and again after a while, so that a rotated key counts."""

import hmac
import time
from collections.abc import Callable

KEPT_S = 300.0
"""How long a key that was read is believed. API Gateway keeps an answer as long."""


class KeyCheck:
    """Compares callers' keys with the one that is kept secret."""

    def __init__(self, read_key: Callable[[], str], *, clock: Callable[[], float] = time.monotonic) -> None:
        """read_key: reads the key; what it raises leaves `admits` too, and API Gateway answers 500 and admits nobody."""
        self._read_key, self._clock = read_key, clock
        self._key, self._read_at = "", 0.0

    def admits(self, given: str) -> bool:
        """Whether this is the key; an empty one never is. Takes as long for a wrong key as for the right one."""
        if not self._key or self._clock() - self._read_at > KEPT_S:
            self._key, self._read_at = self._read_key(), self._clock()
        return bool(given) and bool(self._key) and hmac.compare_digest(given.encode(), self._key.encode())
