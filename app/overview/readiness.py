"""What a page tells without waiting for it: looked at in the background. Whether this process can answer is told so. No streamlit."""

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from pipeline.errors import RaglassError

log = logging.getLogger(__name__)

Problems = Mapping[str, str | None]
"""What keeps each part from working; None for one that is ready."""

FRESH_S = 15.0
"""What was found is told again for so long."""

FOREVER_S = math.inf
"""The same of what never changes."""

WAIT_S = 0.4
"""How long a page waits for the first look."""

Found = TypeVar("Found")


class Behind(Generic[Found]):
    """Looks when asked, at most every `fresh_s` seconds, one look at a time."""

    def __init__(
        self, look: Callable[[], Found], clock: Callable[[], float] = time.monotonic, *, fresh_s: float = FRESH_S
    ) -> None:
        """look: may take long; where it raises a RaglassError nothing is found, and the next who asks has it look again."""
        self._look, self._clock, self._fresh_s = look, clock, fresh_s
        self._lock = threading.Lock()
        self._looking: threading.Thread | None = None
        self._found: tuple[float, Found] | None = None

    def read(self, wait_s: float = WAIT_S) -> Found | None:
        """What was found last, looked at anew where that is old; None where the first look is not over within `wait_s`."""
        with self._lock:
            if self._found is not None and self._clock() - self._found[0] < self._fresh_s:
                return self._found[1]
            if self._looking is None or not self._looking.is_alive():
                self._looking = threading.Thread(target=self._run, name="overview", daemon=True)
                self._looking.start()
            looking = self._looking
        looking.join(wait_s)
        return None if self._found is None else self._found[1]

    def _run(self) -> None:
        try:
            self._found = (self._clock(), self._look())
        except RaglassError as error:
            log.warning("The Overview does without a part: %s", error)


class Readiness(Behind[Problems]):
    """Whether this process can answer."""
