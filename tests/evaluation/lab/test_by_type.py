"""Boxes, counts and correlations by type, against matplotlib's rule, numpy and scipy."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from evaluation.lab.by_type import MOST_POINTS, RESAMPLES, associate, box, boxes, count_answers, find_points, spearman
from evaluation.scoring import Scored
from evaluation.similarity import Similarity
from evaluation.summary import in_groups
from tests.evaluation.labelled import make_scored


def scored(number: int, kind: str, cosine: float, words: int, **given: object) -> Scored:
    similarity = Similarity(cosine, cosine, 0.001, 0.01, 0.5)
    return make_scored(number, type=kind, similarity=similarity, answer_words=words, **given)


def test_box_has_tukeys_whiskers() -> None:
    # 1 to 9 and two far out: quartiles 3.5 and 8.5, so that whiskers reach at most from −4 to 16.
    found = box("DATE", [*range(1, 10), 16, 17])
    assert (found.q1, found.median, found.q3) == (3.5, 6.0, 8.5)
    assert (found.low, found.high, found.outside) == (1.0, 16.0, (17.0,))
    assert found.mean == np.mean([*range(1, 10), 16, 17])


@pytest.mark.parametrize("seed", range(5))
def test_a_boxs_figures_come_in_order_and_no_value_is_lost(seed: int) -> None:
    values = np.random.default_rng(seed).standard_t(1.2, size=40 + seed)
    found = box("DATE", values.tolist())
    assert found.low <= found.q1 <= found.median <= found.q3 <= found.high
    assert all(value < found.low or value > found.high for value in found.outside)
    assert sum((values >= found.low) & (values <= found.high)) + len(found.outside) == len(values)


@pytest.mark.parametrize("values", [[2.0], [1.0, 9.0], [0.5] * 7])
def test_few_or_equal_values_make_a_box_too(values: list[float]) -> None:
    found = box("DATE", values)
    assert (found.low, found.high, found.outside) == (min(values), max(values), ())


def test_boxes_hold_what_counts_by_type_or_by_group() -> None:
    scores = [
        scored(1, "DATE", 0.9, 2),
        scored(2, "PERSON", 0.8, 4),
        scored(3, "REASON", 0.7, 8),
        scored(4, "", 0.6, 3),
        scored(5, "DATE", 0.5, 0, abstained=True),
    ]
    assert {each.name: each.questions for each in boxes(scores, "answer words")} == {
        "DATE": 1,
        "PERSON": 1,
        "REASON": 1,
        "untyped": 1,
    }
    grouped = {each.name: each for each in boxes(in_groups(scores), "top cosine")}
    assert {name: each.questions for name, each in grouped.items()} == {"named things": 3, "reasons and opinions": 1}
    assert grouped["named things"].median == 0.8
    assert boxes(scores, "reliance, nats") == []


def test_answers_are_counted_by_what_became_of_them() -> None:
    scores = [
        make_scored(1, type="DATE"),
        make_scored(2, type="DATE", correct=False, abstained=True),
        make_scored(3, type="DATE", answerable=False, abstained=True),
        make_scored(4, type=""),
    ]
    dates, untyped = count_answers(scores)
    assert (dates.name, dates.questions, dates.answerable, dates.right, dates.abstained) == ("DATE", 3, 2, 2, 2)
    assert (untyped.name, untyped.questions) == ("untyped", 1)


def test_correlation_is_scipys_with_ties() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.integers(0, 8, 60).astype(float), rng.integers(0, 8, 60).astype(float)
    assert spearman(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert spearman(np.ones(10), other[:10]) is None


@pytest.mark.slow
def test_a_correlation_that_comes_of_the_types_alone_is_there_over_all_and_not_within_one() -> None:
    rng = np.random.default_rng(0)
    scores = [
        scored(n, kind, cosine + 0.02 * rng.normal(), words + int(rng.integers(0, 5)))
        for n, (kind, cosine, words) in enumerate([("DATE", 0.6, 2), ("REASON", 0.9, 20)] * 60)
    ]
    whole, *types = associate(scores)
    assert whole.low is not None
    assert whole.low > 0.5
    assert [each.name for each in types] == ["DATE", "REASON"]
    for each in types:
        assert each.low is not None
        assert each.high is not None
        assert each.low < 0 < each.high


@pytest.mark.slow
@pytest.mark.parametrize("articles", [5, 30])
def test_interval_is_that_of_drawing_the_articles_again_one_after_another(articles: int) -> None:
    rng = np.random.default_rng(articles)
    cosines, words, of = rng.normal(size=40).round(1), rng.integers(1, 9, 40), rng.integers(articles, size=40)
    scores = [scored(n, "DATE", cosines[n], int(words[n]), cluster=f"article {of[n]:02d}") for n in range(40)]
    held = [np.flatnonzero(of == article) for article in np.unique(of)]
    draws, found = np.random.default_rng(7), []
    for _ in range(RESAMPLES):
        places = np.concatenate([held[place] for place in draws.integers(len(held), size=len(held))])
        found.append(spearman(cosines[places], words[places].astype(float)))
    whole = associate(scores, seed=7)[0]
    expected = np.percentile([rho for rho in found if rho is not None], [2.5, 97.5])
    assert (whole.low, whole.high) == pytest.approx(tuple(expected))


@pytest.mark.slow
def test_interval_of_a_correlation_covers_none_at_about_its_level() -> None:
    covered = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        scores = [scored(n, "DATE", float(rng.normal()), int(rng.integers(1, 30))) for n in range(40)]
        whole = associate(scores, seed=seed)[0]
        assert whole.low is not None
        assert whole.high is not None
        covered += whole.low <= 0 <= whole.high
    # Of 40 at 95 %, 33 or more with probability .9997; at 80 %, with .44.
    assert covered >= 33


def test_few_answers_or_articles_give_no_correlation_or_no_interval() -> None:
    few = [scored(n, "DATE", 0.5 + n / 100, n + 1) for n in range(5)]
    assert [each.rho for each in associate(few)] == [None, None]
    one_article = [scored(n, "DATE", 0.5 + n / 100, n + 1, cluster="drift") for n in range(20)]
    whole = associate(one_article)[0]
    assert (whole.rho, whole.low, whole.high) == (pytest.approx(1.0), None, None)
    assert associate([]) == []


def test_points_are_answers_with_words_and_no_more_than_can_be_drawn() -> None:
    scores = [scored(n, "DATE", 0.5, n % 3, abstained=n % 3 == 0) for n in range(9)]
    assert {point.question_id for point in find_points(scores)} == {f"q{n}" for n in range(9) if n % 3}
    many = [scored(n, "DATE", 0.5, 2) for n in range(MOST_POINTS + 5)]
    assert len(find_points(many)) == MOST_POINTS
