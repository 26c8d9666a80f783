"""Locks between processes. Refuses to wait: who comes second is told so."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import StoreError


@contextmanager
def held_alone(path: Path, taken: Exception) -> Iterator[None]:
    """Hold the lock of a file, which is made where it is missing and stays; a process that is killed lets go of it.

    Raises `taken` while somebody else holds it, in this process or another, and StoreError where the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    except OSError as error:
        raise StoreError(
            f"The lock {path} cannot be made ({error.strerror}). Make room, or let its folder be written to."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise taken from error
        yield
