"""A flat picture of the corpus's vectors by principal components, in which a question can be dropped."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

MAX_POINTS = 3_000
"""More points than a screen can tell apart; a larger corpus is sampled evenly."""


@dataclass(frozen=True, slots=True)
class Projection:
    """The plane through the mean that keeps most variance (PCA; Jolliffe, 2002, chapter 1)."""

    mean: FloatArray
    """(dim,)."""
    axes: FloatArray
    """(2, dim), orthonormal, the first with more variance."""
    explained: float
    """Share of the variance that the plane keeps, in [0, 1]: how far distances on the map can be believed."""

    def project(self, vectors: FloatArray) -> FloatArray:
        """Coordinates of vectors (n, dim) on the plane: float32 (n, 2)."""
        return np.asarray((vectors - self.mean) @ self.axes.T, dtype=np.float32)


def fit_projection(vectors: FloatArray) -> Projection:
    """Fit the plane to float32 (n, dim), n ≥ 1. With fewer than three points, missing axes are zero.

    The sign of each axis is fixed (its largest entry is positive), so that the map does not flip between builds.
    """
    mean = vectors.mean(axis=0)
    _, singular, axes = np.linalg.svd(vectors - mean, full_matrices=False)
    variance = singular**2
    plane = np.zeros((2, vectors.shape[1]), np.float32)
    plane[: min(2, len(axes))] = axes[:2]
    peaks = np.take_along_axis(plane, np.abs(plane).argmax(axis=1)[:, None], axis=1)
    plane *= np.where(peaks < 0, -1, 1)
    total = float(variance.sum())
    return Projection(mean, plane, float(variance[:2].sum()) / total if total > 0 else 1.0)


def sample_rows(size: int, limit: int = MAX_POINTS) -> npt.NDArray[np.int64]:
    """At most `limit` row numbers below `size`, evenly spread."""
    return np.unique(np.linspace(0, size - 1, min(size, limit)).astype(np.int64)) if size else np.empty(0, np.int64)
