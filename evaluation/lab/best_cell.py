"""The best cell of a study, and the cheapest one that is not shown to be worse: paired over questions, by Holm. Pure computation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.lab.variance import FloatArray
from evaluation.paired import ALPHA, bca_interval, gather, holm, sign_flip_p
from evaluation.verdict import MAX_DROP


@dataclass(frozen=True, slots=True)
class Rival:
    """A cell held against the best one."""

    cell: int
    """Its place."""
    mean: float
    """Of its outcome."""
    cost: float
    """Of a question."""
    difference: float
    """Mean difference to the best cell; 0 for the best itself."""
    low: float | None
    """Lower limit of the difference, by the bias-corrected bootstrap over articles; None for too few of them."""
    high: float | None
    """Its upper limit."""
    p: float
    """Of a difference as large by chance, sign flips of articles, Holm's correction over the cells. 1 for the best itself."""

    @property
    def worse(self) -> bool:
        """Whether it is shown to be worse than the best."""
        return self.difference < 0 and self.p < ALPHA


@dataclass(frozen=True, slots=True)
class Choice:
    """Which cell to take."""

    best: int
    """The cell of the highest mean, the cheapest of those that share it."""
    cheapest: int
    """The cheapest of those that are not shown to be worse."""
    safe: int | None
    """The cheapest of those that are shown to be at most MAX_DROP worse: whose lower limit is no further down. None without limits."""
    rivals: tuple[Rival, ...]
    """Every cell, in order."""


def choose_cell(values: FloatArray, clusters: Sequence[str], costs: Sequence[float], *, seed: int = 0) -> Choice:
    """Choose among cells. values: (questions, cells), the more the better. costs: (cells,), ms a question, say."""
    means = values.mean(axis=0)
    best = min(range(len(means)), key=lambda cell: (-round(float(means[cell]), 12), costs[cell]))
    gathered = [gather(clusters, values[:, cell] - values[:, best]) for cell in range(len(means))]
    p_values = holm(
        {
            cell: sign_flip_p(data, seed=seed) if data.testable else 1.0
            for cell, data in enumerate(gathered)
            if cell != best
        }
    )
    rivals = []
    for cell, data in enumerate(gathered):
        low, high = bca_interval(data, seed=seed) or (None, None)
        rivals.append(
            Rival(cell, float(means[cell]), float(costs[cell]), data.mean, low, high, p_values.get(cell, 1.0))
        )
    standing = [rival for rival in rivals if not rival.worse]
    cheapest = min(standing, key=lambda rival: (rival.cost, -rival.mean))
    safe = [rival for rival in rivals if rival.cell == best or (rival.low is not None and rival.low >= -MAX_DROP)]
    least = min(safe, key=lambda rival: (rival.cost, -rival.mean))
    return Choice(best, cheapest.cell, least.cell if gathered[best].testable else None, tuple(rivals))


def latency_cost(durations_ms: FloatArray) -> FloatArray:
    """(cells,): median ms a question; durations_ms: (questions, cells)."""
    return np.asarray(np.median(durations_ms, axis=0), np.float64)
