"""What a run comes to, in all and by question type: shares and means with intervals that know questions come from articles.

Intervals are 95 % percentile bootstrap, resampling whole articles (clusters), since questions about one article go wrong together; of a
share that is all or none they are exact.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from evaluation.ranking import average_precision, ndcg
from evaluation.scoring import Scored

FloatArray = npt.NDArray[np.float64]

RESAMPLES = 2_000

MOST_DRAWN = 2_000_000
"""Clusters that are drawn at once, which bounds the memory."""

FEWEST_CLUSTERS = 5
"""Articles below which no interval is given: it would say more about the article than about the run."""

ALL, UNTYPED = "all", "untyped"

GROUPS: Mapping[str, tuple[str, ...]] = {
    "named things": ("DATE", "ENTITY", "LOCATION", "PERSON", "STATISTICS"),
    "descriptions": ("FACT", "PROCESS"),
    "reasons and opinions": ("OPINION", "REASON"),
}
"""The nine types of the built-in questions in three groups, by how much of a text an answer takes: a phrase, a sentence, an argument."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure with its interval."""

    value: float | None
    """None where no question counts towards it."""
    low: float | None
    """None where there are too few articles for an interval."""
    high: float | None
    questions: int
    """Questions that count towards it."""


def _stage_ms(stage: str, scored: Scored) -> float | None:
    return scored.stages_ms.get(stage)


MEASURES: Mapping[str, Callable[[Scored], float | None]] = {
    "correct": lambda s: float(s.correct),
    "wrong": lambda s: float(not s.correct and not s.abstained),
    "exact": lambda s: float(s.exact),
    "f1": lambda s: s.f1,
    "gold in answer": lambda s: float(s.holds_gold) if s.answerable else None,
    "has answer: correct": lambda s: float(s.correct) if s.answerable else None,
    "has answer: exact": lambda s: float(s.exact) if s.answerable else None,
    "has answer: f1": lambda s: s.f1 if s.answerable else None,
    "no answer: correct": lambda s: None if s.answerable else float(s.correct),
    "abstained": lambda s: float(s.abstained),
    "abstained wrongly": lambda s: float(s.abstained and not s.correct),
    "recall@1": lambda s: float(s.gold_rank == 1) if s.answerable else None,
    "recall": lambda s: float(s.gold_rank is not None) if s.answerable else None,
    "mrr": lambda s: (0.0 if s.gold_rank is None else 1 / s.gold_rank) if s.answerable else None,
    "ndcg": lambda s: ndcg(s.gold_ranks) if s.answerable and s.gold_ranks is not None else None,
    "map": lambda s: average_precision(s.gold_ranks) if s.answerable and s.gold_ranks is not None else None,
    "top cosine": lambda s: None if s.similarity is None else s.similarity.top,
    "mean cosine": lambda s: None if s.similarity is None else s.similarity.mean,
    "cosine variance": lambda s: None if s.similarity is None else s.similarity.variance,
    "margin": lambda s: None if s.similarity is None else s.similarity.margin,
    "entropy": lambda s: None if s.similarity is None else s.similarity.entropy,
    "redundancy": lambda s: None if s.redundancy is None else s.redundancy.cosine,
    "distinct chunks": lambda s: None if s.redundancy is None else s.redundancy.distinct,
    "confidence": lambda s: s.confidence,
    "overconfidence": lambda s: None if s.confidence is None else s.confidence - s.correct,
    "brier": lambda s: None if s.confidence is None else (s.confidence - s.correct) ** 2,
    "reliance, nats": lambda s: s.reliance_nats,
    "judge: right": lambda s: None if s.judged_right is None else float(s.judged_right),
    "judge: faithful": lambda s: None if s.judged_faithful is None else float(s.judged_faithful),
    "answer words": lambda s: None if s.abstained else float(s.answer_words),
    "duration, ms": lambda s: s.duration_ms,
    **{f"{stage}, ms": partial(_stage_ms, stage) for stage in ("embed", "retrieve", "rerank", "generate")},
}
"""Every figure of a summary, from one answer; None where the answer does not count towards it."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A run, or the questions of one type."""

    name: str
    """The type, or `all`."""
    questions: int
    """How many."""
    failed: int
    """How many failed."""
    measures: Mapping[str, Measure]
    """By name."""


def summarise(scores: Sequence[Scored], *, seed: int = 0) -> list[Summary]:
    """All questions, then each type in alphabetical order if there is more than one."""
    types = sorted({each.type or UNTYPED for each in scores})
    groups = [(ALL, list(scores))]
    if len(types) > 1:
        groups += [(kind, [each for each in scores if (each.type or UNTYPED) == kind]) for kind in types]
    return _summaries(groups, seed)


def summarise_groups(scores: Sequence[Scored], *, seed: int = 0) -> list[Summary]:
    """Each of GROUPS that has questions; none where all are of one group."""
    groups = [(name, [each for each in scores if each.type in types]) for name, types in GROUPS.items()]
    held = [(name, group) for name, group in groups if group]
    return _summaries(held, seed) if len(held) > 1 else []


def in_groups(scores: Sequence[Scored]) -> list[Scored]:
    """The same answers with the name of a group in place of the type; those of no group are left out."""
    group_of = {kind: name for name, types in GROUPS.items() for kind in types}
    return [replace(each, type=group_of[each.type]) for each in scores if each.type in group_of]


def headline_figures(scores: Sequence[Scored], *, seed: int = 0) -> dict[str, float | None]:
    """What a leaderboard shows of a run, JSON-ready: shares, that of right answers with its interval, and milliseconds a question."""
    right, recall, wrong, abstained, wrongly, duration = (
        measure([(each.cluster, MEASURES[name](each)) for each in scores], seed=seed)
        for name in ("correct", "recall", "wrong", "abstained", "abstained wrongly", "duration, ms")
    )
    return {
        "correct": right.value,
        "low": right.low,
        "high": right.high,
        "recall": recall.value,
        "wrong": wrong.value,
        "abstained": abstained.value,
        "abstained_wrongly": wrongly.value,
        "duration_ms": duration.value,
    }


def _summaries(groups: Sequence[tuple[str, Sequence[Scored]]], seed: int) -> list[Summary]:
    return [
        Summary(name, len(group), sum(each.failed for each in group), _measures(group, seed)) for name, group in groups
    ]


def _measures(scores: Sequence[Scored], seed: int) -> dict[str, Measure]:
    return {name: measure([(each.cluster, of(each)) for each in scores], seed=seed) for name, of in MEASURES.items()}


def measure(values: Sequence[tuple[str, float | None]], *, seed: int = 0) -> Measure:
    """The mean of what counts, with its interval over resampled clusters. values: (cluster, value or None)."""
    counted = [(cluster, value) for cluster, value in values if value is not None]
    if not counted:
        return Measure(None, None, None, 0)
    found = np.array([value for _, value in counted], np.float64)
    interval = cluster_interval([cluster for cluster, _ in counted], found, seed=seed)
    low, high = interval or (None, None)
    if interval is not None and found.min() == found.max() and found[0] in (0.0, 1.0):
        low, high = exact_limits(bool(found[0]), len({cluster for cluster, _ in counted}))
    return Measure(float(found.mean()), low, high, len(counted))


def exact_limits(right: bool, clusters: int) -> tuple[float, float]:
    """95 % limits of a share that was 1 (or 0) in every one of so many articles, which drawing them again cannot show.

    Clopper and Pearson (1934), with an article for a question: 5 of 5 leave 0.48 to 1.
    """
    bound = 0.025 ** (1 / clusters)
    return (bound, 1.0) if right else (0.0, 1 - bound)


def cluster_interval(clusters: Sequence[str], values: FloatArray, *, seed: int = 0) -> tuple[float, float] | None:
    """95 % interval of the mean of (n,) values over resampled clusters; None for fewer than FEWEST_CLUSTERS (Cameron et al. 2008)."""
    _, places = np.unique(np.array(clusters, object).astype(str), return_inverse=True)
    count = int(places.max()) + 1
    if count < FEWEST_CLUSTERS:
        return None
    sums, sizes = np.bincount(places, values), np.bincount(places)
    random, at_once = np.random.default_rng(seed), max(1, MOST_DRAWN // count)
    means: list[FloatArray] = []
    for start in range(0, RESAMPLES, at_once):
        drawn = random.integers(count, size=(min(at_once, RESAMPLES - start), count))
        means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return float(low), float(high)
