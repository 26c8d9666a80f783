"""Work that tells after each part how far it is: what begins it may take it part by part, or all at once.

Owns how many texts are embedded between two reports.
"""

from collections.abc import Callable, Generator
from typing import TypeVar

import numpy as np
import numpy.typing as npt

BATCH = 16
"""Texts that are embedded between two reports of progress."""

Found = TypeVar("Found")

Steps = Generator[tuple[int, int], None, Found]
"""How many texts have a vector, and how many there are, after each batch; gives what came of it. Closing it stops the work."""

OnProgress = Callable[[int, int], None]
"""Told how many texts have a vector, and how many there are; what it raises stops the work."""


def finish(steps: Steps[Found], on_progress: OnProgress | None = None) -> Found:
    """Take every step; what came of it."""
    while True:
        try:
            done, total = next(steps)
        except StopIteration as end:
            found: Found = end.value
            return found
        if on_progress is not None:
            on_progress(done, total)


def embed_in_batches(
    texts: list[str],
    embed: Callable[[list[str]], npt.NDArray[np.float32]],
    *,
    before: int = 0,
    whole: int | None = None,
) -> Steps[npt.NDArray[np.float32]]:
    """(n, d): the vectors of n texts, at least one. before, whole: texts that were embedded already, and how many there are in all."""
    parts = []
    for start in range(0, len(texts), BATCH):
        parts.append(embed(texts[start : start + BATCH]))
        yield before + min(start + BATCH, len(texts)), len(texts) if whole is None else whole
    return np.concatenate(parts)
