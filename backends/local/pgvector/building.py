"""Building an index in PostgreSQL: copy the vectors, make the graph, measure it. What was copied before a stop is not copied again."""

import logging
import struct
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import psycopg
from psycopg import sql

from backends.local.faiss_index import EXACT_BELOW
from backends.local.holding import FloatArray, IntArray, OnHeld
from backends.local.kept_vectors import KeptVectors
from backends.local.pgvector.connecting import Connection, VectorDatabase
from backends.local.pgvector.index import FLOAT_GRAPH, HALF_GRAPH, MOST_EFFORT, PgvectorIndex
from backends.local.pgvector.tables import Note, create_table, drop_table, ensure_extension, tables_of, write_note
from backends.local.tuning import RECALL_K, Tuning, draw_sample, least_effort

log = logging.getLogger(__name__)

M = 16
"""Neighbours of a vector in each layer of the graph; twice as many in the lowest, where FAISS's HNSW32 has 64."""

EF_CONSTRUCTION = 128
"""How hard the graph looks for neighbours as it is built."""

EF_SEARCH_CHOICES = (32, 64, 96, 128, 192, 256, 384, 512, 768, MOST_EFFORT)

COPY_BATCH = 5_000
"""Vectors copied in one transaction."""

POLL_S = 0.25
"""Seconds between two looks at how far a graph is."""

GRAPH_MB = 1_024
"""The most memory that building a graph asks the server for, in megabytes; one that needs more is built on disk, much more slowly."""

NODE_BYTES = 700
"""What a vector takes in a graph that is being built, beside its numbers."""

START = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
END = struct.pack(">h", -1)
"""How a binary COPY begins and ends (https://www.postgresql.org/docs/current/sql-copy.html)."""


def build_table(
    database: VectorDatabase,
    kept: KeptVectors,
    note: Note,
    on_held: OnHeld,
    *,
    exact_below: int = EXACT_BELOW,
) -> PgvectorIndex:
    """A table with these vectors, whole; exact where there are few, else with a graph whose recall is measured.

    note: whose it is, and the vectors' digest. A table that an earlier build left half-made is gone on with, if it is of the same vectors.
    Raises BackendError.
    """
    with database.connected() as connection:
        ensure_extension(connection, database.location)
        table, done = _begun(connection, note, kept)
        _copy(connection, table, kept, done, on_held)
        tuning = None
        if kept.size >= exact_below and kept.dimension <= HALF_GRAPH:
            _make_graph(database, connection, table, kept, on_held)
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))
        if kept.size >= exact_below and kept.dimension <= HALF_GRAPH:
            tuning = _measure(PgvectorIndex(database, table, note.digest, kept, None), kept)
        elif kept.size >= exact_below:
            log.warning("pgvector makes no graph of %s dimensions, so the search is exact, and slower", kept.dimension)
        write_note(connection, table, Note(note.owner, note.digest, "whole", note.folder))
    return PgvectorIndex(database, table, note.digest, kept, tuning)


def _begun(connection: Connection, note: Note, kept: KeptVectors) -> tuple[str, int]:
    """(a table to go on with, vectors that are in it); those of builds that nobody goes on with are dropped."""
    found: tuple[str, int] | None = None
    for table, other in tables_of(connection, note.owner).items():
        if other.state == "whole":
            continue
        if other.digest == note.digest and found is None:
            counted = sql.SQL("SELECT count(*), coalesce(max(row) + 1, 0) FROM {}").format(sql.Identifier(table))
            [(rows, following)] = connection.execute(counted).fetchall()
            if rows == following <= kept.size:
                found = table, int(rows)
                continue
        drop_table(connection, table)
    return found or (create_table(connection, note, kept.dimension), 0)


def _copy(connection: Connection, table: str, kept: KeptVectors, done: int, on_held: OnHeld) -> None:
    """Copy the vectors from row `done` on, batch by batch."""
    statement = sql.SQL("COPY {} (row, embedding) FROM STDIN (FORMAT BINARY)").format(sql.Identifier(table))
    on_held("send", done)
    for start in range(done, kept.size, COPY_BATCH):
        block = kept.rows(start, start + COPY_BATCH)
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(encode_rows(block, start))
        on_held("send", start + len(block))


def encode_rows(vectors: FloatArray, first: int) -> bytes:
    """Rows of (number, vector) as a binary COPY takes them; pgvector's own form of a vector is its length, two zero bytes, its numbers."""
    dimension = vectors.shape[1]
    layout = np.dtype(
        [
            *(
                ("fields", ">i2"),
                ("row_bytes", ">i4"),
                ("row", ">i4"),
                ("bytes", ">i4"),
                ("size", ">i2"),
                ("unused", ">i2"),
            ),
            ("numbers", ">f4", (dimension,)),
        ]
    )
    rows = np.zeros(len(vectors), layout)
    rows["fields"], rows["row_bytes"], rows["bytes"], rows["size"] = 2, 4, 4 + 4 * dimension, dimension
    rows["row"] = np.arange(first, first + len(vectors))
    rows["numbers"] = vectors
    return START + rows.tobytes() + END


def _make_graph(
    database: VectorDatabase, connection: Connection, table: str, kept: KeptVectors, on_held: OnHeld
) -> None:
    """Make the graph, telling how far it is; cancelled on the server where `on_held` stops it."""
    needed_mb = kept.size * (kept.dimension * 4 + NODE_BYTES) // 1_000_000 + 64
    connection.execute("SELECT set_config('maintenance_work_mem', %s, false)", (f"{min(needed_mb, GRAPH_MB)}MB",))
    form = "vector_ip_ops" if kept.dimension <= FLOAT_GRAPH else "halfvec_ip_ops"
    what = "embedding" if kept.dimension <= FLOAT_GRAPH else f"(embedding::halfvec({kept.dimension}))"
    statement = sql.SQL(
        "CREATE INDEX IF NOT EXISTS {} ON {} USING hnsw ({} {}) WITH (m = {}, ef_construction = {})"
    ).format(
        sql.Identifier(f"{table}_graph"),
        sql.Identifier(table),
        sql.SQL(what),
        sql.SQL(form),
        sql.Literal(M),
        sql.Literal(EF_CONSTRUCTION),
    )
    try:
        _watched(database, connection, statement, kept.size, on_held)
    except psycopg.errors.DiskFull:
        # Several workers share memory, of which a container may have next to none; one alone needs none.
        connection.execute("SET max_parallel_maintenance_workers = 0")
        _watched(database, connection, statement, kept.size, on_held)
    on_held("index", kept.size)


def _watched(
    database: VectorDatabase, connection: Connection, statement: sql.Composed, size: int, on_held: OnHeld
) -> None:
    asking = "SELECT tuples_done FROM pg_stat_progress_create_index WHERE pid = %s"
    with database.connected() as other, ThreadPoolExecutor(1, thread_name_prefix="graph") as pool:
        making = pool.submit(connection.execute, statement)
        try:
            while not wait([making], timeout=POLL_S).done:
                found = other.execute(asking, (connection.info.backend_pid,)).fetchone()
                on_held("index", min(int(found[0]), size) if found else 0)
        except BaseException:
            connection.cancel_safe()
            raise
        making.result()


def _measure(index: PgvectorIndex, kept: KeptVectors) -> Tuning:
    """The least effort that finds enough of a sample's exact neighbours; the most there is, with what that finds, where none does."""
    questions, exact_ids = draw_sample(kept.rows(0, kept.size))

    def search(effort: int) -> IntArray:
        return index.search_with(questions, RECALL_K, effort)[1]

    tuning = least_effort(search, "hnsw", EF_SEARCH_CHOICES, exact_ids)
    if not tuning.reached:
        log.warning("pgvector's graph finds %.1f %% of the nearest chunks, less than the target", tuning.recall * 100)
    return tuning
