"""Files that several processes write: the write-ahead log, checksums, what a failed write means; upstream text is never shown raw."""

import errno
import hashlib
import sqlite3
import time
from pathlib import Path

FULL = ("no space left", "disk is full", "disk full", "disk quota")

TAKEN = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
"""Primary result codes of a file that another process writes."""


def why(error: Exception) -> str:
    """A short reason for a person: full disk, no permission, locked, or the operating system's own words.

    SQLite reports a full disk as an I/O error where it cannot even make its journal, hence the careful wording.
    """
    text = str(error).lower()
    if any(words in text for words in FULL) or (isinstance(error, OSError) and error.errno == errno.ENOSPC):
        return "the disk is full"
    if isinstance(error, sqlite3.Error):
        if "locked" in text:
            return "another process holds it locked"
        if "readonly" in text or "read-only" in text:
            return "it can only be read"
        if "not a database" in text or "malformed" in text:
            return "it is damaged"
        return (
            "the disk is full or does not answer" if "i/o" in text or "unable to open" in text else type(error).__name__
        )
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__


def switch_to_wal(connection: sqlite3.Connection, wait_s: float) -> None:
    """Let readers and a writer work at the same time. Raises sqlite3.OperationalError after `wait_s` seconds, and at once where the file
    cannot be written.

    SQLite gives up at once, whatever the connection's own timeout, when two processes switch a new file at the same time.
    """
    until = time.monotonic() + wait_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in TAKEN or time.monotonic() > until:
                raise
            time.sleep(0.02)


def checksum(path: Path) -> str:
    """blake2b of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
