"""Which files of a folder can become documents."""

import os
from dataclasses import dataclass
from pathlib import Path

from backends.local.documents.extract import printable
from backends.local.documents.formats import SUFFIXES
from pipeline.errors import InputError


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """What a path holds."""

    files: tuple[Path, ...]
    """Files to read, sorted."""
    hidden: int = 0
    """Files and folders left out because their name begins with a dot."""
    unknown: int = 0
    """Files left out because Raglass does not read their format, and things that are no files."""
    unreadable: int = 0
    """Folders that may not be listed."""


def find_files(path: Path) -> FoundFiles:
    """The files to read at a path: the file itself whatever its name, or all of a folder and the folders in it.

    Links to folders are not followed, so no loop is possible.
    Raises InputError if there is nothing at the path, it is neither file nor folder, or the folder may not be listed.
    """
    shown = printable(str(path))
    try:
        if path.is_file():
            return FoundFiles((path,))
        if path.is_dir():
            return _walk(path)
        exists = path.exists()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no path"
        raise InputError(f"{shown} cannot be listed: {why}. Check the path and that you may read it.") from error
    if exists:
        raise InputError(f"{shown} is neither a file nor a folder. Name a file, or a folder with files.")
    raise InputError(f"{shown} does not exist. Check the path; it is looked for from the folder you are in.")


def _walk(folder: Path) -> FoundFiles:
    files: list[Path] = []
    hidden = unknown = 0
    failures: list[OSError] = []
    os.scandir(folder).close()  # Raises for the folder itself, where os.walk would find nothing and say nothing.
    for root, folders, names in os.walk(folder, onerror=failures.append):
        hidden += sum(name.startswith(".") for name in (*folders, *names))
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.startswith("."):
                continue
            path = Path(root, name)
            if path.suffix.lower() in SUFFIXES and path.is_file():
                files.append(path)
            else:
                unknown += 1
    return FoundFiles(tuple(sorted(files, key=lambda file: file.parts)), hidden, unknown, len(failures))
