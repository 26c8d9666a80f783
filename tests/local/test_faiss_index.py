"""FAISS against NumPy's inner product and FAISS's own recall measure."""

from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
import pytest
from faiss.contrib.evaluation import knn_intersection_measure

from backends.local import faiss_index
from backends.local.faiss_index import FaissIndex, build_faiss
from backends.local.tuning import RECALL_TARGET, SAMPLE, Tuning, draw_sample, overlap
from pipeline.errors import DimensionMismatch, Unavailable

FloatArray = npt.NDArray[np.float32]


def random_vectors(count: int, dimension: int = 32, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_exact_scores_are_numpys_inner_products_best_first() -> None:
    vectors, queries = random_vectors(200), random_vectors(7, seed=1)
    scores, ids = build_faiss(vectors).search(queries, 200)
    expected = queries @ vectors.T
    np.testing.assert_allclose(scores, -np.sort(-expected, axis=1), atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(expected, ids, axis=1), scores, atol=1e-6)


@pytest.mark.slow
def test_small_index_is_exact_and_a_large_one_is_hnsw() -> None:
    assert build_faiss(random_vectors(99), exact_below=100).kind == "exact"
    assert build_faiss(random_vectors(100), exact_below=100).kind == "hnsw"


def test_ten_thousand_vectors_are_where_hnsw_begins() -> None:
    assert faiss_index.EXACT_BELOW == 10_000


def test_ids_beyond_the_index_are_minus_one() -> None:
    scores, ids = build_faiss(random_vectors(3)).search(random_vectors(1, seed=1), 5)
    assert sorted(ids[0, :3]) == [0, 1, 2]
    assert ids[0, 3:].tolist() == [-1, -1]
    assert scores.shape == (1, 5)


@pytest.mark.slow
def test_tuned_hnsw_reaches_its_target_and_says_so() -> None:
    vectors = random_vectors(3_000)
    index = build_faiss(vectors, exact_below=100)
    assert index.tuning is not None
    assert index.tuning.recall >= RECALL_TARGET
    assert index.tuning.effort in faiss_index.EF_SEARCH_CHOICES
    first, second = np.random.default_rng(1).integers(0, len(vectors), (2, 500))  # not those of the tuning
    queries = vectors[first] * 0.7 + vectors[second] * 0.3
    _, ids = index.search(queries, 10)
    _, exact = build_faiss(vectors, exact_below=10_000).search(queries, 10)
    assert overlap(ids, exact) >= RECALL_TARGET


def test_overlap_is_faiss_own_measure() -> None:
    rng = np.random.default_rng(0)
    ids = np.array([rng.permutation(30)[:10] for _ in range(50)])
    exact = np.array([rng.permutation(30)[:10] for _ in range(50)])
    assert overlap(ids, exact) == pytest.approx(knn_intersection_measure(ids, exact))


@pytest.mark.slow
def test_tuning_takes_the_smallest_choice_that_is_good_enough() -> None:
    vectors = random_vectors(2_000)
    index = faiss.IndexHNSWFlat(32, 32, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 200
    index.add(vectors)
    tuning = faiss_index.tune(index, "hnsw", *draw_sample(vectors))
    place = faiss_index.EF_SEARCH_CHOICES.index(tuning.effort)
    if place:
        smaller = faiss_index.EF_SEARCH_CHOICES[place - 1]
        assert lower_bound(measured_recalls(index, vectors, smaller)) < RECALL_TARGET
    found = measured_recalls(index, vectors, tuning.effort)
    assert np.mean(found) == pytest.approx(tuning.recall)
    assert lower_bound(found) >= RECALL_TARGET


def measured_recalls(index: object, vectors: FloatArray, ef_search: int) -> list[float]:
    """recall@10 of each query of the tuning's own sample: pairs of vectors mixed 0.7 to 0.3."""
    first, second = np.random.default_rng(0).integers(0, len(vectors), (2, SAMPLE))
    queries = vectors[first] * 0.7 + vectors[second] * 0.3
    index.hnsw.efSearch = ef_search  # type: ignore[attr-defined]
    _, ids = index.search(queries / np.linalg.norm(queries, axis=1, keepdims=True), 10)  # type: ignore[attr-defined]
    exact = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    return [float(knn_intersection_measure(ids[[n]], exact[[n]])) for n in range(len(ids))]


def lower_bound(recalls: list[float]) -> float:
    """One-sided 95 % bound of the mean by the normal approximation: z = 1.645."""
    return float(np.mean(recalls) - 1.645 * np.std(recalls) / np.sqrt(len(recalls)))


@pytest.mark.slow
def test_rabitq_takes_over_where_hnsw_misses_its_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(faiss_index.CHOICES, "hnsw", (1, 2))
    vectors = random_vectors(3_000, dimension=128)
    index = build_faiss(vectors, exact_below=10)
    assert index.kind == "rabitq"
    assert index.tuning is not None
    assert index.tuning.recall >= RECALL_TARGET
    queries = random_vectors(200, dimension=128, seed=7)  # not those of the tuning
    scores, ids = index.search(queries, 10)
    _, exact = build_faiss(vectors, exact_below=10_000).search(queries, 10)
    assert overlap(ids, exact) >= RECALL_TARGET
    np.testing.assert_allclose(scores, np.einsum("qd,qkd->qk", queries, vectors[ids]), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("efforts", "added", "kind"), [((1, 2), 400, "rabitq"), ((768,), 1_000, "hnsw")])
def test_a_large_graph_that_misses_its_target_early_is_not_built_to_its_end(
    monkeypatch: pytest.MonkeyPatch, efforts: tuple[int, ...], added: int, kind: str
) -> None:
    monkeypatch.setitem(faiss_index.CHOICES, "hnsw", efforts)
    monkeypatch.setattr(faiss_index, "ADD_BATCH", 200)
    monkeypatch.setattr(faiss_index, "TRIED_AT", 400)
    seen: list[int] = []
    index = build_faiss(random_vectors(1_000, dimension=128), exact_below=10, on_added=seen.append)
    assert index.kind == kind
    assert max(seen[: added // 200]) == added
    assert seen[added // 200 :] == ([1_000] if kind == "rabitq" else [])


@pytest.mark.slow
def test_search_is_exact_where_no_approximate_kind_is_good_enough(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(faiss_index.CHOICES, "hnsw", (1, 2))
    monkeypatch.setitem(faiss_index.CHOICES, "rabitq", (1,))
    assert build_faiss(random_vectors(3_000, dimension=128), exact_below=10).kind == "exact"
    assert "the search is exact" in caplog.text


@pytest.mark.slow
def test_progress_counts_what_was_added_and_can_stop_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss_index, "ADD_BATCH", 100)
    seen: list[int] = []
    build_faiss(random_vectors(250), exact_below=10, on_added=seen.append)
    assert seen == [100, 200, 250]

    def stop(added: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_faiss(random_vectors(250), exact_below=10, on_added=stop)


@pytest.mark.parametrize("shape", [(1, 31), (1, 33), (32,)])
def test_vector_of_another_length_is_a_dimension_mismatch(shape: tuple[int, ...]) -> None:
    with pytest.raises(DimensionMismatch, match="raglass index --rebuild") as caught:
        build_faiss(random_vectors(5)).search(np.ones(shape, np.float32), 1)
    assert caught.value.stage == "retrieve"


def build_kind(kind: str, vectors: FloatArray, monkeypatch: pytest.MonkeyPatch) -> FaissIndex:
    """An index of a given kind, made as the product makes it."""
    if kind == "rabitq":
        monkeypatch.setitem(faiss_index.CHOICES, "hnsw", (1,))
    index = build_faiss(vectors, exact_below=10_000 if kind == "exact" else 0)
    assert index.kind == kind
    return index


KINDS = ("exact", "hnsw", "rabitq")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_saved_index_searches_as_before(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, queries = random_vectors(500), random_vectors(5, seed=1)
    index = build_kind(kind, vectors, monkeypatch)
    index.save(tmp_path / "index")
    loaded = FaissIndex.load(tmp_path / "index", index.tuning)
    assert (loaded.kind, loaded.size, loaded.dimension) == (index.kind, 500, 32)
    for found, expected in zip(loaded.search(queries, 10), index.search(queries, 10), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_loaded_hnsw_keeps_its_ef_search(tmp_path: Path) -> None:
    build_faiss(random_vectors(500), exact_below=0).save(tmp_path / "index")
    loaded = FaissIndex.load(tmp_path / "index", Tuning("hnsw", 77, 1.0, 1))
    assert loaded._index.hnsw.efSearch == 77


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_vectors_can_be_taken_out_again(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = random_vectors(500)
    built = build_kind(kind, vectors, monkeypatch)
    built.save(tmp_path / "index")
    index = FaissIndex.load(tmp_path / "index", built.tuning)
    np.testing.assert_array_equal(index.reconstruct(np.array([7, 0, 49])), vectors[[7, 0, 49]])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_exact_search_is_numpys_whatever_the_kind(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, queries = random_vectors(2_000, dimension=128), random_vectors(20, dimension=128, seed=1)
    built = build_kind(kind, vectors, monkeypatch)
    built.save(tmp_path / "index")
    index = FaissIndex.load(tmp_path / "index", built.tuning)
    if index.tuning is not None:
        faiss_index.set_effort(index._index, index.tuning.kind, 1)  # looks at so little that it misses neighbours
    expected = queries @ vectors.T
    nearest = np.argsort(-expected, axis=1)[:, :50]
    scores, ids = index.search(queries, 50, exact=True)
    np.testing.assert_array_equal(ids, nearest)
    np.testing.assert_allclose(scores, np.take_along_axis(expected, nearest, axis=1), atol=1e-6)
    assert (overlap(index.search(queries, 50)[1], nearest) == 1) is (kind == "exact")


@pytest.mark.parametrize("content", [None, b"", b"no index"])
def test_missing_or_damaged_file_names_the_command(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "index").write_bytes(content)
    with pytest.raises(Unavailable, match="raglass index --rebuild"):
        FaissIndex.load(tmp_path / "index", None)
