"""What holds vectors, whichever: searched as NumPy does, opened again, swept and cleared; and which one a configuration means."""

from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from backends.local import manifest as files
from backends.local.chosen import open_holder
from backends.local.holding import Holder, VectorIndex
from backends.local.manifest import Manifest
from backends.local.pgvector import building
from backends.registry import BackendConfig
from pipeline.errors import ConfigError, DimensionMismatch
from tests.local.conftest import HOLDERS, make_holder
from tests.local.test_manifest import make_manifest

FloatArray = npt.NDArray[np.float32]


@pytest.fixture(params=HOLDERS)
def holder(request: pytest.FixtureRequest) -> Holder:
    return make_holder(request.param, request)


def random_vectors(count: int, dimension: int = 32, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def keys_of(vectors: FloatArray) -> list[str]:
    return [f"{row:032x}" for row in range(len(vectors))]


def hold(holder: Holder, folder: Path, vectors: FloatArray) -> VectorIndex:
    """Build into an index folder, as `build_index` does, but for the manifest."""
    folder.mkdir(parents=True)
    return holder.build(folder, vectors, keys_of(vectors), choice=None, on_held=lambda step, done: None)


def publish(holder: Holder, folder: Path, index: VectorIndex) -> Manifest:
    manifest = make_manifest(
        folder.parent,
        dimension=index.dimension,
        kind=index.kind,
        tuning=index.tuning,
        checksums=files.checksums(folder),
        held_by=holder.name,
        place=index.place,
    )
    files.write_manifest(folder, manifest)
    return manifest


@pytest.mark.slow
def test_scores_are_numpys_inner_products_best_first(holder: Holder, tmp_path: Path) -> None:
    vectors, questions = random_vectors(200), random_vectors(7, seed=1)
    scores, ids = hold(holder, tmp_path / "root" / "a", vectors).search(questions, 50)
    products = questions @ vectors.T
    np.testing.assert_allclose(scores, -np.sort(-products, axis=1)[:, :50], atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(products, ids, axis=1), scores, atol=1e-6)


@pytest.mark.slow
def test_exact_search_is_numpys_too(holder: Holder, tmp_path: Path) -> None:
    vectors, questions = random_vectors(200), random_vectors(7, seed=1)
    scores, ids = hold(holder, tmp_path / "root" / "a", vectors).search(questions, 50, exact=True)
    np.testing.assert_array_equal(ids, np.argsort(-(questions @ vectors.T), axis=1)[:, :50])
    np.testing.assert_allclose(scores, -np.sort(-(questions @ vectors.T), axis=1)[:, :50], atol=1e-6)


def test_ids_beyond_the_index_are_minus_one(holder: Holder, tmp_path: Path) -> None:
    scores, ids = hold(holder, tmp_path / "root" / "a", random_vectors(3)).search(random_vectors(1, seed=1), 5)
    assert sorted(ids[0, :3]) == [0, 1, 2]
    assert ids[0, 3:].tolist() == [-1, -1]
    assert scores.shape == (1, 5)


def test_no_question_finds_nothing(holder: Holder, tmp_path: Path) -> None:
    scores, ids = hold(holder, tmp_path / "root" / "a", random_vectors(3)).search(np.empty((0, 32), np.float32), 5)
    assert scores.shape == ids.shape == (0, 5)


def test_vector_of_another_length_is_a_dimension_mismatch(holder: Holder, tmp_path: Path) -> None:
    index = hold(holder, tmp_path / "root" / "a", random_vectors(3))
    for shape, exact in product([(1, 31), (1, 33), (32,)], [False, True]):
        with pytest.raises(DimensionMismatch, match="raglass index --rebuild") as caught:
            index.search(np.ones(shape, np.float32), 1, exact=exact)
        assert caught.value.stage == "retrieve"


@pytest.mark.slow
def test_vectors_can_be_taken_out_again(holder: Holder, tmp_path: Path) -> None:
    vectors = random_vectors(50)
    index = hold(holder, tmp_path / "root" / "a", vectors)
    np.testing.assert_array_equal(index.reconstruct(np.array([7, 0, 49])), vectors[[7, 0, 49]])
    assert (index.size, index.dimension) == (50, 32)


@pytest.mark.slow
def test_opened_again_it_searches_as_before_and_is_whole(holder: Holder, tmp_path: Path) -> None:
    folder = tmp_path / "root" / "a"
    built = hold(holder, folder, random_vectors(60))
    opened = holder.open(folder, publish(holder, folder, built))
    assert (opened.kind, opened.tuning, opened.size) == (built.kind, built.tuning, 60)
    for found, expected in zip(
        opened.search(random_vectors(3, seed=1), 9), built.search(random_vectors(3, seed=1), 9), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    assert opened.is_whole()


@pytest.mark.slow
def test_sweeping_keeps_the_index_in_use_and_clearing_keeps_none(holder: Holder, tmp_path: Path) -> None:
    root, questions = tmp_path / "root", random_vectors(2, seed=1)
    hold(holder, root / "old", random_vectors(40))
    new = hold(holder, root / "new", random_vectors(30, seed=2))
    publish(holder, root / "new", new)
    before = new.search(questions, 5)[1]
    holder.sweep(root, root / "new")
    np.testing.assert_array_equal(new.search(questions, 5)[1], before)
    assert new.is_whole()
    holder.clear(root)
    assert new.is_whole() is (holder.name == "faiss")


@pytest.mark.slow
def test_another_data_folder_s_vectors_are_left_alone(holder: Holder, tmp_path: Path) -> None:
    mine = hold(holder, tmp_path / "mine" / "a", random_vectors(20))
    other = hold(holder, tmp_path / "other" / "a", random_vectors(20))
    publish(holder, tmp_path / "other" / "a", other)
    holder.sweep(tmp_path / "other", tmp_path / "other" / "a")
    holder.clear(tmp_path / "other")
    assert mine.is_whole()


@pytest.mark.parametrize("holder", ["pgvector"], indirect=True)
@pytest.mark.parametrize("dimension", [32, 2_100, 4_100])
def test_pgvector_s_graph_is_measured_whatever_the_dimension(
    holder: Holder, tmp_path: Path, dimension: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graph of vectors up to 2,000 dimensions, of 16-bit ones up to 4,000, none beyond."""
    monkeypatch.setitem(building.build_table.__kwdefaults__, "exact_below", 10)
    vectors, questions = random_vectors(120, dimension), random_vectors(20, dimension, seed=3)
    index = hold(holder, tmp_path / "root" / "a", vectors)
    exact = np.argsort(-(questions @ vectors.T), axis=1)[:, :10]
    scores, ids = index.search(questions, 10)
    shared = np.mean([len(np.intersect1d(*pair)) / 10 for pair in zip(ids, exact, strict=True)])
    if dimension > 4_000:
        assert (index.kind, index.tuning) == ("exact", None)
    else:
        assert index.kind == "hnsw"
        assert index.tuning is not None
        assert index.tuning.recall >= 0.99
    assert shared >= 0.95
    np.testing.assert_allclose(scores, np.take_along_axis(questions @ vectors.T, ids, axis=1), atol=1e-5)


def test_configuration_says_what_holds_the_vectors(tmp_path: Path) -> None:
    url, key = "postgresql+psycopg://me@host/db", {"PINECONE_API_KEY": "k"}
    assert open_holder(BackendConfig(tmp_path)).name == "faiss"
    assert open_holder(BackendConfig(tmp_path, index="pgvector", index_url=url)).name == "pgvector"
    assert open_holder(BackendConfig(tmp_path, index="pinecone", environ=key)).name == "pinecone"


def test_what_is_only_tried_is_held_by_faiss(tmp_path: Path) -> None:
    assert open_holder(BackendConfig(tmp_path, index="pgvector", index_dir=tmp_path)).name == "faiss"


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"index": "pgvector"}, "RAGLASS_INDEX_URL"),
        ({"index": "pgvector", "index_url": "sqlite:///x"}, "RAGLASS_INDEX_URL"),
        ({"index": "pgvector", "index_url": "postgresql://me:hunter2@host:port/db"}, "RAGLASS_INDEX_URL"),
        ({"index": "pinecone"}, "PINECONE_API_KEY"),
        ({"index": "lucene"}, "faiss, pgvector, pinecone"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, given: dict[str, str], advice: str) -> None:
    with pytest.raises(ConfigError, match=advice) as caught:
        open_holder(BackendConfig(tmp_path, **given))  # type: ignore[arg-type]
    assert "hunter2" not in str(caught.value)
