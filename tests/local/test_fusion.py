"""Dense and lexical candidates to one order."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import zscore

from backends.local.fusion import WITH_SENTENCES, WITHOUT_SENTENCES, Fused, best_sentence_cosines, fuse, standardise

COSINES = np.array([0.80, 0.82, 0.84, 0.86, 0.79, 0.78], np.float32)
BM25 = np.array([9.0, 3.0, 0.0, 0.0, 12.0, 0.0], np.float32)
SENTENCES = np.array([0.80, 0.90, 0.84, 0.86, 0.79, 0.78], np.float32)
Ids = npt.NDArray[np.int64]


def fuse_ids(dense: list[int], lexical: list[int], top_k: int = 10, *, sentences: bool = False) -> Fused:
    """Fuse with the scores above."""
    kept = [i for i in dense if i >= 0]
    cosines = np.array([COSINES[i] if i >= 0 else -1 for i in dense], np.float32)
    return fuse(
        np.array(dense, np.int64),
        cosines,
        np.array(lexical, np.int64),
        BM25[lexical],
        top_k,
        cosine_of=lambda ids: forbid(ids, kept, COSINES),
        lexical_of=lambda ids: forbid(ids, lexical, BM25),
        sentence_of=(lambda ids: SENTENCES[ids]) if sentences else None,
    )


def forbid(ids: Ids, known: list[int], scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scores of ids, none of which may be known already, or empty."""
    assert len(ids)
    assert not set(ids.tolist()) & set(known)
    return scores[ids]


def test_fused_score_is_the_weighted_sum_of_z_scores_over_the_union() -> None:
    found = fuse_ids([3, 2, 1], [4, 0, 1])

    union = np.array([3, 2, 1, 4, 0])
    expected = WITHOUT_SENTENCES.chunk * zscore(COSINES[union]) + WITHOUT_SENTENCES.bm25 * zscore(BM25[union])
    best_first = np.argsort(-expected)
    assert found.ids.tolist() == union[best_first].tolist()
    assert found.fused == pytest.approx(expected[best_first], abs=1e-4)


def test_every_chunk_bears_its_own_cosine_and_bm25() -> None:
    found = fuse_ids([3, 2, 1], [4, 0, 1], top_k=4)

    assert len(found.ids) == 4
    assert found.cosines == pytest.approx(COSINES[found.ids])
    assert found.bm25 == pytest.approx(BM25[found.ids])
    assert found.sentence is None


def test_best_sentence_counts_where_there_are_sentence_vectors() -> None:
    union = np.array([3, 2, 1])
    found = fuse_ids([3, 2, 1], [], sentences=True)

    expected = (
        WITH_SENTENCES.chunk * zscore(COSINES[union])
        + WITH_SENTENCES.sentence * zscore(SENTENCES[union])
        + WITH_SENTENCES.bm25 * zscore(BM25[union])
    )
    assert found.ids.tolist() == union[np.argsort(-expected)].tolist()
    assert found.sentence == pytest.approx(SENTENCES[found.ids])


def test_padding_is_not_a_candidate() -> None:
    assert sorted(fuse_ids([3, 2, -1, -1], []).ids.tolist()) == [2, 3]


def test_without_a_known_word_the_order_is_that_of_the_cosine() -> None:
    found = fuse(
        np.array([7, 5, 9]),
        np.array([0.9, 0.8, 0.7], np.float32),
        np.empty(0, np.int64),
        np.empty(0, np.float32),
        3,
        cosine_of=lambda ids: np.zeros(len(ids), np.float32),
        lexical_of=lambda ids: np.zeros(len(ids), np.float32),
    )

    assert found.ids.tolist() == [7, 5, 9]


def test_single_chunk_is_returned_with_a_score_of_zero() -> None:
    found = fuse_ids([2], [])

    assert found.ids.tolist() == [2]
    assert found.fused.tolist() == [0]


def test_no_candidates_give_no_chunks() -> None:
    assert fuse_ids([-1, -1], []).ids.tolist() == []


def test_standardising_equals_scipy_and_is_zero_without_spread() -> None:
    assert standardise(COSINES) == pytest.approx(zscore(COSINES.astype(np.float64)))
    assert standardise([0.7, 0.7]).tolist() == [0, 0]
    assert standardise([]).tolist() == []


def test_best_sentence_of_each_chunk_is_found_in_any_order() -> None:
    vectors = np.array([[1, 0], [0.6, 0.8], [0, 1], [0.8, 0.6]], np.float16)
    starts = np.array([0, 2, 3, 3, 4])  # chunk 2 has no sentence
    question = np.array([0, 1], np.float32)

    found = best_sentence_cosines(question, vectors, starts, np.array([3, 0, 2, 1]))

    assert found == pytest.approx([0.6, 0.8, 0.0, 1.0], abs=1e-3)  # chunk 2 gets row 0's cosine, the lowest
    assert best_sentence_cosines(question, vectors, starts, np.empty(0, np.int64)).tolist() == []
