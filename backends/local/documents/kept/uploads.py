"""`Uploads`: files that were sent and are not read yet. They are on the disk from the start, so that no stop loses them."""

import hashlib
import re
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass

from backends.local.documents.extract import printable
from backends.local.documents.kept.library_file import LibraryFile
from backends.local.documents.types import base_name
from pipeline.errors import InputError

MOST_BYTES = 1_000_000_000
"""SQLite keeps no larger value (SQLITE_MAX_LENGTH)."""

UNREAD = ""
"""In place of the content of a file that could not be read and gave nothing before."""


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """A file that waits to be read."""

    sequence: int
    """In the order in which they were sent."""
    name: str
    """Its name, whose suffix says the format."""
    path: str
    """The source of its documents: its name, with a number where both files of a name are kept."""
    size: int
    """Bytes."""
    digest: str
    """Hash of its bytes."""


class Uploads:
    """The table of files that wait. Every method raises StoreError, with advice, if the file cannot be read or written."""

    def __init__(self, file: LibraryFile) -> None:
        self._file = file

    def put(self, name: str, content: bytes, *, keep_both: bool) -> str | None:
        """Keep a file until it is read; the path under which it waits, or None where its content is there under its name.

        keep_both: whether a file of this name and other content stays; the new one is then called "name (2)".
        Raises InputError for more than MOST_BYTES.
        """
        if len(content) > MOST_BYTES:
            raise InputError(f"{printable(name)} is too large to be sent. Give its path to `raglass index` instead.")
        name, digest = named(name), digest_of(content)
        with self._file.writing() as connection:
            known = self._of_name(connection, name)
            if digest in known.values():
                return None
            path = free_name(name, known) if keep_both else name
            connection.execute("DELETE FROM uploads WHERE path = ?", (path,))
            connection.execute(
                "INSERT INTO uploads (name, path, size, digest, sent_at, content) VALUES (?, ?, ?, ?, ?, ?)",
                (name, path, len(content), digest, time.time(), content),
            )
        return path

    def differs(self, name: str, content: bytes) -> bool:
        """Whether a file of that name is there, and none of it has this content."""
        with self._file.reading() as connection:
            known = self._of_name(connection, named(name))
        return any(each != UNREAD for each in known.values()) and digest_of(content) not in known.values()

    def gives_way(self, name: str, content: bytes) -> bool:
        """Whether `put` would replace a file that is there, be it one that could not be read, unless told to keep both."""
        with self._file.reading() as connection:
            known = self._of_name(connection, named(name))
        return named(name) in known and digest_of(content) not in known.values()

    def waiting(self) -> list[WaitingFile]:
        """The files that wait, the smallest first."""
        with self._file.reading() as connection:
            rows = connection.execute("SELECT sequence, name, path, size, digest FROM uploads ORDER BY size, sequence")
            return [WaitingFile(*row) for row in rows]

    def content(self, sequence: int) -> bytes | None:
        """A waiting file's bytes; None if it waits no longer."""
        with self._file.reading() as connection:
            row = connection.execute("SELECT content FROM uploads WHERE sequence = ?", (sequence,)).fetchone()
            return row[0] if row else None

    def done(self, sequence: int) -> bool:
        """A file waits no longer; False if it did not."""
        with self._file.writing() as connection:
            return connection.execute("DELETE FROM uploads WHERE sequence = ?", (sequence,)).rowcount > 0

    @staticmethod
    def _of_name(connection: sqlite3.Connection, name: str) -> dict[str, str | None]:
        """The content of uploaded files of a name, numbered ones too, by their path; None where it is not known, else UNREAD."""
        rows = connection.execute(
            "SELECT path, CASE WHEN problem IS NULL THEN content "
            "WHEN EXISTS (SELECT 1 FROM documents WHERE documents.file = files.path) THEN NULL ELSE ? END "
            "FROM files WHERE root IS NULL AND instr(path, ?) = 1 "
            "UNION ALL SELECT path, digest FROM uploads WHERE instr(path, ?) = 1",
            (UNREAD, name, name),
        )
        own = re.compile(rf"{re.escape(name)}(?: \(\d+\))?")
        return {path: content for path, content in rows if own.fullmatch(path)}


def named(name: str) -> str:
    """A file's name as it is kept: without folders, on one line."""
    return printable(base_name(name)) or "the file"


def digest_of(content: bytes) -> str:
    """Hash of a file's bytes."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def free_name(name: str, taken: Mapping[str, str | None]) -> str:
    """The name, with the first number that makes it a new one."""
    if name not in taken:
        return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"
