"""Whether an attribution may be believed: how well it predicts what leaving chunks out really does.

An explanation that nobody checked is decoration. Both checks use scores that were measured, none that the attribution made.
"""

from itertools import combinations

import numpy as np
import numpy.typing as npt

from explain.attribution import players
from explain.ranking import tied_ranks

FloatArray = npt.NDArray[np.float64]


def spearman(one: FloatArray, other: FloatArray) -> float | None:
    """Spearman's rank correlation of two (n,) arrays; None where one of them is constant, which has no order to agree with."""
    first, second = tied_ranks(one), tied_ranks(other)
    first, second = first - first.mean(), second - second.mean()
    norm = float(np.sqrt((first @ first) * (second @ second)))
    return None if norm == 0 else float(first @ second) / norm


def datamodeling_score(weights: FloatArray, masks: npt.NDArray[np.bool_], actual: FloatArray) -> float | None:
    """LDS (Park et al. 2023; Cohen-Wang et al. 2024): Spearman of the linear surrogate and of what was measured.

    weights (k,); masks (n, k): chunks in play; actual (n,): v of each mask. 1 for an additive game; None where nothing changes.
    Masks that the weights were fitted on flatter them: give held-out ones.
    """
    # Rounded, since sums of the same weights in another order differ in the last digits, and ranks would tell them apart.
    return spearman(np.round(masks @ weights, 9), np.round(actual, 9))


def top_drop(weights: FloatArray, game: FloatArray, top: int) -> float:
    """v(N) − v(N∖the `top` chunks that the weights rank highest), nats, for a game (2^k,)."""
    k = players(game)
    best = np.argsort(-weights, kind="stable")[: min(top, k)]
    lost = sum(1 << int(i) for i in best)
    return float(game[-1] - game[(2**k - 1) & ~lost])


def random_drop(game: FloatArray, top: int) -> float:
    """The mean of `top_drop` over all choices of `top` chunks: what a ranking without knowledge gets, nats."""
    k = players(game)
    drops = [game[-1] - game[(2**k - 1) & ~sum(1 << i for i in lost)] for lost in combinations(range(k), min(top, k))]
    return float(np.mean(drops))
