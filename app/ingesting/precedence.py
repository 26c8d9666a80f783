"""Precedence: while a page is being made, what applications send gives way to it, half of the time at most, and so goes on all the same."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

WAIT_S = 0.2
"""The longest that one step gives way: a request, or the folding of a trace, each some milliseconds' work. Most pages are made by then."""

_lock = threading.Lock()
_free = threading.Event()
_free.set()
_running = 0
_owed_until_s = 0.0
"""Until when, by a clock that only goes on, nothing gives way any more: for as long as something just did."""


@contextmanager
def making_page() -> Iterator[None]:
    """Hold up what is sent while the block runs. Of several pages at once, the last one to end frees the way."""
    global _running
    with _lock:
        _running += 1
        _free.clear()
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if not _running:
                _free.set()


def is_making_page() -> bool:
    """Whether a page is being made."""
    return not _free.is_set()


def give_way() -> None:
    """Wait while a page is being made, for WAIT_S at most, and not again for as long. Not for whoever holds a lock that a page may need."""
    global _owed_until_s
    began_s = time.monotonic()
    if _free.is_set() or began_s < _owed_until_s:
        return
    _free.wait(WAIT_S)
    ended_s = time.monotonic()
    _owed_until_s = max(_owed_until_s, ended_s + (ended_s - began_s))
