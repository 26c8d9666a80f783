"""Figures over benchmark outcomes: separation, choice, and bootstrap intervals."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from explain.calibration import auroc, calibration_error

Array = npt.NDArray[np.float64]

RESAMPLES = 1_000


def auroc_or_nan(scores: Array, labels: Array) -> float:
    """`explain.calibration.auroc`; NaN where a resample has one class alone."""
    return auroc(scores, labels) if 0 < labels.sum() < len(labels) else float("nan")


def f1_of(chosen: Array, wanted: Array) -> tuple[float, float, float]:
    """Precision, recall and F1 of choosing what was wanted; 0 where undefined."""
    both = float((chosen * wanted).sum())
    precision, recall = both / max(float(chosen.sum()), 1.0), both / max(float(wanted.sum()), 1.0)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)


def interval(
    measure: Callable[..., float], *columns: Array, clusters: Sequence[str] | None = None
) -> tuple[float, float]:
    """95 % percentile bootstrap interval (Efron, 1979) of `measure(*columns)`, seed 0.

    Rows are resampled, or whole clusters where `clusters` names one for each row: questions about one article go wrong together.
    """
    draw = np.random.default_rng(0)
    names = np.arange(len(columns[0])) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    members = np.split(np.argsort(names, kind="stable"), np.cumsum(np.bincount(names))[:-1])
    values = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([members[i] for i in draw.integers(0, len(members), len(members))])
        values.append(measure(*(column[rows] for column in columns)))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def exact_error(chances: Array) -> dict[str, float]:
    """What calibration error shows where every chance is exact: mean and 95 % range over RESAMPLES drawn outcomes, seed 0."""
    draw = np.random.default_rng(0)
    values = [calibration_error(chances, (draw.random(len(chances)) < chances).astype(float)) for _ in range(RESAMPLES)]
    low, high = np.percentile(values, [2.5, 97.5])
    return {"value": float(np.mean(values)), "low": float(low), "high": float(high)}
