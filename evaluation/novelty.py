"""Which questions are unlike all that was asked before: by the nearest earlier one, held against how near those are to each other."""

import numpy as np
import numpy.typing as npt

from pipeline.errors import InputError

SHARE = 0.05
"""Of the earlier questions themselves that would count as unlike the rest of them."""


def find_far(before: npt.ArrayLike, after: npt.ArrayLike, share: float = SHARE) -> npt.NDArray[np.intp]:
    """Places of the later questions whose nearest earlier one is farther than the earlier ones are from each other, farthest first.

    before, after: (n, d) and (m, d), L2-normalised. share: of the earlier questions that are farther from their own nearest one than the
    bound, in (0, 1). A question that is asked twice is near itself. Raises InputError for fewer than 3 earlier questions.
    """
    known, later = np.asarray(before, np.float64), np.asarray(after, np.float64)
    if len(known) < 3:
        raise InputError(f"There are {len(known)} earlier questions to compare with; at least 3 are needed.")
    among = known @ known.T
    np.fill_diagonal(among, -np.inf)
    bound = np.quantile(among.max(axis=1), share)
    nearest = (later @ known.T).max(axis=1) if len(later) else np.zeros(0)
    order = np.argsort(nearest, kind="stable")
    far: npt.NDArray[np.intp] = order[nearest[order] < bound]
    return far
