"""What Raglass runs on: processor cores, memory, and room where it keeps its data."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from app.kit.numbers import count, size
from backends.local.processor import usable_cores
from pipeline.types import PartReadiness

MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""Where Linux says how many bytes a container may hold, or "max"."""


def machine_part(folder: Path) -> PartReadiness:
    """The machine in words; what cannot be found out is left out. folder: of the data."""
    told = [count(usable_cores(), "processor core"), *_memory_words(), *_room_words(folder)]
    return PartReadiness("machine", True, ", ".join(told))


def _memory_words() -> Iterator[str]:
    try:
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return
    limit = _memory_limit()
    within = "" if limit is None or limit >= whole else f", of which this container may have {size(limit)}"
    yield f"{size(whole)} of memory{within}"


def _memory_limit() -> int | None:
    try:
        return int(MEMORY_LIMIT.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _room_words(folder: Path) -> Iterator[str]:
    try:
        yield f"{size(shutil.disk_usage(folder).free)} free for data"
    except OSError:
        return
