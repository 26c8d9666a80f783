"""Chance, the same for every generator: what is drawn depends on the seed and on the sample's number alone."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import numpy.typing as npt

Draw = Callable[[npt.ArrayLike], int]
"""An index drawn in proportion to exp(log-probability / temperature), one of which must be finite; one call after the other."""


def draws(samples: int, temperature: float, seed: int) -> Iterator[Draw]:
    """One Draw a sample. temperature: above 0; the lower, the surer the likeliest. seed: 0 or more."""
    for number in range(samples):
        yield partial(draw, temperature=temperature, rng=np.random.default_rng((seed, number)))


def likeliest(logprobs: npt.ArrayLike) -> int:
    """The Draw that leaves nothing to chance; of equals, the first."""
    return int(np.argmax(logprobs))


def draw(logprobs: npt.ArrayLike, *, temperature: float, rng: np.random.Generator) -> int:
    """Draw one index; see `Draw`. The log-probabilities, nats, need not be normalised; -inf is never drawn."""
    logits = np.asarray(logprobs, np.float64)
    with np.errstate(over="ignore", under="ignore"):  # a temperature near 0 sends all but the likeliest to -inf
        chances = np.exp((logits - logits.max()) / temperature)
    return int(rng.choice(len(chances), p=chances / chances.sum()))
