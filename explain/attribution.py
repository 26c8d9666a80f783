"""What each chunk contributed, exactly, from the values of all subsets: leave-one-out, Shapley value, pairwise interaction.

A game is an array whose first axis are the 2^k subsets, by number (bit i: chunk i is in); further axes, such as the answer's tokens, are
games of their own. Everything here is linear in the game, so that per-token figures add up to the answer's.
"""

from math import factorial

import numpy as np
import numpy.typing as npt

from pipeline.errors import InputError

FloatArray = npt.NDArray[np.float64]


def players(game: FloatArray) -> int:
    """k, of a game of 2^k subsets. Raises InputError for another number."""
    k = len(game).bit_length() - 1
    if len(game) != 2**k:
        raise InputError(f"A game has a value for each of 2^k subsets; this one has {len(game)}.")
    return k


def reliance(game: FloatArray) -> FloatArray:
    """v(N) − v(∅): what all chunks together did, (...) for a game (2^k, ...)."""
    found: FloatArray = game[-1] - game[0]
    return found


def leave_one_out(game: FloatArray) -> FloatArray:
    """v(N) − v(N∖i): (k, ...). Two redundant chunks have 0 each, however much they did together."""
    full = len(game) - 1
    return np.array([game[full] - game[full & ~(1 << i)] for i in range(players(game))]).reshape(
        players(game), *game.shape[1:]
    )


def alone(game: FloatArray) -> FloatArray:
    """v({i}) − v(∅): (k, ...), what each chunk does by itself."""
    return np.array([game[1 << i] - game[0] for i in range(players(game))]).reshape(players(game), *game.shape[1:])


def shapley(game: FloatArray) -> FloatArray:
    """Exact Shapley values, (k, ...): Σφ = v(N) − v(∅) (Shapley 1953)."""
    k = players(game)
    subsets = np.arange(2**k)
    sizes = np.array([int(subset).bit_count() for subset in subsets])
    found = np.zeros((k, *game.shape[1:]))
    for i in range(k):
        without = subsets[subsets >> i & 1 == 0]
        weights = np.array([factorial(s) * factorial(k - s - 1) / factorial(k) for s in sizes[without]])
        found[i] = np.tensordot(weights, game[without | 1 << i] - game[without], axes=1)
    return found


def interactions(game: FloatArray) -> FloatArray:
    """Pairwise Shapley interactions, (k, k, ...), symmetric, the diagonal 0 (Grabisch & Roubens 1999).

    Below 0: the two do the same work (either alone suffices); above 0: they work only together. With Shapley values less half of their
    rows on its diagonal this is k-SII of order 2 (Bordt & von Luxburg 2023): main effects and pairs add up to v(N) − v(∅).
    """
    k = players(game)
    subsets = np.arange(2**k)
    found = np.zeros((k, k, *game.shape[1:]))
    for i in range(k):
        for j in range(i + 1, k):
            without = subsets[(subsets >> i & 1 == 0) & (subsets >> j & 1 == 0)]
            weights = np.array(
                [
                    factorial(int(s).bit_count()) * factorial(k - int(s).bit_count() - 2) / factorial(k - 1)
                    for s in without
                ]
            )
            both, one, other = without | 1 << i | 1 << j, without | 1 << i, without | 1 << j
            found[i, j] = found[j, i] = np.tensordot(
                weights, game[both] - game[one] - game[other] + game[without], axes=1
            )
    return found


def dependence(game: FloatArray) -> FloatArray:
    """Each interaction as a share of what its two chunks did, (k, k) for a game (2^k,): −1 for a pure OR of the two, +1 for a pure AND.

    0 where neither did anything. Unlike the interaction itself it has no unit, so that it reads alike for every answer.
    """
    did = np.abs(shapley(game))
    together = did[:, None] + did[None, :]
    found: FloatArray = np.divide(interactions(game), together, out=np.zeros_like(together), where=together > 0)
    return found
