"""Figures over benchmark outcomes: calibration, separation, and bootstrap intervals."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

Array = npt.NDArray[np.float64]

RESAMPLES = 1_000


def expected_calibration_error(chances: Array, right: Array, bins: int = 10) -> float:
    """ECE over bins of equal mass (Nixon et al., 2019): Σ share · |mean chance − share right|."""
    order = np.argsort(chances, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(len(part) * abs(chances[part].mean() - right[part].mean()) for part in parts) / len(chances))


def brier(chances: Array, right: Array) -> float:
    """Mean squared difference of chance and outcome (Brier, 1950)."""
    return float(np.mean((chances - right) ** 2))


def auroc(scores: Array, labels: Array) -> float:
    """Chance that a random positive scores above a random negative; NaN where one of them is missing."""
    return float(roc_auc_score(labels, scores)) if 0 < labels.sum() < len(labels) else float("nan")


def f1_of(chosen: Array, wanted: Array) -> tuple[float, float, float]:
    """Precision, recall and F1 of choosing what was wanted; 0 where undefined."""
    both = float((chosen * wanted).sum())
    precision, recall = both / max(float(chosen.sum()), 1.0), both / max(float(wanted.sum()), 1.0)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)


def interval(measure: Callable[..., float], *columns: Array) -> tuple[float, float]:
    """95 % percentile bootstrap interval (Efron, 1979) of `measure(*columns)`, resampling rows; seed 0."""
    draw = np.random.default_rng(0)
    n = len(columns[0])
    values = []
    for _ in range(RESAMPLES):
        rows = draw.integers(0, n, n)
        values.append(measure(*(column[rows] for column in columns)))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)
