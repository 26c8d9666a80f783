"""Which files of a folder can become documents, and why the others do not."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from backends.local.documents.extract import printable
from backends.local.documents.formats import format_of
from pipeline.errors import InputError

Reason = Literal[
    "hidden",
    "unknown kind",
    "no file",
    "link to a folder",
    "link out of the folder",
    "source of a page",
    "left out",
    "locked",
    "removed",
]

REASONS: dict[Reason, str] = {
    "hidden": "its name begins with a dot",
    "unknown kind": "of a kind that is not read",
    "no file": "neither a file nor a folder, or a link to nothing",
    "link to a folder": "a link to a folder",
    "link out of the folder": "a link that leads out of the folder",
    "source of a page": "the source of a page that is read",
    "left out": "left out by --include or --exclude",
    "locked": "a folder that may not be listed",
    "removed": "removed from the corpus; name the file itself to have it back",
}
"""Why a file is passed over, in words."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file, or a whole folder, that is not read."""

    path: Path
    """Which."""
    reason: Reason
    """Why."""


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """What a path holds."""

    files: tuple[Path, ...]
    """Files to read, sorted."""
    passed_over: tuple[PassedOver, ...] = ()
    """What is left out, sorted; of a hidden folder only the folder."""


def find_files(path: Path, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> FoundFiles:
    """The files to read at a path: the file itself whatever its name, or all of a folder and the folders in it.

    include, exclude: patterns as `matches` takes them, for a folder. Links to folders are not followed, so no loop is possible, nor
    are links to files outside the folder.
    Raises InputError if there is nothing at the path, it is neither file nor folder, or the folder may not be listed.
    """
    shown = printable(str(path))
    try:
        if path.is_file():
            return FoundFiles((path,))
        if path.is_dir():
            return _walk(path, include, exclude)
        exists = path.exists()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no path"
        raise InputError(f"{shown} cannot be listed: {why}. Check the path and that you may read it.") from error
    if exists:
        raise InputError(f"{shown} is neither a file nor a folder. Name a file, or a folder with files.")
    raise InputError(f"{shown} does not exist. Check the path; it is looked for from the folder you are in.")


def matches(relative: Path, pattern: str) -> bool:
    """Whether a file's path, from its source's folder, is meant by a pattern, in any case.

    A pattern without a slash is compared with every name on the path, one with a slash with the whole path or a folder on it.
    `*` is anything, slashes too; `?` and `[…]` are as in a shell.
    """
    if "/" not in pattern.rstrip("/"):
        return any(fnmatch(part.lower(), pattern.rstrip("/").lower()) for part in relative.parts)
    wanted = pattern.strip("/").lower().replace("**/", "*")
    whole = relative.as_posix().lower()
    return fnmatch(whole, wanted) or fnmatch(whole, f"{wanted}/*")


def _walk(folder: Path, include: Sequence[str], exclude: Sequence[str]) -> FoundFiles:
    files: list[Path] = []
    passed: list[PassedOver] = []
    inside = folder.resolve()
    os.scandir(folder).close()  # Raises for the folder itself, where os.walk would find nothing and say nothing.

    def locked(error: OSError) -> None:
        passed.append(PassedOver(Path(error.filename), "locked"))

    for root, folders, names in os.walk(folder, onerror=locked):
        hidden = [name for name in (*folders, *names) if name.startswith(".")]
        passed += [PassedOver(Path(root, name), "hidden") for name in hidden]
        folders[:] = [name for name in folders if not name.startswith(".")]
        passed += [
            PassedOver(Path(root, name), "link to a folder") for name in folders if Path(root, name).is_symlink()
        ]
        for name in names:
            if name.startswith("."):
                continue
            path = Path(root, name)
            reason = _reason(path, path.relative_to(folder), inside, include, exclude)
            if reason is None:
                files.append(path)
            else:
                passed.append(PassedOver(path, reason))
    known = set(files)
    copies = {path for path in files if _is_copy(path, known)}
    passed += [PassedOver(path, "source of a page") for path in copies]
    return FoundFiles(
        tuple(sorted(known - copies, key=lambda file: file.parts)),
        tuple(sorted(passed, key=lambda each: each.path.parts)),
    )


def _reason(path: Path, relative: Path, inside: Path, include: Sequence[str], exclude: Sequence[str]) -> Reason | None:
    """Why a file is passed over; None for one to read."""
    if format_of(path.name) is None:
        return "unknown kind"
    if not path.is_file():
        return "no file"
    if path.is_symlink() and not path.resolve().is_relative_to(inside):
        return "link out of the folder"
    if include and not any(matches(relative, pattern) for pattern in include):
        return "left out"
    return "left out" if any(matches(relative, pattern) for pattern in exclude) else None


def _is_copy(path: Path, known: set[Path]) -> bool:
    """Whether a page was made of it: Sphinx puts `_sources/guide.rst.txt` beside `guide.html` or `guide/index.html`."""
    if "_sources" not in path.parts:
        return False
    at = len(path.parts) - 1 - path.parts[::-1].index("_sources")
    below = Path(*path.parts[:at], *path.parts[at + 1 :])
    stem = below.name.removesuffix(".txt").rpartition(".")[0]
    pages = (below.with_name(f"{stem}.html"), below.with_name(f"{stem}.htm"), below.parent / stem / "index.html")
    return any(page in known for page in pages)
