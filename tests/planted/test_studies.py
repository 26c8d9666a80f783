"""The decomposition comes through its planted studies, and none that is broken does: otherwise they would certify nothing."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from evaluation.lab.variance import Decomposition, FloatArray, Form, Outcome, decompose
from tests.planted.studies import LEAST_COVERED, certify_shares, planted_studies

STUDIES = planted_studies()


@pytest.mark.slow
def test_shares_lie_within_their_intervals_over_all_seeds() -> None:
    certificate = certify_shares(decompose, STUDIES)
    assert certificate.failures == []
    assert certificate.coverage >= LEAST_COVERED
    assert certificate.passed


def with_chance(outcome: Outcome) -> Decomposition | None:
    """Takes the error of a mean for an effect: the square of the mean as it is."""

    def plain(form: Form, weights: FloatArray) -> FloatArray:
        return np.asarray(((weights @ form.sums / (weights @ form.sizes)[:, None]) ** 2).sum(axis=1))

    return decompose(outcome, squares=plain)


def without_articles(outcome: Outcome) -> Decomposition | None:
    """Takes questions about one article for independent ones."""
    return decompose(replace(outcome, clusters=[str(number) for number in range(len(outcome.values))]))


def without_questions(outcome: Outcome) -> Decomposition | None:
    """Takes a question's answers in different cells for answers to different questions."""
    random = np.random.default_rng(0)
    shuffled = np.column_stack([random.permutation(column) for column in outcome.values.T])
    return decompose(replace(outcome, values=shuffled))


def mixed_up(outcome: Outcome) -> Decomposition | None:
    """Takes one factor for another."""
    return decompose(replace(outcome, cells=outcome.cells[:, [3, 1, 0, 2]]))


def too_sure(outcome: Outcome) -> Decomposition | None:
    """Intervals of a tenth of the width."""
    found = decompose(outcome)
    assert found is not None
    factors = {
        name: replace(
            part,
            low=part.value + ((part.low or 0.0) - part.value) / 10,
            high=part.value + ((part.high or 0.0) - part.value) / 10,
        )
        for name, part in found.factors.items()
    }
    return replace(found, factors=factors)


@pytest.mark.slow
@pytest.mark.parametrize("broken", [with_chance, without_articles, without_questions, mixed_up, too_sure])
def test_broken_decomposition_fails(broken: Callable[[Outcome], Decomposition | None]) -> None:
    assert not certify_shares(broken, STUDIES).passed


def test_planted_share_is_the_variance_that_its_effect_gives() -> None:
    """With so many questions, chance and questions average out: the cells' means vary by the planted effects alone."""
    study = STUDIES[0]
    cells = study.outcome.cells
    by_cell = study.outcome.values.mean(axis=0)
    means = [by_cell[cells[:, 0] == level].mean() for level in (0, 1)]
    assert np.var(means) / study.outcome.values.var() == pytest.approx(study.truth["embedder"], rel=0.35)
