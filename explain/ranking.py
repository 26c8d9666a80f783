"""Ranks of tied values, which correlation and separation are both made of."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def tied_ranks(values: FloatArray) -> FloatArray:
    """(n,): ranks from 1, the lowest first; equal values share the mean of theirs."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: FloatArray = (np.cumsum(counts) - (counts - 1) / 2)[group]
    return shared
