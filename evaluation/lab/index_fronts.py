"""What settings of an index are worth: the front of recall and time, the quickest that finds enough, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.summary import cluster_interval, measure

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

ENOUGH = 0.99
"""Share of an exact search's chunks that a recommended setting finds beyond chance."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over questions."""

    value: float
    """In [0, 1]."""
    low: float | None
    """Lower 95 % limit; None where questions are about fewer than five documents."""
    high: float | None
    """Upper limit."""


@dataclass(frozen=True, slots=True)
class Point:
    """A setting, as it is weighed."""

    ms: float
    """Time a question."""
    recall: float
    """Share of the exact search's chunks that it finds."""
    low: float | None
    """Lower limit of `recall`."""
    usable: bool = True
    """Whether it may be put in use."""


def find_front(points: Sequence[Point]) -> list[int]:
    """Places of the settings that no other one beats in both time and recall, the quickest first; of equals, the first."""
    order = sorted(range(len(points)), key=lambda place: (points[place].ms, -points[place].recall))
    front: list[int] = []
    for place in order:
        if not front or points[place].recall > points[front[-1]].recall:
            front.append(place)
    return front


def recommend(points: Sequence[Point], enough: float = ENOUGH) -> int | None:
    """The quickest usable setting whose recall's lower limit is `enough`; None where there is none."""
    fitting = [
        place for place, point in enumerate(points) if point.usable and point.low is not None and point.low >= enough
    ]
    return min(fitting, key=lambda place: points[place].ms, default=None)


def recall_figure(clusters: Sequence[str], recalls: FloatArray, k: int) -> Figure:
    """The mean of (n,) recalls@k with its interval over resampled documents.

    Where nothing was missed there is no spread to draw from: the lower limit is then Clopper and Pearson's (1934) of as many neighbours as
    were looked for, so that a setting that missed one is not thought better than one that missed none.
    """
    interval = cluster_interval(clusters, recalls)
    if interval is None:
        return Figure(float(recalls.mean()), None, None)
    low, high = interval
    if bool((recalls == 1).all()):
        low = 0.025 ** (1 / (len(recalls) * k))
    return Figure(float(recalls.mean()), low, high)


def share_figure(clusters: Sequence[str], values: FloatArray) -> Figure | None:
    """The mean of (n,) values with its interval, as `evaluation.summary.measure` has it; None for no value."""
    found = measure([(cluster, float(value)) for cluster, value in zip(clusters, values, strict=True)])
    return None if found.value is None else Figure(found.value, found.low, found.high)


def first_places(ids: IntArray, gold: Sequence[frozenset[int]]) -> IntArray:
    """(n,): the place, from 1, of the first gold id in each row of (n, k); 0 where there is none."""
    found = [
        next((place for place, each in enumerate(row.tolist(), start=1) if each in wanted), 0)
        for row, wanted in zip(ids, gold, strict=True)
    ]
    return np.asarray(found, np.int64)
