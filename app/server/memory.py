"""How Python and the C library hold memory for a server of many threads and tabs."""

import ctypes
import gc
import os
import sys

ARENAS = 2
"""Heaps that threads share. Each page is drawn in a thread of its own, and glibc would make eight heaps a processor for them, of each of
which a part stays torn and unused for good."""

M_ARENA_MAX = -8
"""glibc's number of that option (malloc.h)."""


def share_heaps() -> bool:
    """Have all threads share a few heaps; whether the C library does. MALLOC_ARENA_MAX, where it is set, is left to say how many."""
    if "MALLOC_ARENA_MAX" in os.environ:
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    return mallopt is not None and bool(mallopt(M_ARENA_MAX, ARENAS))


def settle() -> None:
    """Take all that the process holds now for what it holds until its end: no later look for what nothing reaches goes through it."""
    gc.collect()
    gc.freeze()
