"""What Raglass keeps is its owner's alone: nobody else can enter the data folder, or read the files that are made."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import StoreError

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""What group and others may do with a file."""

OURS = ("*.sqlite*", "*.json", "*.lock", "datasets", "indexes", "lab", "runs", "vectors")
"""What older versions made in the data folder, which may be a folder with other things in it."""


@contextmanager
def making_private() -> Iterator[None]:
    """Until the block is left, whatever this process makes is its owner's alone."""
    before = os.umask(OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def make_private(folder: Path) -> None:
    """Make a folder that only its owner can enter; what an older version left open in it is closed. Raises OSError.

    A folder of somebody else is left as it is.
    """
    folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    if not folder.stat().st_mode & OTHERS:
        return
    with suppress(PermissionError):
        for kept in (path for pattern in OURS for path in folder.glob(pattern)):
            _close(kept)
            for root, folders, files in os.walk(kept):
                for name in (*folders, *files):
                    _close(Path(root, name))
        _close(folder)  # the last, so that the rest is done again where this was broken off


def make_data_dir(folder: Path) -> None:
    """Make the data folder as `make_private` does. Raises StoreError, which names the setting."""
    try:
        make_private(folder)
    except OSError as error:
        raise StoreError(
            f"The data folder {folder} cannot be made ({error.strerror}). "
            "Set RAGLASS_DATA_DIR to a folder that can be written."
        ) from error


def _close(path: Path) -> None:
    with suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) & ~OTHERS)
