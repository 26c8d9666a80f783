"""What a database's error means for a person: every one leaves the store as a StoreError that says what to do.

Upstream text is never shown: it is written for programmers, and it may quote what should stay secret.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from pipeline.errors import StoreError

ELSEWHERE = "or keep the traces elsewhere (RAGLASS_DATA_DIR, RAGLASS_DATABASE_URL)"

SQLITE_FAULTS: dict[int, str] = {
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full. Free some space; what was stored before is safe.",
    sqlite3.SQLITE_READONLY: f"can be read but not written. Allow writing to the file and to its folder, {ELSEWHERE}.",
    sqlite3.SQLITE_CANTOPEN: f"cannot be opened. Check that its folder exists and can be written, {ELSEWHERE}.",
    sqlite3.SQLITE_PERM: f"may not be opened by this user. Check the file's rights, {ELSEWHERE}.",
    sqlite3.SQLITE_AUTH: f"may not be opened by this user. Check the file's rights, {ELSEWHERE}.",
    sqlite3.SQLITE_IOERR: f"could not be read or written: the disk reported an error. Check the disk and its space, {ELSEWHERE}.",
}
"""By primary result code (https://www.sqlite.org/rescode.html). Locks and damage are worded with more detail below."""

POSTGRES_FAULTS: dict[str, str] = {
    "28": "refused the user or the password. Check both in RAGLASS_DATABASE_URL.",
    "3D": "does not exist on that server. Create it with `createdb`, or correct RAGLASS_DATABASE_URL.",
    "42501": "does not let this user do that. Grant the user the right to create and write tables in the database.",
    "0A000": "lacks the extension pg_trgm, which search needs. Install PostgreSQL's contrib package on the server.",
    "58P01": "lacks the extension pg_trgm, which search needs. Install PostgreSQL's contrib package on the server.",
    "53100": "cannot grow: the server's disk is full. Free some space there; what was stored before is safe.",
    "53": "has no room for another connection or more memory. Raise its limits, or run fewer dashboards.",
    "25006": "can be read but not written: the server is a standby. Point RAGLASS_DATABASE_URL at the primary.",
    "57": "is shutting down or restarting. Wait for the server, then try again.",
}
"""By SQLSTATE, or its class (https://www.postgresql.org/docs/current/errcodes-appendix.html); longer keys win."""


NO_SLOT = re.compile(r"too many (clients|connections)|connection slots")
"""In what a server says, in English, to whom it has no connection for: whoever is not let in is given no SQLSTATE."""

SQLITE_SCHEMA = frozenset(
    {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH}
)
"""Primary result codes of a statement that does not fit the tables."""

POSTGRES_SCHEMA = ("0A", "22", "23", "42")
"""Classes of SQLSTATE of such a statement."""


def may_be_schema(error: Exception) -> bool:
    """Whether a statement may have failed because the tables are no longer what they were. The database has answered, then."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in SQLITE_SCHEMA
    return str(getattr(cause, "sqlstate", "")).startswith(POSTGRES_SCHEMA)


def explain(error: Exception, location: str, busy_timeout_s: float) -> StoreError:
    """The StoreError that tells a person what `error`, met at `location`, means.

    location: where the store is, without any password.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        meaning = _explain_sqlite(cause, location, busy_timeout_s)
    else:
        meaning = _explain_postgres(getattr(cause, "sqlstate", None), error, busy_timeout_s)
    return StoreError(f"The trace store {location} {meaning}")


def _explain_sqlite(error: sqlite3.Error, location: str, busy_timeout_s: float) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return (
            f"stayed locked by another process for {busy_timeout_s:g} s (the busy timeout). Nothing stored is lost. "
            "Close the program that holds it (a backup, a database browser, another dashboard), then try again."
        )
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return (
            "is damaged, or no trace store at all. The file was left as it was. "
            f"Move it aside, for example `mv '{location}' '{location}.damaged'`, and start again with a new store; "
            "`sqlite3 FILE .recover` may save what is inside."
        )
    if "fts5" in str(error) or "trigram" in str(error):
        return f"needs SQLite 3.35 with FTS5; this Python has SQLite {sqlite3.sqlite_version}. Use another build of Python."
    return SQLITE_FAULTS.get(
        code, f"failed with {getattr(error, 'sqlite_errorname', type(error).__name__)}. The details are in the log."
    )


def _explain_postgres(sqlstate: str | None, error: Exception, busy_timeout_s: float) -> str:
    if sqlstate == "55P03":
        return (
            f"stayed locked for {busy_timeout_s:g} s (the busy timeout). Nothing stored is lost; try again in a moment."
        )
    if sqlstate is not None:
        for length in (5, 2):
            if sqlstate[:length] in POSTGRES_FAULTS:
                return POSTGRES_FAULTS[sqlstate[:length]]
        return f"failed with SQLSTATE {sqlstate}. The details are in the server's log."
    if NO_SLOT.search(str(error)):
        return POSTGRES_FAULTS["53"]
    if isinstance(error, DBAPIError):
        return (
            "cannot be reached, or the connection broke. Check that the server runs and that host, port, user and password "
            "in RAGLASS_DATABASE_URL are right."
        )
    return f"failed with {type(error).__name__}. The details are in the log."


@contextmanager
def explained(location: str, busy_timeout_s: float) -> Iterator[None]:
    """Turn any database error raised inside into the StoreError that explains it."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise explain(error, location, busy_timeout_s) from error
