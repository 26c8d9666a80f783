"""Which cells of a factorial are run: all of them, or a balanced fraction that tells the factors apart as well as so few cells can.

In a balanced fraction every level of every factor stands equally often. Among balanced fractions the one whose main effects are told
best is sought, D-optimality, by exchanging levels between cells (Cook and Nachtsheim 1980, Technometrics 22:315). Pure computation.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from pipeline.errors import InputError

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

MOST_CELLS = 1_000
"""Cells of a study; more would take weeks, and nobody reads them."""

STARTS = 6
"""Random beginnings of the search, the best of which is kept."""

EXCHANGES = 1_500
"""Exchanges tried from each."""


def all_cells(levels: Sequence[int]) -> IntArray:
    """(cells, factors): every combination of the levels, of which there are `levels[f]` of factor f; the last factor changes fastest."""
    return np.array(list(product(*map(range, levels))), np.int64).reshape(-1, len(levels))


def choose_cells(levels: Sequence[int], fraction: Fraction = Fraction(1), *, seed: int = 0) -> IntArray:
    """(cells, factors): all combinations, or a balanced fraction of about this size, in the order of `all_cells`.

    levels: at least 1 of each factor. fraction: above 0, at most 1. The number of cells is the nearest multiple of what every level can
    stand equally often in. Raises InputError where there are too many cells, or too few to tell the factors apart.
    """
    whole = math.prod(levels)
    if not 0 < fraction <= 1:
        raise InputError(f"The fraction is {fraction}; give one above 0 and at most 1, as in 1/2.")
    step = math.lcm(*levels)
    size = min(whole, max(1, round(whole * fraction / step)) * step)
    if size > MOST_CELLS:
        raise InputError(
            f"The study has {size:,} cells; at most {MOST_CELLS:,} are run. Take levels away, or a fraction."
        )
    if size == whole:
        return all_cells(levels)
    needed = 1 + sum(count - 1 for count in levels)
    if size < needed:
        enough = Fraction(math.ceil(needed / step) * step, whole)
        raise InputError(
            f"A fraction of {fraction} is {size} of {whole} cells, and telling the levels apart takes {needed}. "
            f"Give a fraction of {enough} or more."
        )
    random = np.random.default_rng(seed)
    found = max((_search(levels, size, random) for _ in range(STARTS)), key=lambda cells: _quality(cells, levels))
    if _quality(found, levels)[0] <= -math.inf:
        raise InputError(
            f"No balanced fraction of {size} of {whole} cells tells the levels apart. Give a larger fraction."
        )
    return found[np.lexsort(found.T[::-1])]


def effects(cells: IntArray, levels: Sequence[int]) -> list[FloatArray]:
    """For each factor (cells, levels − 1): its levels in columns that add up to 0 over levels, each of length 1 a cell on average."""
    return [contrasts(count)[cells[:, factor]] for factor, count in enumerate(levels)]


@cache
def contrasts(count: int) -> FloatArray:
    """(count, count − 1): Helmert's columns, orthogonal to one another and to 1, of mean square 1. Not to be written to."""
    rows = np.zeros((count, count - 1))
    for column in range(count - 1):
        rows[: column + 1, column] = 1.0
        rows[column + 1, column] = -(column + 1.0)
    scaled = np.asarray(rows / np.sqrt((rows**2).mean(axis=0)), np.float64) if count > 1 else rows
    scaled.setflags(write=False)
    return scaled


def _search(levels: Sequence[int], size: int, random: np.random.Generator) -> IntArray:
    cells = np.column_stack([random.permutation(np.arange(size) % count) for count in levels]).astype(np.int64)
    varied = [factor for factor, count in enumerate(levels) if count > 1]
    best = _quality(cells, levels)
    for _ in range(EXCHANGES):
        factor, (one, other) = random.choice(varied), random.choice(size, 2, replace=False)
        if cells[one, factor] == cells[other, factor]:
            continue
        cells[[one, other], factor] = cells[[other, one], factor]
        tried = _quality(cells, levels)
        if tried >= best:
            best = tried
        else:
            cells[[one, other], factor] = cells[[other, one], factor]
        if best >= (0.0, size, 0.0):
            break
    return cells


def _quality(cells: IntArray, levels: Sequence[int]) -> tuple[float, int, float]:
    """The greater the better: log-determinant of the main effects' information, cells that differ, and balance of pairs of levels."""
    distinct = len(set(map(bytes, cells)))
    columns = np.column_stack([np.ones(len(cells)), *effects(cells, levels)])
    sign, determinant = np.linalg.slogdet(columns.T @ columns / len(cells))
    if distinct < len(cells) or sign <= 0 or determinant < -30:
        return -math.inf, distinct, determinant if sign > 0 else -math.inf
    uneven = 0.0
    for factor, count in enumerate(levels):
        for other in range(factor):
            pairs = np.bincount(cells[:, factor] * levels[other] + cells[:, other], minlength=count * levels[other])
            uneven += float(np.var(pairs))
    return round(float(determinant), 9), distinct, -uneven
