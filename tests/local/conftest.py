"""A small index over planted documents, with an embedder that costs nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backends.local.build import build_index
from backends.local.documents import Document
from backends.local.index import LocalIndex
from backends.local.manifest import Manifest
from backends.local.vectors import VectorCache
from tests.local.fake_embedder import FakeEmbedder

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


@pytest.fixture
def build(root: Path, embedder: FakeEmbedder, cache: VectorCache) -> Callable[..., Manifest]:
    """Build an index under `root`; every argument of `build_index` can be given."""

    def build_(documents: list[Document] = DOCUMENTS, **given: Any) -> Manifest:
        arguments = {"corpus_hash": "hash", "with_sentences": True, **given}
        return build_index(root, documents, embedder, cache, **arguments)

    return build_


@pytest.fixture
def index(root: Path, embedder: FakeEmbedder) -> LocalIndex:
    return LocalIndex(root, embedder)
