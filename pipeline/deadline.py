"""One deadline per question, passed down, so that each stage gets what is left."""

import time
from collections.abc import Callable

from pipeline.errors import Timeout


class Deadline:
    """A point in time by which a question must be answered."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._end = clock() + seconds

    def remaining_s(self) -> float:
        """Seconds left; negative once the deadline has passed."""
        return self._end - self._clock()

    def check(self, stage: str) -> None:
        """Raise Timeout, naming `stage`, once the deadline has passed."""
        if self.remaining_s() <= 0:
            raise Timeout(
                f"The question's deadline of {self.seconds:g} s passed in the {stage} stage. "
                "Raise the deadline in the sidebar (RAGLASS_DEADLINE_S) or retrieve fewer chunks.",
                stage=stage,
            )
