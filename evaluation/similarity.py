"""How alike a question and its chunks are: figures over the cosines of one retrieval. Higher is more alike, everywhere.

Nothing here says whether the right chunks were found.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TEMPERATURE = 0.05
"""Of the softmax whose entropy is taken: cosines of retrieved chunks differ by hundredths."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """Of k cosines in [-1, 1]."""

    top: float
    """The highest."""
    mean: float
    """Of all."""
    variance: float
    """Of all, about their mean."""
    margin: float
    """The highest less the second; 0 for one chunk."""
    entropy: float
    """Of softmax(cosine / TEMPERATURE) over ln k, in [0, 1]: 1 if all are alike, near 0 if one stands out; 0 for one chunk."""


def measure_similarity(cosines: Sequence[float]) -> Similarity | None:
    """The figures of (k,) cosines in any order; None where nothing was retrieved."""
    if not cosines:
        return None
    values = np.sort(np.array(cosines, np.float64))[::-1]
    logits = values / TEMPERATURE
    logs = logits - np.logaddexp.reduce(logits)
    entropy = float(-(np.exp(logs) * logs).sum() / np.log(len(values))) if len(values) > 1 else 0.0
    return Similarity(
        top=float(values[0]),
        mean=float(values.mean().clip(values[-1], values[0])),  # rounding may put it an ulp outside
        variance=float(values.var()),
        margin=float(values[0] - values[1]) if len(values) > 1 else 0.0,
        entropy=min(max(entropy, 0.0), 1.0),
    )
