"""Several ways of doing one thing, measured on the same questions: which pairs of them differ by more than chance.

Every difference is the second less the first, question by question, over whole articles; p values are corrected over all tests that were
made (Holm), so that trying more ways does not find more differences. Refuses to know what the ways are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from evaluation.paired import ALPHA, bca_interval, gather, holm, score_limits, sign_flip_p
from evaluation.summary import FEWEST_CLUSTERS
from pipeline.errors import InputError

Values = Sequence[float | None]
"""A figure of each question, in an order that all ways share; None where a question does not count."""


@dataclass(frozen=True, slots=True)
class PairTest:
    """One measure of two ways."""

    measure: str
    """What was measured."""
    first: str
    """A way."""
    second: str
    """Another one."""
    questions: int
    """Questions that count for both."""
    difference: float | None
    """Mean of the second less that of the first; None where no question counts for both."""
    low: float | None
    """Lower end of its 95 % interval; None where there are too few articles, or nothing to resample."""
    high: float | None
    """Upper end."""
    p: float | None
    """Two-sided, of a paired sign-flip test over articles; None where nothing could be tested."""
    p_adjusted: float | None = None
    """By Holm over all tests that were made together."""
    why_no_test: str = ""
    """Why there is no p value; empty where there is one."""

    @property
    def significant(self) -> bool:
        """Whether the two differ by more than chance."""
        return self.p_adjusted is not None and self.p_adjusted < ALPHA


def compare_pairs(
    values: Mapping[str, Mapping[str, Values]], clusters: Sequence[str], *, against: str | None = None, seed: int = 0
) -> list[PairTest]:
    """Test every pair of ways on every measure; measure by measure, in the order of the ways.

    values: of each measure, each way's figures of (n,) questions. clusters: the article of each. against: the way that the others are
    held against; None for every pair. Raises InputError where a way has another number of questions.
    """
    found = []
    for measure, ways in values.items():
        for name, given in ways.items():
            if len(given) != len(clusters):
                raise InputError(
                    f"{name} has {len(given)} values of {measure}, and there are {len(clusters)} questions."
                )
        pairs = combinations(ways, 2) if against is None else ((against, name) for name in ways if name != against)
        if against is not None and against not in ways:
            continue
        found += [_test(measure, one, other, ways[one], ways[other], clusters, seed) for one, other in pairs]
    adjusted = holm({place: each.p for place, each in enumerate(found) if each.p is not None})
    return [replace(each, p_adjusted=adjusted.get(place)) for place, each in enumerate(found)]


def _test(
    measure: str, first: str, second: str, before: Values, after: Values, clusters: Sequence[str], seed: int
) -> PairTest:
    counted = [
        (cluster, x, y)
        for cluster, x, y in zip(clusters, before, after, strict=True)
        if x is not None and y is not None
    ]
    if not counted:
        return PairTest(measure, first, second, 0, None, None, None, None, why_no_test="no question counts for both")
    change = np.array([y - x for _, x, y in counted], np.float64)
    data = gather([cluster for cluster, *_ in counted], change)
    if not data.testable:
        why = f"fewer than {FEWEST_CLUSTERS} articles"
        return PairTest(measure, first, second, len(counted), data.mean, None, None, None, why_no_test=why)
    if not change.any():
        low, high = _unmoved_limits(counted, len(data.sums))
        return PairTest(measure, first, second, len(counted), 0.0, low, high, None, why_no_test="nothing differs")
    limits = bca_interval(data, seed=seed)
    low, high = limits if limits is not None else (None, None)
    return PairTest(measure, first, second, len(counted), data.mean, low, high, sign_flip_p(data, seed=seed))


def _unmoved_limits(counted: Sequence[tuple[str, float, float]], articles: int) -> tuple[float | None, float | None]:
    """Limits of a difference of shares where no question changed, an article counted as one question; None for what is no share."""
    if {x for _, x, _ in counted} <= {0.0, 1.0}:
        return score_limits(0, 0, articles)
    return None, None
