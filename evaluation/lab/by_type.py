"""A run by question type: boxes of what is measured, how many of each type there are, and whether similar chunks mean longer answers.

Takes scored answers; whoever wants the three groups gives `evaluation.summary.in_groups` of them. Tests of types against each other are
`evaluation.groups`'.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.scoring import Scored
from evaluation.summary import ALL, FEWEST_CLUSTERS, MEASURES, UNTYPED, FloatArray
from explain.ranking import tied_ranks

STUDIED = ("top cosine", "cosine variance", "answer words", "reliance, nats", "confidence")
"""Measures whose spread is drawn, names in MEASURES."""

REACH = 1.5
"""Interquartile ranges that a whisker may be long (Tukey 1977)."""

RESAMPLES = 1_000

DRAWN_AT_ONCE = 100
"""Resamples that are held in memory together."""

MOST_POINTS = 3_000
"""Answers that are drawn and correlated; of more, so many at random."""

FEWEST_POINTS = 10
"""Answers below which no correlation is told."""


@dataclass(frozen=True, slots=True)
class Box:
    """How a measure is spread within one type."""

    name: str
    """The type or group."""
    questions: int
    """That count towards the measure, at least 1."""
    mean: float
    low: float
    """The least value within REACH interquartile ranges of the lower quartile."""
    q1: float
    median: float
    q3: float
    high: float
    """The greatest value within REACH interquartile ranges of the upper quartile."""
    outside: tuple[float, ...]
    """Values beyond the whiskers, ascending."""


@dataclass(frozen=True, slots=True)
class TypeCount:
    """The answers of one type."""

    name: str
    """The type or group."""
    questions: int
    """How many."""
    answerable: int
    """How many the documents answer."""
    right: int
    """How many were answered rightly, or rightly not."""
    abstained: int
    """How many were not answered."""


@dataclass(frozen=True, slots=True)
class Point:
    """An answer in the plot of similarity and length."""

    question_id: str
    type: str
    """The type or group."""
    cosine: float
    """Of the question and the best chunk, in [-1, 1]."""
    words: int
    """Of the answer, at least 1: abstentions have none and are left out."""
    correct: bool


@dataclass(frozen=True, slots=True)
class Association:
    """Whether answers are longer where the best chunk is more similar."""

    name: str
    """The type or group, or `all`."""
    answers: int
    """How many."""
    rho: float | None
    """Spearman's rank correlation, in [-1, 1]; None for fewer than FEWEST_POINTS answers or values that are all equal."""
    low: float | None
    """Lower 95 % limit over resampled articles; None for fewer than five."""
    high: float | None


def _values(scores: Sequence[Scored], measure: str) -> dict[str, list[float]]:
    of = MEASURES[measure]
    found: dict[str, list[float]] = {}
    for each in sorted(scores, key=lambda each: each.type or UNTYPED):
        value = of(each)
        if value is not None:
            found.setdefault(each.type or UNTYPED, []).append(value)
    return found


def boxes(scores: Sequence[Scored], measure: str) -> list[Box]:
    """A box for each type with an answer that counts, in alphabetical order. measure: a name in MEASURES."""
    return [box(name, values) for name, values in _values(scores, measure).items()]


def box(name: str, values: Sequence[float]) -> Box:
    """Quartiles by linear interpolation, whiskers by Tukey's rule. values: at least one."""
    found = np.sort(np.array(values, np.float64))
    q1, median, q3 = (float(each) for each in np.percentile(found, [25, 50, 75]))
    reach = REACH * (q3 - q1)
    within = found[(found >= q1 - reach) & (found <= q3 + reach)]
    outside = found[(found < q1 - reach) | (found > q3 + reach)]
    # A quartile between two far values may have nothing within reach on its side.
    low, high = min(float(within[0]), q1), max(float(within[-1]), q3)
    return Box(name, len(found), float(found.mean()), low, q1, median, q3, high, tuple(map(float, outside)))


def count_answers(scores: Sequence[Scored]) -> list[TypeCount]:
    """How many answers each type has, in alphabetical order."""
    held: dict[str, list[Scored]] = {}
    for each in sorted(scores, key=lambda each: each.type or UNTYPED):
        held.setdefault(each.type or UNTYPED, []).append(each)
    return [
        TypeCount(
            name,
            len(group),
            sum(each.answerable for each in group),
            sum(each.correct for each in group),
            sum(each.abstained for each in group),
        )
        for name, group in held.items()
    ]


def _countable(scores: Sequence[Scored], seed: int) -> list[Scored]:
    """Answers with a similarity and words, in order of type; at most MOST_POINTS."""
    found = [each for each in scores if each.similarity is not None and not each.abstained and each.answer_words]
    if len(found) > MOST_POINTS:
        chosen = np.random.default_rng(seed).choice(len(found), MOST_POINTS, replace=False)
        found = [found[place] for place in np.sort(chosen)]
    return sorted(found, key=lambda each: each.type or UNTYPED)


def find_points(scores: Sequence[Scored], *, seed: int = 0) -> list[Point]:
    """The answers that are drawn: those with words, of questions for which something was retrieved; at most MOST_POINTS."""
    return [
        Point(each.question_id, each.type or UNTYPED, each.similarity.top, each.answer_words, each.correct)
        for each in _countable(scores, seed)
        if each.similarity is not None
    ]


def associate(scores: Sequence[Scored], *, seed: int = 0) -> list[Association]:
    """Similarity and length over all answers, then within each type: what holds over all may come of types that differ in both."""
    counted = _countable(scores, seed)
    kinds = list(dict.fromkeys(each.type or UNTYPED for each in counted))
    groups = [(ALL, counted)] if counted else []
    groups += [(kind, [each for each in counted if (each.type or UNTYPED) == kind]) for kind in kinds]
    return [_associate(name, group, seed) for name, group in groups]


def _associate(name: str, scores: Sequence[Scored], seed: int) -> Association:
    cosines = np.array([each.similarity.top for each in scores if each.similarity is not None], np.float64)
    words = np.array([each.answer_words for each in scores], np.float64)
    rho = spearman(cosines, words) if len(scores) >= FEWEST_POINTS else None
    _, clusters = np.unique([each.cluster for each in scores], return_inverse=True)
    if rho is None or clusters.max() + 1 < FEWEST_CLUSTERS:
        return Association(name, len(scores), rho, None, None)
    low, high = _interval(cosines, words, clusters, seed)
    return Association(name, len(scores), rho, low, high)


def spearman(one: FloatArray, other: FloatArray) -> float | None:
    """Spearman's ρ of (n,) values, ties at their mean rank; None where either is all equal."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(tied_ranks(one), tied_ranks(other))[0, 1])


def _interval(
    one: FloatArray, other: FloatArray, clusters: npt.NDArray[np.intp], seed: int
) -> tuple[float | None, float | None]:
    """Percentiles of ρ over whole clusters drawn again; a draw in which either is all equal is left out."""
    rng, many = np.random.default_rng(seed), int(clusters.max()) + 1
    found: list[float] = []
    for begun in range(0, RESAMPLES, DRAWN_AT_ONCE):
        draws = min(DRAWN_AT_ONCE, RESAMPLES - begun)
        drawn = rng.integers(many, size=(draws, many)) + many * np.arange(draws)[:, None]
        times = np.bincount(drawn.ravel(), minlength=draws * many).reshape(draws, many)
        found += _weighted_spearman(one, other, times[:, clusters]).tolist()
    if len(found) < RESAMPLES // 2:
        return None, None
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def _weighted_spearman(one: FloatArray, other: FloatArray, times: npt.NDArray[np.intp]) -> FloatArray:
    """ρ of each draw of (n,) values, without draws in which either is all equal. times: (draws, n), how often each value was drawn."""
    mean = (times.sum(axis=1, keepdims=True) + 1) / 2
    mine, theirs = (_weighted_ranks(values, times) - mean for values in (one, other))
    spread = (times * mine**2).sum(axis=1) * (times * theirs**2).sum(axis=1)
    varied = spread > 0
    together = (times * mine * theirs).sum(axis=1)
    rho: FloatArray = together[varied] / np.sqrt(spread[varied])
    return rho


def _weighted_ranks(values: FloatArray, times: npt.NDArray[np.intp]) -> FloatArray:
    """(draws, n): what `tied_ranks` gives each of (n,) values where they stand so many times."""
    order = np.argsort(values, kind="stable")
    _, first, group = np.unique(values[order], return_index=True, return_inverse=True)
    counts = np.add.reduceat(times[:, order], first, axis=1)
    ranks = np.empty(times.shape)
    ranks[:, order] = (np.cumsum(counts, axis=1) - (counts - 1) / 2)[:, group]
    return ranks
