"""Whether this process can answer, looked at in the background: a page never waits for a backend that is slow to say so. No streamlit."""

import threading
import time
from collections.abc import Callable, Mapping

Problems = Mapping[str, str | None]
"""What keeps each part from working; None for one that is ready."""

FRESH_S = 15.0
"""What was found is told again for so long."""

WAIT_S = 0.4
"""How long a page waits for the first look."""


class Readiness:
    """Looks when asked, at most every FRESH_S seconds, one look at a time."""

    def __init__(self, check: Callable[[], Problems], clock: Callable[[], float] = time.monotonic) -> None:
        """check: looks at every part; may take long."""
        self._check, self._clock = check, clock
        self._lock = threading.Lock()
        self._looking: threading.Thread | None = None
        self._found: tuple[float, Problems] | None = None

    def read(self, wait_s: float = WAIT_S) -> Problems | None:
        """What was found last, looked at anew where that is old; None where the first look is not over within `wait_s`."""
        with self._lock:
            if self._found is not None and self._clock() - self._found[0] < FRESH_S:
                return self._found[1]
            if self._looking is None or not self._looking.is_alive():
                self._looking = threading.Thread(target=self._look, name="readiness", daemon=True)
                self._looking.start()
            looking = self._looking
        looking.join(wait_s)
        return None if self._found is None else self._found[1]

    def _look(self) -> None:
        self._found = (self._clock(), self._check())
