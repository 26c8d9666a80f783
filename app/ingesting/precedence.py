"""Precedence: while a page is being made, what applications send gives way to it, a little at each step, and so goes on all the same."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

WAIT_S = 0.05
"""The longest that one step gives way: a request, or the folding of a trace, each some milliseconds' work."""

_lock = threading.Lock()
_free = threading.Event()
_free.set()
_running = 0


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
    """Wait while a page is being made, for WAIT_S at most. Not for whoever holds a lock that a page may need."""
    _free.wait(WAIT_S)
