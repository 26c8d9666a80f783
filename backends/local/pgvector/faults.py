"""What an error of PostgreSQL means for who asks or builds an index there; upstream text is never shown raw."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from pipeline.errors import BackendError, DimensionMismatch, StageFailed, Timeout, Unavailable

REBUILD = "Run `raglass index`, which builds it anew; no document is lost by it."

SETTING = "RAGLASS_INDEX_URL, or RAGLASS_DATABASE_URL where that is empty"

GRANT = "Let its owner run: GRANT CREATE, USAGE ON SCHEMA public TO the user."

REFUSED: dict[str, str] = {
    "28": f"refused the user or the password. Check both in {SETTING}.",
    "3D": f"has no such database. Create it with `createdb`, or correct {SETTING}.",
    "42501": f"does not let this user do that. {GRANT}",
    "3F": f"has no schema that this user may use. {GRANT}",
    "53100": "cannot grow: the server's disk is full. Free some space there.",
    "53": "has no room for another connection or more memory. Raise its limits, or run fewer dashboards.",
    "25006": f"can be read but not written: the server is a standby. Name the primary in {SETTING}.",
    "57": "is shutting down or restarting. Ask again when it runs.",
}
"""By SQLSTATE, or its class (https://www.postgresql.org/docs/current/errcodes-appendix.html); longer keys win."""

TOO_LATE = "57014"
"""A statement was cancelled: `statement_timeout`, which is what is left of a question's deadline."""


def explain(error: psycopg.Error, location: str, stage: str | None = None) -> BackendError:
    """The error that tells a person what `error` means. location: the database, without user and password."""
    where, state = f"The index's database {location}", error.sqlstate or ""
    if state == TOO_LATE:
        return too_late(location, stage)
    if isinstance(error, psycopg.errors.UndefinedTable):
        return Unavailable(f"{where} no longer holds this index's vectors. {REBUILD}", stage=stage)
    if isinstance(error, psycopg.errors.UndefinedObject | psycopg.errors.UndefinedFunction):
        return Unavailable(f"{where} has lost the extension pgvector. {REBUILD}", stage=stage)
    if isinstance(error, psycopg.errors.DataException) and "dimension" in str(error):
        return DimensionMismatch(f"{where} holds vectors of another dimension. {REBUILD}", stage=stage)
    for length in (5, 2):
        if state[:length] in REFUSED:
            return Unavailable(f"{where} {REFUSED[state[:length]]}", stage=stage)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) or not state:
        return Unavailable(
            f"{where} cannot be reached, or the connection broke. Check that the server runs, and {SETTING}.",
            stage=stage,
        )
    return StageFailed(f"{where} failed with SQLSTATE {state or type(error).__name__}. Its log says more.", stage=stage)


def too_late(location: str, stage: str | None) -> Timeout:
    """What a person is told of a database that took longer than there was time."""
    return Timeout(
        f"The index's database {location} did not answer within the question's deadline. Raise it (RAGLASS_DEADLINE_S), or see what the "
        "server is busy with.",
        stage=stage,
    )


def is_lost(error: psycopg.Error) -> bool:
    """Whether an error says that the connection is gone, also by bytes that are no PostgreSQL's, and nothing of what was asked."""
    return error.sqlstate is None or error.sqlstate.startswith("57P")


@contextmanager
def explained(location: str, stage: str | None = None) -> Iterator[None]:
    """Turn what psycopg raises inside into the error that explains it."""
    try:
        yield
    except psycopg.Error as error:
        raise explain(error, location, stage) from error
