"""Variance components against closed forms: brute force over pairs of questions, and sums of squares."""

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest

from evaluation.lab.design import all_cells, choose_cells
from evaluation.lab.variance import FloatArray, Outcome, decompose, pair_means
from pipeline.errors import InputError

LEVELS, NAMES = (2, 3, 2), ("embedder", "chunking", "top_k")


def make_outcome(seed: int = 0, questions: int = 40, per_article: int = 2, fraction: Fraction = Fraction(1)) -> Outcome:
    random = np.random.default_rng(seed)
    cells = choose_cells(LEVELS, fraction, seed=seed)
    effects = [random.normal(size=count) for count in LEVELS]
    values = random.normal(size=(questions, len(cells))) + random.normal(size=questions)[:, None]
    for factor, effect in enumerate(effects):
        values += effect[cells[:, factor]]
    clusters = [str(number // per_article) for number in range(questions)]
    return Outcome(values, clusters, cells, LEVELS, NAMES)


def level_effects(outcome: Outcome, factor: int) -> FloatArray:
    """(questions, levels): mean of a question's cells with a level, less its mean."""
    means = [outcome.values[:, outcome.cells[:, factor] == level].mean(axis=1) for level in range(LEVELS[factor])]
    return np.column_stack(means) - outcome.values.mean(axis=1)[:, None]


def product_over_articles(effects: FloatArray, clusters: list[str]) -> float:
    """The mean product of the effects of two questions of two articles, by a loop over all pairs."""
    products = [
        effects[one] @ effects[other] / effects.shape[1]
        for one, other in permutations(range(len(effects)), 2)
        if clusters[one] != clusters[other]
    ]
    return float(np.mean(products))


def test_factors_share_is_the_mean_product_over_pairs_of_questions_of_two_articles() -> None:
    outcome = make_outcome()
    found = decompose(outcome)
    assert found is not None
    for factor, name in enumerate(NAMES):
        effects = level_effects(outcome, factor)
        expected = product_over_articles(effects, list(outcome.clusters))
        assert found.factors[name].value * found.total == pytest.approx(expected)
        every = float((effects**2).sum(axis=1).mean() / LEVELS[factor])
        assert found.varying[name].value * found.total == pytest.approx(every - expected)


def test_all_shares_between_cells_add_up_to_what_the_choices_account_for() -> None:
    found = decompose(make_outcome(3))
    assert found is not None
    assert found.orthogonal
    parts = [*found.factors.values(), *found.pairs.values(), found.higher]
    assert sum(part.value for part in parts) == pytest.approx(found.choices.value)
    assert len(found.pairs) == 3


def test_shapley_values_of_a_balanced_study_are_the_factors_own_shares() -> None:
    found = decompose(make_outcome(1))
    assert found is not None
    for name in NAMES:
        assert found.shapley[name].value == pytest.approx(found.factors[name].value / found.choices.value)


def test_shapley_values_of_missing_cells_add_up_to_what_main_effects_explain() -> None:
    """Without questions' own noise R² is that of ordinary least squares on the cells' means."""
    random = np.random.default_rng(2)
    cells = np.delete(all_cells(LEVELS), [1, 4, 9], axis=0)
    means = random.normal(size=len(cells))
    values = np.tile(means, (10, 1)) + np.arange(10)[:, None]
    found = decompose(Outcome(values, list("abcdefghij"), cells, LEVELS, NAMES))
    assert found is not None
    assert not found.orthogonal
    dummies = [cells[:, [factor]] == np.arange(count) for factor, count in enumerate(LEVELS)]
    design = np.column_stack([np.ones(len(cells)), *dummies]).astype(float)
    left = means - design @ np.linalg.lstsq(design, means, rcond=None)[0]
    assert sum(part.value for part in found.shapley.values()) == pytest.approx(1 - left.var() / means.var())


def test_levels_means_are_those_of_their_cells() -> None:
    outcome = make_outcome(4)
    found = decompose(outcome)
    assert found is not None
    for level in found.levels:
        chosen = outcome.cells[:, level.factor] == level.level
        assert level.mean == pytest.approx(outcome.values[:, chosen].mean())
        assert level.low is not None
        assert level.high is not None
        assert level.low < level.difference < level.high


def test_copies_of_a_question_in_one_article_do_not_count_as_evidence() -> None:
    """Each article's question ten times over says no more than once, and the intervals are as wide."""
    once = make_outcome(5, questions=20, per_article=1)
    tenfold = Outcome(np.repeat(once.values, 10, axis=0), list(np.repeat(once.clusters, 10)), once.cells, LEVELS, NAMES)
    one, ten = decompose(once), decompose(tenfold)
    assert one is not None
    assert ten is not None
    for name in NAMES:
        assert (ten.factors[name].value, ten.factors[name].low) == pytest.approx(
            (one.factors[name].value, one.factors[name].low)
        )


@pytest.mark.slow
def test_fraction_that_cannot_tell_pairs_says_so() -> None:
    found = decompose(make_outcome(6, fraction=Fraction(1, 2)))
    assert found is not None
    assert found.pairs == {}


def test_factor_with_one_level_accounts_for_nothing() -> None:
    outcome = make_outcome(7)
    chosen = outcome.cells[:, 1] == 0
    found = decompose(Outcome(outcome.values[:, chosen], outcome.clusters, outcome.cells[chosen], (2, 1, 2), NAMES))
    assert found is not None
    assert found.factors["chunking"].value == 0
    assert {level.factor for level in found.levels} == {0, 2}


def test_an_outcome_that_is_the_same_everywhere_is_none() -> None:
    outcome = make_outcome()
    same = Outcome(np.full_like(outcome.values, 0.7), outcome.clusters, outcome.cells, LEVELS, NAMES)
    assert decompose(same) is None


def test_cells_that_are_alike_but_for_rounding_have_no_shares_of_their_differences() -> None:
    """Each cell adds the same cosines in another order, as it were."""
    random = np.random.default_rng(8)
    cells = all_cells((2, 2))
    cosines = random.uniform(0.4, 0.9, size=10)
    values = cosines[:, None] * (1 + 1e-16 * random.integers(-2, 3, size=(10, len(cells))))
    found = decompose(Outcome(values, list("abcdefghij"), cells, (2, 2), ("top_k", "rerank")))
    assert found is not None
    assert found.shapley == {}
    assert [(level.difference, level.low, level.high) for level in found.levels] == [(0.0, 0.0, 0.0)] * 4
    assert found.question.value == pytest.approx(1)


def test_intervals_of_shares_lie_within_nothing_and_everything() -> None:
    """No factor does anything, so that by chance half of what is drawn lies below 0."""
    random = np.random.default_rng(9)
    cells = all_cells((2, 2))
    values = random.normal(size=(10, len(cells))) + 3 * random.normal(size=10)[:, None]
    found = decompose(Outcome(values, list("abcdefghij"), cells, (2, 2), ("top_k", "rerank")))
    assert found is not None
    parts = [found.question, found.higher, found.choices, *found.factors.values(), *found.varying.values()]
    for part in [*parts, *found.pairs.values()]:
        assert part.low is not None
        assert part.high is not None
        assert 0 <= part.low <= part.high <= 1


def test_variance_that_one_article_makes_has_shares_and_no_intervals() -> None:
    """In a third of the drawings it is not drawn: there is nothing to share."""
    cells = all_cells((2, 2))
    values = np.ones((10, len(cells)))
    values[0] = 0
    found = decompose(Outcome(values, list("abcdefghij"), cells, (2, 2), ("top_k", "rerank")))
    assert found is not None
    assert found.question.value == pytest.approx(1)
    assert (found.question.low, found.question.high) == (None, None)
    assert found.shapley == {}


def test_few_articles_have_shares_and_no_intervals() -> None:
    found = decompose(make_outcome(questions=6, per_article=2))
    assert found is not None
    assert found.question.low is None


def test_one_article_and_factors_that_go_together_are_refused() -> None:
    outcome = make_outcome()
    with pytest.raises(InputError, match="1 articles"):
        decompose(Outcome(outcome.values, ["a"] * 40, outcome.cells, LEVELS, NAMES))
    chosen = outcome.cells[:, 0] == outcome.cells[:, 2]
    with pytest.raises(InputError, match="do not tell the factors apart"):
        decompose(Outcome(outcome.values[:, chosen], outcome.clusters, outcome.cells[chosen], LEVELS, NAMES))


def test_pair_means_leave_a_gap_where_no_cell_is() -> None:
    outcome = make_outcome()
    kept = ~((outcome.cells[:, 0] == 0) & (outcome.cells[:, 1] == 2))
    means = pair_means(Outcome(outcome.values[:, kept], outcome.clusters, outcome.cells[kept], LEVELS, NAMES), 0, 1)
    assert np.isnan(means[0, 2])
    assert np.isnan(means).sum() == 1
    assert means[1, 1] == pytest.approx(
        outcome.values[:, (outcome.cells[:, 0] == 1) & (outcome.cells[:, 1] == 1)].mean()
    )
