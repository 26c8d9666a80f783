"""Means and intervals over questions that come from articles: closed forms and scipy as oracles."""

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap

from evaluation.ranking import Redundancy
from evaluation.similarity import Similarity
from evaluation.summary import (
    ALL,
    FEWEST_CLUSTERS,
    MEASURES,
    MOST_DRAWN,
    UNTYPED,
    Measure,
    cluster_interval,
    measure,
    summarise,
)
from tests.evaluation.labelled import make_scored


def test_every_measure_is_the_mean_over_what_counts_towards_it() -> None:
    abstained = {"abstained": True, "answer": "", "answer_words": 0, "holds_gold": False, "exact": False, "f1": 0.0}
    scores = [
        make_scored(
            1,
            answer_words=4,
            exact=False,
            f1=0.5,
            similarity=Similarity(0.9, 0.5, 0.02, 0.1, 0.75),
            gold_ranks=(1, 3),
            redundancy=Redundancy(0.4, 2.5),
            confidence=0.75,
            reliance_nats=6.0,
            judged_right=True,
            judged_faithful=False,
            stages_ms={"embed": 8.0, "retrieve": 1.0, "generate": 4.0},
        ),
        make_scored(2, gold_rank=4, gold_ranks=(4,), correct=False, duration_ms=64.0, confidence=0.5, **abstained),
        make_scored(
            3,
            gold_rank=None,
            gold_ranks=(),
            correct=False,
            holds_gold=False,
            f1=0.25,
            exact=False,
            confidence=None,
            stages_ms={"retrieve": 3.0, "rerank": 9.0},
        ),
        make_scored(4, answerable=False, gold_rank=None, confidence=None, **{**abstained, "exact": True, "f1": 1.0}),
        make_scored(
            5, answerable=False, gold_rank=None, correct=False, holds_gold=False, exact=False, f1=0.0, confidence=None
        ),
    ]
    [whole] = summarise(scores)
    assert (whole.name, whole.questions, whole.failed) == (ALL, 5, 0)
    expected = {
        "correct": (2 / 5, 5),
        "wrong": (2 / 5, 5),
        "exact": (1 / 5, 5),
        "f1": (1.75 / 5, 5),
        "gold in answer": (1 / 3, 3),
        "has answer: correct": (1 / 3, 3),
        "has answer: exact": (0.0, 3),
        "has answer: f1": (0.75 / 3, 3),
        "no answer: correct": (1 / 2, 2),
        "abstained": (2 / 5, 5),
        "abstained wrongly": (1 / 5, 5),
        "recall@1": (1 / 3, 3),
        "recall": (2 / 3, 3),
        "mrr": (1.25 / 3, 3),
        "ndcg": (((1 + 1 / 2) / (1 + 1 / np.log2(3)) + 1 / np.log2(5)) / 3, 3),  # ranks 1 and 3; rank 4; none
        "map": (((1 + 2 / 3) / 2 + 1 / 4) / 3, 3),
        "top cosine": (0.9, 1),
        "mean cosine": (0.5, 1),
        "cosine variance": (0.02, 1),
        "margin": (0.1, 1),
        "entropy": (0.75, 1),
        "redundancy": (0.4, 1),
        "distinct chunks": (2.5, 1),
        "confidence": (0.625, 2),
        "overconfidence": ((-0.25 + 0.5) / 2, 2),
        "brier": ((0.25**2 + 0.5**2) / 2, 2),
        "reliance, nats": (6.0, 1),
        "judge: right": (1.0, 1),
        "judge: faithful": (0.0, 1),
        "answer words": (8 / 3, 3),
        "duration, ms": ((4 * 36 + 64) / 5, 5),
        "embed, ms": (8.0, 1),
        "retrieve, ms": (2.0, 2),
        "rerank, ms": (9.0, 1),
        "generate, ms": (4.0, 1),
    }
    assert set(expected) == set(MEASURES)
    for name, (value, questions) in expected.items():
        assert whole.measures[name].value == pytest.approx(value), name
        assert whole.measures[name].questions == questions, name


def test_failed_questions_are_counted_and_count_as_wrong() -> None:
    [whole] = summarise([make_scored(1), make_scored(2, failed=True, correct=False, abstained=True)])
    assert whole.failed == 1
    assert whole.measures["correct"].value == 0.5


def test_nothing_that_counts_gives_no_figure() -> None:
    [whole] = summarise([make_scored(1)])
    assert whole.measures["no answer: correct"] == Measure(None, None, None, 0)


def test_types_stand_in_alphabetical_order_after_all_and_those_without_one_together() -> None:
    scores = [
        *(make_scored(n, type="REASON", correct=False) for n in range(3)),
        *(make_scored(n, type="DATE") for n in range(3, 5)),
        make_scored(5, type=""),
    ]
    found = summarise(scores)
    assert [(each.name, each.questions) for each in found] == [(ALL, 6), ("DATE", 2), ("REASON", 3), (UNTYPED, 1)]
    assert [each.measures["correct"].value for each in found] == [0.5, 1.0, 0.0, 1.0]


@pytest.mark.parametrize("kind", ["", "DATE"])
def test_one_type_alone_is_not_told_apart(kind: str) -> None:
    assert [each.name for each in summarise([make_scored(n, type=kind) for n in range(3)])] == [ALL]


def test_interval_over_questions_of_their_own_is_the_bootstrap_of_scipy() -> None:
    values = np.random.default_rng(1).gamma(2.0, size=80)
    low, high = cluster_interval([str(n) for n in range(80)], values)
    expected = bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=2).confidence_interval
    # The 2.5th percentile of 2,000 resamples has a standard error of about 0.06 standard errors of the mean.
    tolerance = 0.25 * values.std() / np.sqrt(80)
    assert low == pytest.approx(expected.low, abs=tolerance)
    assert high == pytest.approx(expected.high, abs=tolerance)


def test_questions_of_an_article_that_go_wrong_together_widen_the_interval_as_the_square_root() -> None:
    right = np.repeat(np.arange(40) % 2, 25).astype(np.float64)  # 40 articles of 25 questions, all right or all wrong
    low, high = cluster_interval([str(n // 25) for n in range(1_000)], right)
    alone_low, alone_high = cluster_interval([str(n) for n in range(1_000)], right)
    assert (high - low) / (alone_high - alone_low) == pytest.approx(5, rel=0.15)  # the root of 25
    assert (high - low) == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 40), rel=0.1)  # of 40 independent coins


def test_larger_articles_weigh_more() -> None:
    clusters = ["big"] * 60 + ["a", "b", "c", "d", "e"]
    values = np.array([1.0] * 60 + [0.0] * 5)
    low, high = cluster_interval(clusters, values)
    assert 0 <= low < values.mean() < high <= 1
    # All of the 6 drawn articles miss the big one with probability (5/6)**6 = 0.33, and the mean is 0 then.
    assert low == 0.0


@pytest.mark.parametrize(("articles", "known"), [(FEWEST_CLUSTERS - 1, False), (FEWEST_CLUSTERS, True)])
def test_few_articles_have_a_mean_and_no_interval(articles: int, known: bool) -> None:
    found = measure([(f"a{n % articles}", float(n % 3 == 0)) for n in range(60)])
    assert found.value == pytest.approx(1 / 3)
    assert (found.low is not None, found.high is not None) == (known, known)


def test_articles_that_do_not_count_towards_a_figure_do_not_count_for_its_interval() -> None:
    values = [(f"a{n}", 1.0 if n < FEWEST_CLUSTERS - 1 else None) for n in range(20)]
    assert measure(values) == Measure(1.0, None, None, FEWEST_CLUSTERS - 1)


def test_a_share_of_all_or_none_has_exact_limits_by_article() -> None:
    right = measure([(f"a{n}", 1.0) for n in range(5)])
    assert (right.low, right.high) == (pytest.approx(binomtest(5, 5).proportion_ci(method="exact").low), 1)
    wrong = measure([(f"a{n % 10}", 0.0) for n in range(40)])
    assert (wrong.low, wrong.high) == (0, pytest.approx(binomtest(0, 10).proportion_ci(method="exact").high))
    assert measure([(f"a{n}", 0.5) for n in range(9)]).low == 0.5
    assert measure([("one", 1.0), ("two", 1.0)]).low is None


def test_interval_is_the_same_for_a_seed_and_another_for_another() -> None:
    values = [(f"a{n}", float(n**0.5)) for n in range(30)]
    assert measure(values) == measure(values)
    assert measure(values, seed=1).low != measure(values).low


@pytest.mark.slow
def test_many_articles_are_drawn_in_parts_and_still_agree_with_theory() -> None:
    count = MOST_DRAWN // 100 + 1  # 99 resamples at once
    values = np.random.default_rng(0).random(count)
    low, high = cluster_interval([str(n) for n in range(count)], values)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(count), rel=0.1)
