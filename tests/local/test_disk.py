"""A failed write is explained in words that a person can act on."""

import errno
import sqlite3

import pytest

from backends.local.disk import why


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (RuntimeError("Error in write_index: No space left on device (fd 3)"), "the disk is full"),
        (sqlite3.OperationalError("database or disk is full"), "the disk is full"),
        (sqlite3.OperationalError("disk I/O error"), "the disk is full or does not answer"),
        (sqlite3.OperationalError("database is locked"), "another process holds it locked"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "it can only be read"),
        (sqlite3.DatabaseError("file is not a database"), "it is damaged"),
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
        (RuntimeError("Error in void faiss::secret()"), "RuntimeError"),
    ],
)
def test_a_failed_write_has_a_reason_in_words(error, words):
    assert why(error) == words
