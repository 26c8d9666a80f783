"""Locks between processes: who comes second is told so, or waits for as long as it wishes."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipeline.errors import StoreError

POLL_S = 0.2
"""How long waiting sleeps between two attempts."""

LOOK_S = 0.02
"""Longer than `is_held` has a lock to look at it, in seconds."""


@contextmanager
def held_alone(path: Path, taken: Exception) -> Iterator[None]:
    """Hold the lock of a file, which is made where it is missing and stays; a process that is killed lets go of it.

    Raises `taken` while somebody else holds it, in this process or another, and StoreError where the file cannot be made.
    """
    with _lock_file(path) as lock:
        if not _take(lock):
            time.sleep(LOOK_S)
            if not _take(lock):
                raise taken
        yield


@contextmanager
def held_in_turn(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """As `held_alone`, but wait while somebody else holds it.

    on_wait: called several times a second while waiting; what it raises ends that.
    """
    with _lock_file(path) as lock:
        while not _take(lock):
            on_wait()
            time.sleep(POLL_S)
        yield


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock of a file, in this process or another; nobody does where it is missing or cannot be read."""
    try:
        with path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _lock_file(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w")
    except OSError as error:
        raise StoreError(
            f"The lock {path} cannot be made ({error.strerror}). Make room, or let its folder be written to."
        ) from error


def _take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
