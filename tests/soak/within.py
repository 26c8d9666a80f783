"""A dashboard that tells from within what its memory holds: `python -m tests.soak --look FILE` starts it in place of the usual one.

It costs time and memory of its own, so a soak that is measured does without.
"""

import ctypes
import gc
import json
import os
import sys
import threading
import time
import tracemalloc
from collections import Counter
from typing import Any

from tests.soak.watching import MB, PROC, read_fields

FILE, EVERY_S, FRAMES = "SOAK_LOOK", "SOAK_LOOK_EVERY_S", "SOAK_LOOK_FRAMES"
"""Variables: where to write a line of JSON at a time, how often, and how many frames of each allocation to keep (0 for none)."""

TYPES, PLACES = 60, 25
"""How many kinds of objects and places of the code are told of."""

KEPT = (
    "streamlit.runtime.",
    "plotly.graph_objs._figure",
    "app.",
    "metrics.",
    "pipeline.",
    "backends.",
    "sqlalchemy.pool",
)
"""Kinds that are all told of: what a session holds, and what is ours."""


class _Malloc(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    ]


def main() -> None:
    """Serve, and tell."""
    frames = int(os.environ.get(FRAMES, "0"))
    if frames:
        tracemalloc.start(frames)
    threading.Thread(target=_tell_on, name="look", daemon=True).start()
    from app.shell.main import main as serve

    serve()


def _tell_on() -> None:
    with open(os.environ[FILE], "a", encoding="utf-8") as file:
        while True:
            time.sleep(float(os.environ.get(EVERY_S, "30")))
            json.dump(look(), file)
            file.write("\n")
            file.flush()


def look() -> dict[str, Any]:
    """What there is now."""
    gc.collect()
    objects = gc.get_objects()
    kinds = Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in objects)
    told: dict[str, Any] = {"at_s": round(time.monotonic()), "objects": len(objects), "kinds": kinds.most_common(TYPES)}
    told |= {"kept": {kind: count for kind, count in kinds.items() if kind.startswith(KEPT)}}
    del objects
    return told | _heap() | _held() | _places()


def _heap() -> dict[str, Any]:
    """Megabytes that malloc has handed out, and that it keeps free without giving them back to the system."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        return {}
    library.mallinfo2.restype = _Malloc
    found = library.mallinfo2()
    status = read_fields(PROC / "self" / "status")
    used = (found.uordblks + found.hblkhd) / MB
    return {
        "rss_mb": status["VmRSS"] * 1024 / MB,
        "used_mb": used,
        "free_mb": found.fordblks / MB,
        "blocks": sys.getallocatedblocks(),
    }


def _held() -> dict[str, Any]:
    """What Streamlit holds."""
    from streamlit import runtime

    if not runtime.exists():
        return {}
    instance = runtime.get_instance()
    media = instance.media_file_mgr
    sessions = instance._session_mgr
    return {
        "active": sessions.num_active_sessions(),
        "sessions": len(sessions.list_sessions()),
        "media": len(media._file_metadata),
        "media_mb": sum(each.content_size for each in list(media._storage._files_by_id.values())) / MB,
        "stats": {
            stat.category_name + ":" + stat.cache_name: stat.byte_length
            for stats in instance.stats_mgr.get_stats(family_names=["cache_memory_bytes"]).values()
            for stat in stats
            if stat.byte_length > 100_000
        },
    }


def _places() -> dict[str, Any]:
    """Where in the code the most memory was allocated that is still held."""
    if not tracemalloc.is_tracing():
        return {}
    found = tracemalloc.take_snapshot().statistics("traceback")[:PLACES]
    return {"places": [(each.size, each.count, [str(frame) for frame in each.traceback][-6:]) for each in found]}
