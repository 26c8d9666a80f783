"""How long this process may still read: known in a process that reads one file, without end elsewhere.

A reader of slow things, such as pictures of text, asks, and leaves out what there is no time for: better than to be ended with all it has.
"""

import math
import time

_until = math.inf


def grant(seconds: float) -> None:
    """Say how long this process may read, from now on."""
    global _until
    _until = time.monotonic() + seconds


def seconds_left() -> float:
    """What is left of it; infinite where nothing was said."""
    return _until - time.monotonic()
