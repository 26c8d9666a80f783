"""Time and memory that a model takes here."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from app.lab.workplace import TIMED_QUESTIONS, drawn

Made = TypeVar("Made")

STATM = Path("/proc/self/statm")
"""Where Linux says what a process holds, in pages of 4,096 bytes."""

PAGE_BYTES = 4_096


class Resident:
    """Memory that the process took up during some steps. What libraries take counts for the first model that needs them."""

    def __init__(self) -> None:
        self._grown = 0
        self._known = True

    @property
    def grown(self) -> int | None:
        """Bytes; None where the system does not say."""
        return max(0, self._grown) if self._known else None

    @contextmanager
    def growing(self) -> Iterator[None]:
        """Count what is taken up meanwhile."""
        before = _resident()
        yield
        after = _resident()
        if before is None or after is None:
            self._known = False
        else:
            self._grown += after - before


def _resident() -> int | None:
    try:
        return int(STATM.read_text().split()[1]) * PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return None


def timed(make: Callable[[], Made]) -> tuple[Made, float]:
    """What is made, and the milliseconds that took."""
    started = time.perf_counter()
    made = make()
    return made, (time.perf_counter() - started) * 1000


def time_questions(embedder: Any, texts: Sequence[str]) -> float:
    """Median of the milliseconds that embedding a question by itself takes, over a few drawn at random, after one that warms up."""
    sample = drawn(texts, TIMED_QUESTIONS)
    embedder.embed([f"{sample[0]} "], "query")
    # Blanks at the end make a text that no memory knows.
    spent = [timed(partial(embedder.embed, [f"{text}  "], "query"))[1] for text in sample]
    return float(np.median(spent))
