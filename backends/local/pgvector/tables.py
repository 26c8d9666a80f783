"""Tables of vectors: what they are called, what their comments say of them, and which of them belong to which index folder.

A table's comment says whose it is, which vectors it holds and whether they are all there: it is there and gone with the table, and needs
no catalogue of its own.
"""

import json
import uuid
from dataclasses import asdict, dataclass
from typing import Any, Literal

from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from backends.local.pgvector.connecting import Connection
from pipeline.errors import Unavailable

PREFIX = "raglass_vectors"

TYPE_LIMIT = 16_000
"""Dimensions that pgvector's `vector` can have."""

PLAIN_BYTES = 7_000
"""A row of up to so many bytes fits into a page of the table, 8,192."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a table's comment says."""

    owner: str
    """The index root that it belongs to."""
    digest: str
    """Checksum of the vectors, as in the manifest."""
    state: Literal["building", "whole"]
    """`building` until every vector and the graph are in."""
    folder: str = ""
    """The index root's path, for whoever looks after the database."""


def ensure_extension(connection: Connection, location: str) -> None:
    """Have pgvector in the database. Raises Unavailable, saying who may do what."""
    if connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'").fetchone():
        return
    if not connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'").fetchone():
        version = connection.info.server_version // 10_000
        raise Unavailable(
            f"The server of {location} lacks pgvector. Install it there: Debian's and Ubuntu's package is postgresql-{version}-pgvector; "
            "managed databases have it already. Then run `raglass index` again."
        )
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except InsufficientPrivilege as error:
        raise Unavailable(
            f"The database {location} lacks the extension pgvector, and this user may not create it. Let a superuser of the server, or a "
            "managed database's administrator, run this line in that database once: CREATE EXTENSION vector;"
        ) from error


def create_table(connection: Connection, note: Note, dimension: int) -> str:
    """A table for vectors, empty; its name."""
    if dimension > TYPE_LIMIT:
        raise Unavailable(
            f"pgvector holds vectors of up to {TYPE_LIMIT:,} dimensions, the embedder's have {dimension:,}. Use RAGLASS_INDEX=faiss."
        )
    name = f"{PREFIX}_{note.owner}_{uuid.uuid4().hex[:12]}"
    with connection.transaction():
        connection.execute(
            sql.SQL("CREATE TABLE {} (row integer NOT NULL, embedding vector({}) NOT NULL)").format(
                sql.Identifier(name), sql.Literal(dimension)
            )
        )
        if dimension * 4 < PLAIN_BYTES:
            # Out of line, each comparison would be another look-up.
            connection.execute(
                sql.SQL("ALTER TABLE {} ALTER COLUMN embedding SET STORAGE PLAIN").format(sql.Identifier(name))
            )
        write_note(connection, name, note)
    return name


def write_note(connection: Connection, table: str, note: Note) -> None:
    """Set a table's comment."""
    connection.execute(
        sql.SQL("COMMENT ON TABLE {} IS {}").format(sql.Identifier(table), sql.Literal(json.dumps(asdict(note))))
    )


def read_note(connection: Connection, table: str) -> Note | None:
    """A table's comment; None where there is no such table, or none of ours."""
    [found] = connection.execute("SELECT obj_description(to_regclass(%s), 'pg_class')", (table,)).fetchone() or [None]
    return _parse(found)


def tables_of(connection: Connection, owner: str) -> dict[str, Note]:
    """The tables that belong to an index root, with their comments."""
    found = connection.execute(
        "SELECT relname, obj_description(oid, 'pg_class') FROM pg_class "
        "WHERE relkind = 'r' AND starts_with(relname, %s) AND pg_table_is_visible(oid) ORDER BY relname",
        (f"{PREFIX}_{owner}_",),
    )
    notes = {name: _parse(comment) for name, comment in found}
    return {name: note for name, note in notes.items() if note is not None and note.owner == owner}


def drop_table(connection: Connection, table: str) -> None:
    """Remove a table, if it is there."""
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(table)))


def _parse(comment: Any) -> Note | None:
    try:
        return Note(**json.loads(comment))
    except (ValueError, TypeError):
        return None
