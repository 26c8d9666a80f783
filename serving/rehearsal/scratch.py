"""The folder of one rehearsal: removed at its end, and by the next one if the driver was killed before it could."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PREFIX = "raglass-rehearsal-"
MARK = "in-use"
"""A file that the driver holds a lock on for as long as it lives, however it ends."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for as long as the block runs, among the system's temporary ones."""
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with _held(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove folders whose drivers are gone."""
    for mark in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{MARK}"):
        try:
            with mark.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # In use, another user's, or gone meanwhile.
            continue
        shutil.rmtree(mark.parent, ignore_errors=True)


@contextmanager
def _held(folder: Path) -> Iterator[IO[bytes]]:
    """Locked before it bears its name, so that nobody finds it unlocked while its driver lives."""
    nameless = folder / f"{MARK}.new"
    with nameless.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        nameless.rename(folder / MARK)
        yield file
