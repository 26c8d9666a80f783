"""Vectors that PostgreSQL holds (docs/adr/0020): what becomes of a question where that server, or the way to it, goes wrong."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import ClassVar

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from backends.local.build import build_index
from backends.local.index import LocalIndex
from backends.local.pgvector.holder import PgvectorHolder
from backends.local.remote.address import parse_address
from backends.local.remote.generator import RemoteGenerator
from backends.local.vectors import VectorCache
from metrics.store import TraceStore
from pipeline.pipeline import Pipeline
from tests.local.conftest import DOCUMENTS
from tests.local.fake_embedder import FakeEmbedder
from tests.metrics.postgres_cluster import PostgresCluster, plain_url
from tests.remote.standin import MODEL, Plan, serving
from tests.withstand.asked import KINDS, AskedPart, StagesBackend
from tests.withstand.gate import Fault, Gate, gated
from tests.withstand.parts import AFTERWARDS_S, Asker, Outcome, Place

BROKEN = ("Unavailable",)
"""What bytes that are no PostgreSQL's are told as: libpq breaks the connection over them, whatever they are."""


class PgvectorPart(AskedPart):
    """The retrieve stage over such vectors, behind a gate."""

    cannot: ClassVar[Mapping[Fault, str]] = {"slow body": "its replies have no head"}
    kinds: ClassVar[Mapping[Fault, tuple[str, ...]]] = {
        **KINDS,
        "garbage": BROKEN,
        "too large": BROKEN,
        "wrong shape": ("DimensionMismatch",),
    }

    def __init__(self, place: Place, cluster: PostgresCluster) -> None:
        gate: Gate = place.undo.enter_context(gated(cluster.port, late_s=place.late_s, raw=True))
        self._url = place.undo.enter_context(cluster.database())
        index, self._table = _build(place, self._url, gate)
        store = place.undo.enter_context(TraceStore.open(f"sqlite:///{place.folder / 'vectors.sqlite'}"))
        address = parse_address(
            f"openai:{MODEL}@{place.undo.enter_context(serving(Plan()))}/v1", "RAGLASS_GENERATOR", {}
        )
        generator = RemoteGenerator(address, {})
        place.undo.callback(generator.close)
        backend = StagesBackend(Pipeline(FakeEmbedder(), index, generator))
        super().__init__("pgvector", gate, Asker(backend, lambda: store, place.deadline_s, lambda _: None))

    def try_fault(self, fault: Fault) -> Outcome:
        """Ask once while all is well, so that a connection is kept, then as every part."""
        self._asker.ask(deadline_s=AFTERWARDS_S)
        return super().try_fault(fault)

    def _going_wrong(self, fault: Fault) -> AbstractContextManager[None]:
        """The server itself answers what does not fit; else what lies before it goes wrong."""
        return _other_vectors(self._url, self._table) if fault == "wrong shape" else super()._going_wrong(fault)


def _build(place: Place, url: str, gate: Gate) -> tuple[LocalIndex, str]:
    """An index that is built while all is well, and searched by way of a gate; and its table."""
    embedder, root = FakeEmbedder(), place.folder / "pgvector"
    cache = VectorCache(place.folder / "vectors", embedder.fingerprint, embedder.dimension)
    holder = PgvectorHolder(url)
    manifest = build_index(root, DOCUMENTS, embedder, cache, corpus_hash="", with_sentences=False, holder=holder)
    holder.close()
    through = make_url(url).set(port=gate.port).render_as_string(hide_password=False)
    index = LocalIndex(root, embedder, PgvectorHolder(through))
    place.undo.callback(index.close)
    return index, manifest.place


@contextmanager
def _other_vectors(url: str, table: str) -> Iterator[None]:
    """Somebody else's table stands in the place of the index's: its vectors are of another dimension."""
    named, aside = sql.Identifier(table), sql.Identifier("aside")
    with psycopg.connect(plain_url(url), autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(named, aside))
        admin.execute(sql.SQL("CREATE TABLE {} AS SELECT 0 AS row, '[1,2,3]'::vector(3) AS embedding").format(named))
        try:
            yield
        finally:
            admin.execute(sql.SQL("DROP TABLE {}").format(named))
            admin.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(aside, named))
