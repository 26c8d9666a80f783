"""Where documents come from: the folders and files that are followed, and what is known of each file that was read.

A source is a folder or a file that was named once and is looked at again. A file is known by its path, an uploaded one by its name.
"""

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backends.local.documents.kept.library_file import LibraryFile


@dataclass(frozen=True, slots=True)
class Source:
    """A folder or file that is followed."""

    root: str
    """Its path, resolved."""
    included: tuple[str, ...] = ()
    """Patterns of which a file must match one; empty for all files."""
    excluded: tuple[str, ...] = ()
    """Patterns of which a file must match none."""
    device: int | None = None
    """The file system that it was on when it was last read: an empty folder on another one is a disk that is not there."""
    read_at: float | None = None
    """When it was last read, seconds since the Unix epoch; None if it never was to its end."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What is known of a file, to notice that it changed."""

    path: str
    """Its path, or the name of an uploaded one: the beginning of its documents' source."""
    root: str | None = None
    """The source that it belongs to; None for an uploaded one."""
    size: int | None = None
    """Bytes; None where that was never noted."""
    modified_ns: int | None = None
    """When the file was changed, nanoseconds since the Unix epoch; None for an uploaded one."""
    content: str | None = None
    """Hash of its bytes."""
    reader: str = ""
    """Which readers read it: others may find more in it."""
    read_at: float = 0.0
    """When it was read, seconds since the Unix epoch."""
    problem: str | None = None
    """Why it could not be read; documents that it gave before are kept."""
    removed: bool = False
    """Whether a person removed its documents: it is not read again unless it is named itself."""


COLUMNS = "path, root, size, modified_ns, content, reader, read_at, problem, removed"


class Sources:
    """The tables of sources and files. Every method raises StoreError, with advice, if the file cannot be read or written."""

    def __init__(self, file: LibraryFile) -> None:
        self._file = file

    def all(self) -> list[Source]:
        """Every source, by its path."""
        with self._file.reading() as connection:
            rows = connection.execute("SELECT root, included, excluded, device, read_at FROM sources ORDER BY root")
            return [
                Source(root, tuple(json.loads(inside)), tuple(json.loads(outside)), *rest)
                for root, inside, outside, *rest in rows
            ]

    def get(self, root: str) -> Source | None:
        """The source of that path, if there is one."""
        return next((source for source in self.all() if source.root == root), None)

    def put(self, source: Source) -> None:
        """Keep a source, in the place of what was known of it."""
        with self._file.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?)",
                (
                    source.root,
                    json.dumps(source.included),
                    json.dumps(source.excluded),
                    source.device,
                    source.read_at,
                ),
            )

    def remove(self, root: str) -> int:
        """Forget a source, its files and their documents; how many documents that were."""
        with self._file.writing() as connection:
            removed = connection.execute(
                "DELETE FROM documents WHERE file IN (SELECT path FROM files WHERE root = ?)", (root,)
            ).rowcount
            connection.execute("DELETE FROM files WHERE root = ?", (root,))
            connection.execute("DELETE FROM sources WHERE root = ?", (root,))
            return removed

    def drop_if_empty(self, root: str) -> bool:
        """Forget a source that no file belongs to; whether it was so."""
        with self._file.writing() as connection:
            return (
                connection.execute(
                    "DELETE FROM sources WHERE root = ? AND NOT EXISTS (SELECT 1 FROM files WHERE root = ?)",
                    (root, root),
                ).rowcount
                > 0
            )

    def counts(self) -> dict[str, tuple[int, int]]:
        """Of each source, by its path, how many files and documents it gave."""
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT root, count(DISTINCT path), count(document_id) FROM files LEFT JOIN documents ON file = path "
                "WHERE root IS NOT NULL AND removed = 0 GROUP BY root"
            )
            return {root: (files, documents) for root, files, documents in rows}

    def files(self) -> dict[str, KnownFile]:
        """Every file that is known, by its path."""
        with self._file.reading() as connection:
            return {row[0]: _known(row) for row in connection.execute(f"SELECT {COLUMNS} FROM files")}

    def file(self, path: str) -> KnownFile | None:
        """What is known of a file, if anything is."""
        with self._file.reading() as connection:
            row = connection.execute(f"SELECT {COLUMNS} FROM files WHERE path = ?", (path,)).fetchone()
            return _known(row) if row else None

    def files_in(self, folder: str) -> list[str]:
        """The paths of the files that a folder gave, those that a person removed left out."""
        start = f"{folder.rstrip('/')}/"
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT path FROM files WHERE root IS NOT NULL AND removed = 0 AND substr(path, 1, ?) = ? ORDER BY path",
                (len(start), start),
            )
            return [row[0] for row in rows]

    def note(self, files: Sequence[KnownFile]) -> None:
        """Keep what is known of files; their documents stay as they are."""
        with self._file.writing() as connection:
            for file in files:
                write_file(connection, file)

    def failed(self, limit: int) -> list[KnownFile]:
        """The first files that could not be read, the last tried first."""
        with self._file.reading() as connection:
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM files WHERE problem IS NOT NULL ORDER BY read_at DESC, path LIMIT ?", (limit,)
            )
            return [_known(row) for row in rows]

    def count_failed(self) -> int:
        """How many files could not be read."""
        with self._file.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM files WHERE problem IS NOT NULL").fetchone()[0])

    def forget(self, path: str, *, removed: bool = False) -> int:
        """Forget a file and its documents; how many documents that were.

        removed: a person wishes so: a file of a source is noted, lest it comes back when the source is next followed.
        """
        with self._file.writing() as connection:
            documents = connection.execute("DELETE FROM documents WHERE file = ?", (path,)).rowcount
            if removed:
                connection.execute("UPDATE files SET removed = 1, problem = NULL WHERE path = ?", (path,))
            connection.execute("DELETE FROM files WHERE path = ? AND (root IS NULL OR NOT ?)", (path, removed))
            return documents

    def measured(self, name: str) -> float | None:
        """A figure that was measured on this machine, if it was."""
        with self._file.reading() as connection:
            row = connection.execute("SELECT value FROM measures WHERE name = ?", (name,)).fetchone()
            return float(row[0]) if row else None

    def measure(self, name: str, value: float) -> None:
        """Keep a figure that was measured on this machine."""
        with self._file.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO measures VALUES (?, ?)", (name, value))


def write_file(connection: sqlite3.Connection, file: KnownFile) -> None:
    """Keep what is known of a file, within a transaction."""
    connection.execute(
        f"INSERT OR REPLACE INTO files ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            file.path,
            file.root,
            file.size,
            file.modified_ns,
            file.content,
            file.reader,
            file.read_at or time.time(),
            file.problem,
            file.removed,
        ),
    )


def _known(row: Sequence[Any]) -> KnownFile:
    return replace(KnownFile(*row), removed=bool(row[-1]))


def path_key(path: Path) -> str:
    """A path as it is stored: undecodable bytes as numbers."""
    return str(path).encode("utf-8", "xmlcharrefreplace").decode()
