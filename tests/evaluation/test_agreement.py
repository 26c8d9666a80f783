"""Agreement of rankings, against its definition and published weights."""

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.agreement import compare, correct_for_chance, jaccard, overlap, rbo
from pipeline.errors import InputError

RANKING = st.lists(st.integers(0, 12), unique=True, max_size=9)
PERSISTENCE = st.sampled_from([0.5, 0.8, 0.9, 0.98])


def rbo_by_series(before: Sequence[int], after: Sequence[int], p: float) -> float:
    """The infinite sum of (1 − p) pᵈ⁻¹ A_d with the agreement that Webber et al. (2010, section 4.2) assume below the rankings' ends."""
    short, long = sorted((before, after), key=len)
    s, length = len(short), len(long)

    def common(depth: int) -> int:
        return len(set(short[:depth]) & set(long[:depth]))

    def agreement(depth: int) -> float:
        if depth <= s:
            return common(depth) / depth
        if depth <= length:
            return (common(depth) + common(s) * (depth - s) / s) / depth
        return agreement(length)

    return sum((1 - p) * p ** (depth - 1) * agreement(depth) for depth in range(1, 2000))


@pytest.mark.slow
@given(RANKING, RANKING, PERSISTENCE)
def test_rbo_is_the_series_that_it_sums_up(before: list[int], after: list[int], p: float) -> None:
    if before and after:
        assert rbo(before, after, p) == pytest.approx(rbo_by_series(before, after, p), abs=1e-9)
    assert rbo(before, after, p) == pytest.approx(rbo(after, before, p))
    assert -1e-12 <= rbo(before, after, p) <= 1 + 1e-12


@given(RANKING.filter(bool), PERSISTENCE)
@pytest.mark.slow
def test_same_ranking_agrees_fully_and_a_disjoint_one_not_at_all(ranking: list[int], p: float) -> None:
    other = [each + 100 for each in ranking]
    assert rbo(ranking, ranking, p) == pytest.approx(1)
    assert rbo(ranking, other, p) == 0
    assert compare(ranking, ranking, 5, 100).corrected == pytest.approx(1)
    assert (overlap(ranking, other, 5), jaccard(ranking, other)) == (0, 0)


def test_rbo_minds_the_order_that_overlap_does_not() -> None:
    swapped_first, swapped_last = compare([1, 2, 3], [2, 1, 3], 3), compare([1, 2, 3], [1, 3, 2], 3)
    assert swapped_first.overlap == swapped_last.overlap == 1
    assert swapped_first.rbo < swapped_last.rbo < 1


def test_only_the_first_k_count() -> None:
    assert overlap([1, 2, 3, 4], [1, 2, 8, 9], 2) == 1
    assert overlap([1, 2, 3, 4], [1, 2, 8, 9], 4) == 0.5
    assert jaccard([1, 2, 3, 4], [1, 2, 8, 9]) == pytest.approx(2 / 6)


def test_random_draws_agree_no_more_than_chance() -> None:
    draw = random.Random(0)
    found = [compare(draw.sample(range(20), 5), draw.sample(range(20), 5), 5, 20) for _ in range(4000)]
    # The standard deviation of one is that of a hypergeometric share, 0.17, over 0.75; of the mean of 4,000, 0.0036.
    assert math.fsum(each.corrected or 0.0 for each in found) / 4000 == pytest.approx(0, abs=0.015)
    assert math.fsum(each.overlap for each in found) / 4000 == pytest.approx(5 / 20, abs=0.012)


def test_correction_needs_a_corpus_larger_than_k() -> None:
    assert correct_for_chance(0.6, 0.2) == pytest.approx(0.5)
    assert correct_for_chance(0.0, 0.2) == pytest.approx(-0.25)
    assert compare([1, 2], [2, 1], 5, 2).corrected is None
    assert compare([1, 2], [2, 1], 2).corrected is None


def test_corpus_smaller_than_k_can_still_agree() -> None:
    assert overlap([1, 2], [2, 1], 5) == 1
    assert compare([], [], 5).overlap == compare([], [], 5).rbo == 1
    assert compare([], [1], 5).rbo == 0


def test_nonsense_is_refused() -> None:
    for call in (lambda: rbo([1, 1], [1]), lambda: rbo([1], [1], 1.0), lambda: overlap([1], [1], 0)):
        with pytest.raises(InputError):
            call()
