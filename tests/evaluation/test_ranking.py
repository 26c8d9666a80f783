"""Order and redundancy of a retrieval, against ranx, scikit-learn and closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import average_precision_score, ndcg_score
from sklearn.metrics.pairwise import cosine_similarity

from evaluation.ranking import average_precision, measure_redundancy, ndcg
from evaluation.summary import MEASURES
from tests.evaluation.labelled import make_scored

RANKS = st.sets(st.integers(1, 20), min_size=1).map(sorted)


def relevance(ranks: list[int], depth: int = 20) -> tuple[list[int], list[float]]:
    return [int(rank in ranks) for rank in range(1, depth + 1)], [float(-rank) for rank in range(1, depth + 1)]


@given(RANKS)
@pytest.mark.slow
def test_ndcg_is_scikit_learns(ranks: list[int]) -> None:
    truth, scores = relevance(ranks)
    assert ndcg(ranks) == pytest.approx(ndcg_score([truth], [scores]))


@given(RANKS)
@pytest.mark.slow
def test_average_precision_is_scikit_learns(ranks: list[int]) -> None:
    truth, scores = relevance(ranks)
    assert average_precision(ranks) == pytest.approx(average_precision_score(truth, scores))


# ranx 0.3.21: evaluate(qrels, run, ["ndcg", "map", "mrr", "hit_rate@1", "hit_rate@5"]) for five chunks, of which these are gold
@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        ((1,), (1.0, 1.0, 1.0, 1.0, 1.0)),
        ((3,), (0.5, 0.3333333333333333, 0.3333333333333333, 0.0, 1.0)),
        ((2, 5), (0.6240505200038379, 0.45, 0.5, 0.0, 1.0)),
        ((1, 4), (0.8772153153380493, 0.75, 1.0, 1.0, 1.0)),
        ((1, 2, 3, 4, 5), (1.0, 1.0, 1.0, 1.0, 1.0)),
    ],
)
def test_a_questions_figures_are_those_of_ranx(ranks: tuple[int, ...], expected: tuple[float, ...]) -> None:
    scored = make_scored(gold_rank=ranks[0], gold_ranks=ranks)
    assert [MEASURES[name](scored) for name in ("ndcg", "map", "mrr", "recall@1", "recall")] == pytest.approx(expected)


def test_nothing_found_is_zero_and_all_in_front_is_one() -> None:
    assert ndcg([]) == average_precision([]) == 0.0
    assert ndcg([1, 2, 3]) == average_precision([1, 2, 3]) == 1.0


def test_redundancy_is_the_mean_cosine_of_word_counts() -> None:
    texts = ["continents drift apart slowly", "continents drift apart", "cheese needs milk and milk"]
    kernel = cosine_similarity(CountVectorizer(token_pattern=r"\S+").fit_transform(texts))
    found = measure_redundancy(texts)
    assert found is not None
    assert found.cosine == pytest.approx((kernel.sum() - 3) / 6)


@pytest.mark.parametrize("k", [2, 5])
def test_chunks_that_say_the_same_are_worth_one_and_chunks_without_common_words_all(k: int) -> None:
    """The closed forms of the Vendi score: 1 for identical items, k for orthogonal ones."""
    same = measure_redundancy(["continents drift"] * k)
    apart = measure_redundancy([f"word{n} other{n}" for n in range(k)])
    assert same is not None
    assert apart is not None
    assert (same.cosine, same.distinct) == pytest.approx((1.0, 1.0))
    assert (apart.cosine, apart.distinct) == pytest.approx((0.0, k))


def test_one_chunk_repeats_nothing_and_none_has_no_figure() -> None:
    found = measure_redundancy(["continents drift"])
    assert found is not None
    assert (found.cosine, found.distinct) == pytest.approx((0.0, 1.0))
    assert measure_redundancy([]) is None


@given(st.lists(st.text(), min_size=1, max_size=8))
@pytest.mark.slow
def test_figures_stay_in_bounds_whatever_the_texts(texts: list[str]) -> None:
    found = measure_redundancy(texts)
    assert found is not None
    assert 0 <= found.cosine <= 1
    assert 1 - 1e-9 <= found.distinct <= len(texts) + 1e-9
    assert np.isfinite([found.cosine, found.distinct]).all()
