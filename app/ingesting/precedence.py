"""Precedence: while a page is being made, what applications send gives way to it, half of the time at most, and so goes on all the same."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

WAIT_S = 0.2
"""The longest that one step gives way: a request, or the folding of a trace, each some milliseconds' work. Most pages are made by then."""

AROUND_S = 0.03
"""How long a page counts as being made already, or still: before its script runs, from the browser's message on, and until it is sent."""

_lock = threading.Lock()
_free = threading.Event()
_free.set()
_running = 0
_around_until_s = 0.0
"""Until when, by a clock that only goes on, a page is about to be made or being sent."""
_owed_until_s = 0.0
"""Until when, by that clock, nothing gives way any more: for as long as something just did."""


def expect_page() -> None:
    """Hold up what is sent for AROUND_S: a browser asked for something."""
    global _around_until_s
    _around_until_s = time.monotonic() + AROUND_S


@contextmanager
def making_page() -> Iterator[None]:
    """Hold up what is sent while the block runs, and AROUND_S more. Of several pages at once, the last one to end frees the way."""
    global _running
    with _lock:
        _running += 1
        _free.clear()
    try:
        yield
    finally:
        expect_page()
        with _lock:
            _running -= 1
            if not _running:
                _free.set()


def is_making_page() -> bool:
    """Whether a page is being made."""
    return not _free.is_set() or time.monotonic() < _around_until_s


def give_way() -> None:
    """Wait while a page is being made, for WAIT_S at most, and not again for as long. Not for whoever holds a lock that a page may need."""
    global _owed_until_s
    now_s = began_s = time.monotonic()
    if began_s < _owed_until_s:
        return
    end_s = began_s + WAIT_S
    while now_s < end_s:
        if not _free.is_set():
            _free.wait(end_s - now_s)
        elif now_s < _around_until_s:
            time.sleep(min(end_s, _around_until_s) - now_s)
        else:
            break
        now_s = time.monotonic()
    _owed_until_s = max(_owed_until_s, now_s + (now_s - began_s))
