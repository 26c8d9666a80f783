"""A small index over planted documents, with an embedder that costs nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.local.build import build_index
from backends.local.documents import Document
from backends.local.faiss_index import FaissHolder
from backends.local.holding import Holder
from backends.local.index import LocalIndex
from backends.local.manifest import Manifest
from backends.local.pgvector.holder import PgvectorHolder
from backends.local.pinecone_index import PineconeHolder
from backends.local.vectors import VectorCache
from serving.rehearsal.loopback import LoopbackServer
from serving.rehearsal.pinecone import PineconeDouble
from tests.local.fake_embedder import FakeEmbedder
from tests.metrics.postgres_cluster import PostgresCluster
from tests.rehearsal.served import served

SUBJECTS = (
    "continents drift slowly",
    "volcanoes erupt lava",
    "glaciers carve valleys",
    "rivers carry sand",
    "winds move dunes",
)


def make_document(name: str, text: str, title: str | None = None) -> Document:
    return Document(name, title if title is not None else f"About {name}", text, f"{name}.txt")


DOCUMENTS = [
    make_document(f"d{n}", "\n\n".join(f"{subject.capitalize()} in year {n}. " * 9 for subject in SUBJECTS))
    for n in range(4)
]


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture
def cache(tmp_path: Path, embedder: FakeEmbedder) -> VectorCache:
    return VectorCache(tmp_path / "vectors", embedder.fingerprint, embedder.dimension)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "index"


HOLDERS = ("faiss", "pgvector", "pinecone")
PINECONE_KEY = "a-secret-key"


@pytest.fixture
def holder(request: pytest.FixtureRequest) -> Holder:
    """What holds the vectors: FAISS, unless a test or a file asks for others by parameter."""
    return make_holder(getattr(request, "param", "faiss"), request)


def make_holder(name: str, request: pytest.FixtureRequest) -> Holder:
    """A holder by its name, over a real PostgreSQL or Pinecone's double. Each index root holds its own there."""
    if name == "pgvector":
        return PgvectorHolder(request.getfixturevalue("vector_url"))
    if name == "pinecone":
        return PineconeHolder("", request.getfixturevalue("pinecone_environ"))
    return FaissHolder()


@pytest.fixture(scope="session")
def vector_url(vector_postgres: PostgresCluster) -> Iterator[str]:
    """The URL of a database that can have pgvector."""
    with vector_postgres.database() as url:
        yield url


@pytest.fixture
def double() -> Iterator[LoopbackServer]:
    """Pinecone's double."""
    service = PineconeDouble(PINECONE_KEY)
    with served(service) as server:
        service.url = server.url
        yield server


@pytest.fixture
def pinecone_environ(double: LoopbackServer) -> dict[str, str]:
    """The variables by which the double is found."""
    return {"PINECONE_API_KEY": PINECONE_KEY, "PINECONE_CONTROLLER_HOST": double.url}


@pytest.fixture
def build(root: Path, embedder: FakeEmbedder, cache: VectorCache, holder: Holder) -> Callable[..., Manifest]:
    """Build an index under `root`; every argument of `build_index` can be given."""

    def build_(documents: list[Document] = DOCUMENTS, **given: Any) -> Manifest:
        arguments = {"corpus_hash": "hash", "with_sentences": True, "holder": holder, **given}
        return build_index(root, documents, embedder, cache, **arguments)

    return build_


@pytest.fixture
def index(root: Path, embedder: FakeEmbedder, holder: Holder) -> LocalIndex:
    return LocalIndex(root, embedder, holder)
