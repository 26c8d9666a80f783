"""Kinds of search that are chosen, against an exact search."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from backends.local.index import LocalIndex
from backends.local.index_kinds import IndexKind, KindIndex, build_kind
from backends.local.manifest import Manifest
from pipeline.errors import InputError
from tests.local.fake_embedder import FakeEmbedder

RANDOM = np.random.default_rng(0)
VECTORS = RANDOM.normal(size=(400, 32)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)


@pytest.mark.parametrize("words", ["exact", "hnsw", "hnsw:64", "ivf:20", "rabitq:40"])
@pytest.mark.slow
def test_kind_that_looks_at_enough_finds_what_an_exact_search_finds(words: str) -> None:
    index = build_kind(VECTORS, IndexKind.parse(words))
    _, ids = index.search(VECTORS[:50], 1)
    assert ids[:, 0].tolist() == list(range(50))
    assert index.reconstruct(np.arange(5)) == pytest.approx(VECTORS[:5])


@pytest.mark.slow
def test_one_list_of_an_inverted_file_misses_some_and_two_lists_fewer() -> None:
    exact = np.argsort(-(VECTORS @ VECTORS.T), axis=1)[:, :10]

    def recall(nprobe: int) -> float:
        _, ids = build_kind(VECTORS, IndexKind("ivf", nprobe)).search(VECTORS, 10)
        return float(np.mean([len(set(row) & set(wanted)) / 10 for row, wanted in zip(ids, exact, strict=True)]))

    assert recall(1) < recall(4) < recall(20) == 1


def test_few_vectors_do_for_every_kind() -> None:
    for words in ("exact", "hnsw", "ivf", "rabitq"):
        _, ids = build_kind(VECTORS[:3], IndexKind.parse(words)).search(VECTORS[:1], 3)
        assert ids[0, 0] == 0


def test_index_on_disk_is_searched_by_the_kind_and_is_not_changed(
    root: Path, embedder: FakeEmbedder, index: LocalIndex, build: Callable[..., Manifest]
) -> None:
    build()
    before = sorted(path.name for path in root.iterdir())
    question = "When did volcanoes erupt lava in year 2?"
    vectors = embedder.embed([question], "query")
    [usual] = index.search(vectors, 5, texts=[question])
    by_kind = KindIndex(root, embedder, IndexKind.parse("hnsw"))
    [found] = by_kind.search(vectors, 5, texts=[question])
    assert [chunk.chunk_id for chunk in found] == [chunk.chunk_id for chunk in usual]
    assert by_kind.opened().vectors.kind == "hnsw"
    assert index.opened().vectors.kind == "exact"
    assert sorted(path.name for path in root.iterdir()) == before


@pytest.mark.parametrize("words", ["annoy", "exact:3", "hnsw:0", "ivf:x", "hnsw:99999", ""])
def test_kind_that_is_none_is_refused_with_what_is_allowed(words: str) -> None:
    with pytest.raises(InputError, match="exact, hnsw, ivf, rabitq"):
        IndexKind.parse(words)


def test_kind_is_written_as_it_is_read() -> None:
    assert [str(IndexKind.parse(words)) for words in ("HNSW:64", " ivf ")] == ["hnsw:64", "ivf"]
