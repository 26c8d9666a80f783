"""What Python and the C library are told about memory."""

import gc
import os
import subprocess
import sys

import pytest

from app.server import memory
from app.server.memory import settle, share_heaps

HEAPS = """
import ctypes, re, threading
{before}
held = []
gate = threading.Barrier(9)
def work():
    held.append([ctypes.create_string_buffer(50_000) for _ in range(40)])
    gate.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for each in threads: each.start()
gate.wait()
library = ctypes.CDLL(None)
getattr(library, "malloc_stats", lambda: None)()
"""
"""Eight threads that hold memory, and what glibc says of its heaps, on standard error."""


def heaps_of(before: str) -> int:
    environ = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    told = subprocess.run(
        [sys.executable, "-c", HEAPS.format(before=before)], env=environ, capture_output=True, text=True, check=True
    )
    return told.stderr.count("Arena ")


@pytest.mark.slow
def test_threads_share_a_few_heaps() -> None:
    usual = heaps_of("")
    assert usual == 0 or usual > memory.ARENAS  # 0: another C library
    assert heaps_of("from app.server.memory import settle, share_heaps; share_heaps()") <= memory.ARENAS


def test_who_runs_it_may_say_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "8")
    assert not share_heaps()


def test_another_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    assert not share_heaps()


@pytest.mark.slow
def test_what_stays_is_not_looked_through_again() -> None:
    before = gc.get_freeze_count()
    kept = [[] for _ in range(100)]  # type: ignore[var-annotated]
    settle()
    try:
        assert gc.get_freeze_count() >= before + len(kept)
    finally:
        gc.unfreeze()
        gc.freeze()
