"""Kinds of index: named, built and searched as FAISS does it, and refused where they cannot be learnt."""

from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
import pytest
from faiss.contrib.evaluation import knn_intersection_measure

from backends.local import faiss_variants
from backends.local.faiss_index import FaissIndex, build_faiss
from backends.local.faiss_variants import (
    PATTERNS,
    Variant,
    building,
    is_usable,
    kind_of,
    named,
    plan_variants,
    searched,
    why_not,
)
from backends.local.index_choice import IndexChoice

FloatArray = npt.NDArray[np.float32]

FACTORIES = ("IVF16,Flat", "HNSW16", "SQ8,RFlat", "PQ16x4fs,RFlat", "RaBitQfs,RFlat", "IVF16,RaBitQfs,RFlat")
HARDEST = {"IVF16,Flat": 16, "HNSW16": 512, "IVF16,RaBitQfs,RFlat": 16}
"""Efforts at which all is found; the others compare every code again at 100."""


def random_vectors(count: int, dimension: int = 32, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def built(factory: str, vectors: FloatArray) -> object:
    steps = building(factory, vectors)
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            assert seen[-1] == len(vectors)
            return end.value


def nearest(vectors: FloatArray, questions: FloatArray, k: int) -> npt.NDArray[np.int64]:
    return np.argsort(-(questions @ vectors.T), axis=1)[:, :k]


def choice_of(factory: str, effort: int) -> IndexChoice:
    return IndexChoice(factory, effort, 10, "", 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("factory", FACTORIES)
def test_hardest_search_finds_what_numpy_finds_and_the_least_one_less(
    factory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faiss_variants, "LIST_REFINEMENT", 100)  # so that of a thousand codes all are compared again
    vectors, questions = random_vectors(1_000, 128), random_vectors(40, 128, seed=1)
    index, kind = built(factory, vectors), kind_of(factory)
    exact = nearest(vectors, questions, 10)
    found = [
        float(knn_intersection_measure(searched(index, kind, effort).search(questions, 10)[1], exact))
        for effort in (1 if kind in ("ivf", "hnsw", "ivf-rabitq") else 0, HARDEST.get(factory, 100))
    ]
    assert found[0] < 1
    assert found[1] > 0.995


@pytest.mark.slow
@pytest.mark.parametrize("factory", FACTORIES)
def test_chosen_index_keeps_its_vectors_and_searches_exactly_after_it_was_loaded(tmp_path: Path, factory: str) -> None:
    vectors, questions = random_vectors(1_000), random_vectors(20, seed=1)
    made = build_faiss(vectors, choice=choice_of(factory, 2))
    made.save(tmp_path / "index")
    index = FaissIndex.load(tmp_path / "index", made.tuning)
    assert (index.kind, index.size) == (kind_of(factory), 1_000)
    np.testing.assert_array_equal(index.reconstruct(np.array([7, 0, 999])), vectors[[7, 0, 999]])
    np.testing.assert_array_equal(index.search(questions, 20, exact=True)[1], nearest(vectors, questions, 20))
    np.testing.assert_array_equal(index.search(questions, 10)[1], made.search(questions, 10)[1])


def test_exact_search_can_be_chosen_whatever_the_size() -> None:
    assert build_faiss(random_vectors(200), exact_below=10, choice=choice_of("Flat", 0)).kind == "exact"


@pytest.mark.slow
def test_chosen_index_that_misses_much_is_built_and_said_to(caplog: pytest.LogCaptureFixture) -> None:
    vectors = random_vectors(2_000)
    index = build_faiss(vectors, choice=choice_of("IVF16,Flat", 1))
    assert index.tuning is not None
    assert (index.tuning.reached, index.tuning.built, index.tuning.effort) == (False, "IVF16,Flat", 1)
    first, second = np.random.default_rng(0).integers(0, len(vectors), (2, 200))  # as ADR 5 makes questions up
    questions = vectors[first] * 0.7 + vectors[second] * 0.3
    questions /= np.linalg.norm(questions, axis=1, keepdims=True)
    expected = knn_intersection_measure(index.search(questions, 10)[1], nearest(vectors, questions, 10))
    assert index.tuning.recall == pytest.approx(float(expected))
    assert "which was chosen, finds" in caplog.text


@pytest.mark.parametrize("kind", PATTERNS)
def test_every_kind_is_planned_for_many_vectors(kind: str) -> None:
    variants, left = plan_variants(100_000, 384, 10)
    assert kind in {each.kind for each in variants}
    assert left == []


def test_what_few_vectors_cannot_teach_is_left_out_with_the_number_that_it_takes() -> None:
    variants, left = plan_variants(100, 384, 100)
    assert {each.name for each in left} == {"IVF4,Flat", "IVF4,RaBitQfs,RFlat", "PQ96x4fs,RFlat", "PQ192x4fs,RFlat"}
    assert next(each.reason for each in left if each.name == "IVF4,Flat") == (
        "IVF4,Flat learns 4 centres from at least 156 vectors; there are 100."  # 39 for each centre
    )
    assert {each.factory for each in variants} == {"Flat", "HNSW16", "HNSW32", "SQ8,RFlat", "RaBitQfs,RFlat"}


@pytest.mark.parametrize(("count", "lists"), [(156, 4), (10_000, 256), (100_000, 1_024), (1_000_000, 4_096)])
def test_lists_are_about_four_times_the_root_and_learnable(count: int, lists: int) -> None:
    names = {each.factory for each in plan_variants(count, 384, 10)[0]}
    assert f"IVF{lists},Flat" in names
    assert 39 * lists <= count


def test_codes_that_do_not_divide_a_vector_are_left_out() -> None:
    assert why_not("PQ7x4fs,RFlat", 10_000, 32) is not None
    assert why_not("PQ8x4fs,RFlat", 10_000, 32) is None


@pytest.mark.parametrize("count", [5, 300, 50_000])
@pytest.mark.parametrize("depth", [1, 10, 100])
def test_efforts_rise_and_refine_no_more_than_there_is(count: int, depth: int) -> None:
    for variant in plan_variants(count, 64, depth)[0]:
        assert list(variant.efforts) == sorted(set(variant.efforts))
        if variant.kind == "rabitq":
            assert variant.efforts[-1] * depth <= max(count, depth)


@pytest.mark.parametrize("name", ["", "HNSW", "Flat,x", "IVF8,Flat\nx", "OPQ16,PQ16", "../x"])
def test_other_names_are_no_index(name: str) -> None:
    with pytest.raises(ValueError, match="no index"):
        kind_of(name)


def test_names_say_what_the_effort_is_and_codes_alone_are_not_to_be_used() -> None:
    assert named("HNSW16", 64) == "HNSW16, efSearch 64"
    assert named("SQ8,RFlat", 2) == "SQ8,RFlat, refinement ×2"
    assert named("SQ8,RFlat", 0) == "SQ8, no refinement"
    assert [is_usable("SQ8,RFlat", 0), is_usable("SQ8,RFlat", 1), is_usable("Flat", 0)] == [False, True, True]


def test_codes_alone_are_what_faiss_serialises_without_the_vectors() -> None:
    vectors = random_vectors(1_000)
    index = built("SQ8,RFlat", vectors)
    alone, both = (faiss.serialize_index(searched(index, "sq8", effort)).nbytes for effort in (0, 1))
    assert alone == pytest.approx(1_000 * 32, rel=0.02)  # a byte a number
    assert both - alone == pytest.approx(1_000 * 32 * 4, rel=0.02)


def test_an_exact_variant_has_no_effort() -> None:
    assert Variant("Flat").efforts == (0,)
