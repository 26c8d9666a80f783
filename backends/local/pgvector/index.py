"""`PgvectorIndex`: the vectors of an index in a table of PostgreSQL, searched there."""

from collections.abc import Sequence

import numpy as np
from psycopg import sql

from backends.local.holding import FloatArray, IntArray
from backends.local.kept_vectors import KeptVectors, SearchedElsewhere, padded
from backends.local.pgvector.connecting import Connection, VectorDatabase
from backends.local.pgvector.faults import REBUILD
from backends.local.pgvector.tables import read_note
from backends.local.tuning import Tuning
from backends.local.vectors import check_dimension
from pipeline.deadline import Deadline
from pipeline.errors import Unavailable

FLOAT_GRAPH = 2_000
"""Dimensions up to which a graph is made of the vectors themselves; of more it is made of 16-bit ones."""

HALF_GRAPH = 4_000
"""Dimensions up to which pgvector can make a graph at all."""

MOST_EFFORT = 1_000
"""The largest `hnsw.ef_search`. A search finds at most as many vectors as that."""

LOOK_S = 5
"""How long the server may take to say whether a table is there, in seconds."""

SETTINGS = "SELECT set_config('hnsw.ef_search', %s, false), set_config('statement_timeout', %s, false)"


class PgvectorIndex(SearchedElsewhere):
    """A `VectorIndex`. What is not searched for is read from `vectors.npy` of the index folder."""

    def __init__(
        self, database: VectorDatabase, table: str, digest: str, kept: KeptVectors, tuning: Tuning | None
    ) -> None:
        super().__init__(kept, table, tuning)
        self._database, self._digest = database, digest
        self._verified = False
        self._statement = search_statement(table, kept.dimension)

    @property
    def kind(self) -> str:
        """`hnsw`; `exact` where the server compares with every vector."""
        return "exact" if self.tuning is None else self.tuning.kind

    def search(
        self, vectors: FloatArray, top_k: int, *, exact: bool = False, deadline: Deadline | None = None
    ) -> tuple[FloatArray, IntArray]:
        """As `VectorIndex.search`. Exact search of an approximate index is done here, and so is a search for more than MOST_EFFORT."""
        effort = max(top_k, 1 if self.tuning is None else self.tuning.effort)
        if self.tuning is not None and (exact or top_k > MOST_EFFORT):
            return self._kept.search(vectors, top_k)
        return self.search_with(vectors, top_k, min(effort, MOST_EFFORT), deadline)

    def search_with(
        self, vectors: FloatArray, top_k: int, effort: int, deadline: Deadline | None = None
    ) -> tuple[FloatArray, IntArray]:
        """Search at an effort, `hnsw.ef_search`; all questions in one round trip."""
        check_dimension(vectors, self.dimension)
        if deadline is not None:
            deadline.check("retrieve")
        left_s = None if deadline is None else deadline.remaining_s()
        left_ms = 0 if left_s is None else max(1, int(left_s * 1000))

        def work(connection: Connection) -> list[list[tuple[int, float]]]:
            settings = str(effort), str(left_ms)
            if not self._verified:
                connection.execute(SETTINGS, settings)
                self._verify(connection)
            with connection.pipeline():
                connection.execute(SETTINGS, settings)
                asked = [
                    connection.execute(self._statement, {"asked": literal(vector), "top_k": top_k}, binary=True)
                    for vector in vectors
                ]
                return [cursor.fetchall() for cursor in asked]

        scores, ids = padded(len(vectors), top_k)
        for place, rows in enumerate(self._database.ask(work, left_s) if len(vectors) else ()):
            found = sorted(((-distance, row) for row, distance in rows), key=lambda pair: (-pair[0], pair[1]))
            scores[place, : len(found)] = [score for score, _ in found]
            ids[place, : len(found)] = [row for _, row in found]
        return scores, ids

    def is_whole(self) -> bool:
        """As `VectorIndex.is_whole`."""

        def look(connection: Connection) -> bool:
            connection.execute("SELECT set_config('statement_timeout', %s, false)", (str(LOOK_S * 1000),))
            note = read_note(connection, self.place)
            return note is not None and note.state == "whole" and note.digest == self._digest

        return self._database.ask(look, LOOK_S)

    def _verify(self, connection: Connection) -> None:
        """Before the first search: the table is there, whole, and holds these vectors."""
        note = read_note(connection, self.place)
        where = f"{self.place} in {self._database.location}"
        if note is None:
            raise Unavailable(f"The index's table {where} is gone. {REBUILD}", stage="retrieve")
        if note.digest != self._digest:
            raise Unavailable(f"The table {where} holds the vectors of another corpus. {REBUILD}", stage="retrieve")
        self._verified = True


def search_statement(table: str, dimension: int) -> sql.Composed:
    """The `top_k` nearest to `asked`, each with its negative inner product; by the graph where there is one.

    A graph of 16-bit vectors only orders what is found: distances are always those of the vectors themselves.
    """
    named, size = sql.Identifier(table), sql.Literal(dimension)
    order: sql.Composable = sql.SQL("embedding <#> %(asked)s::vector")
    if FLOAT_GRAPH < dimension <= HALF_GRAPH:
        order = sql.SQL("embedding::halfvec({0}) <#> %(asked)s::vector::halfvec({0})").format(size)
    return sql.SQL("SELECT row, embedding <#> %(asked)s::vector FROM {} ORDER BY {} LIMIT %(top_k)s").format(
        named, order
    )


def literal(vector: Sequence[float] | FloatArray) -> str:
    """A vector as pgvector reads it."""
    return "[" + ",".join(map(str, np.asarray(vector, np.float32).tolist())) + "]"
