"""Files as they lie on a disk, opened so that reading them comes to an end; and what keeps them from being read, in words."""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from pathlib import Path

from pipeline.errors import InputError

NO_FILES = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
"""What may stand at a path in place of a file."""


@contextmanager
def opened(name: str, path: Path, *, max_bytes: int) -> Iterator[BufferedReader]:
    """A file, open to be read; it may grow meanwhile.

    Raises InputError, naming it by `name`, where there is none or it is too large; and for a pipe, a socket or a device, from which
    reading might never end.
    """
    with ExitStack() as stack:
        try:
            # Before a device is opened, which may do something, and a pipe, which would wait for a writer.
            _insist_on_file(name, path.stat().st_mode)
            file = stack.enter_context(open(path, "rb", opener=_open_at_once))
            found = os.fstat(file.fileno())
        except (OSError, ValueError) as error:
            raise InputError(cannot_be_read(name, error)) from error
        _insist_on_file(name, found.st_mode)
        if found.st_size > max_bytes:
            raise InputError(too_long(name, found.st_size, max_bytes))
        yield file


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _insist_on_file(name: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        what = next((words for matches, words in NO_FILES if matches(mode)), "something else")
        raise InputError(f"{name} cannot be read: it is {what}, not a file. Copy what is to be read into a file.")


def cannot_be_read(name: str, error: Exception) -> str:
    """Why a file could not be opened or read, in words."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else "not a readable file"
    return f"{name} cannot be read: {why}. Check the path and that you may read it."


def too_long(name: str, size: int, max_bytes: int) -> str:
    """That a file is larger than may be read, in words."""
    return (
        f"{name} has {_megabytes(size)}; files up to {_megabytes(max_bytes)} are read. "
        "Split it, or raise the limit with RAGLASS_MAX_FILE_MB."
    )


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB" if size >= 100_000 else f"{size:,} bytes"
