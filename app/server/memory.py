"""How the C library holds memory for a server of many threads."""

import ctypes
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
