"""Files that are there whole or as they were before, whenever the process ends and however full the disk is."""

import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file. content: a text is written as UTF-8.

    Raises OSError: what was there is as it was then, and nothing half-written is left. A link, a pipe or a device is written to as it is.
    """
    data = content.encode() if isinstance(content, str) else content
    if path.is_symlink() or (path.exists() and not path.is_file()):
        path.write_bytes(data)
        return
    fresh = path.with_name(f".{uuid.uuid4().hex}.new")
    try:
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, fresh)
        os.replace(fresh, path)
    except BaseException:
        with suppress(OSError):
            fresh.unlink()
        raise
