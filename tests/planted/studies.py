"""Planted studies: outcomes made from known effects of factors, questions and articles, so that every share of variance is known.

`certify_shares` holds a decomposition against them; it is the only judge, of the shipped one and of those that tests break on purpose.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from evaluation.lab.design import choose_cells, contrasts
from evaluation.lab.variance import Decomposition, FloatArray, Outcome, decompose

LEVELS = (2, 3, 2, 2)
NAMES = ("embedder", "chunking", "top_k", "rerank")
"""Of the factors. The last does nothing."""

ARTICLES, PER_ARTICLE = 60, 6

OF_ARTICLE = 0.9
"""Share of what differs between questions that lies between articles."""

LEAST_COVERED = 0.9
"""Share of the intervals that must hold the truth, in [0, 1]."""

SEEDS = range(5)


@dataclass(frozen=True)
class PlantedStudy:
    """Outcomes, and what they come from."""

    outcome: Outcome
    """What a decomposition is given."""
    truth: Mapping[str, float]
    """Share of the variance that each source accounts for, by `question`, a factor's name, `varying NAME` or `NAME × NAME`."""


def plant_study(seed: int, *, right_or_wrong: bool = False, fraction: Fraction = Fraction(1)) -> PlantedStudy:
    """Outcomes with planted effects: numbers, or right and wrong answers that these make likely.

    Each effect is a vector over the columns of `contrasts`, whose length squared is the variance that it gives.
    """
    random = np.random.default_rng(seed)
    cells = choose_cells(LEVELS, fraction, seed=seed)
    sizes = {"embedder": 0.06, "chunking": 0.03, "top_k": 0.02, "rerank": 0.0}
    varying = {"embedder": 0.05, "chunking": 0.02, "top_k": 0.0, "rerank": 0.02}
    scale = 0.12 if right_or_wrong else 1.0
    columns = {
        name: contrasts(count)[cells[:, place]] for place, (name, count) in enumerate(zip(NAMES, LEVELS, strict=True))
    }
    planted = {name: _vector(random, columns[name].shape[1], size) for name, size in sizes.items()}
    crossed = (columns["embedder"][:, :, None] * columns["top_k"][:, None, :]).reshape(len(cells), -1)
    together = _vector(random, crossed.shape[1], 0.02)
    base = sum(columns[name] @ effect for name, effect in planted.items()) + crossed @ together
    article = np.repeat(np.arange(ARTICLES), PER_ARTICLE)
    hard = np.repeat(random.normal(0, np.sqrt(0.3 * OF_ARTICLE), ARTICLES), PER_ARTICLE) + random.normal(
        0, np.sqrt(0.3 * (1 - OF_ARTICLE)), len(article)
    )
    values = hard[:, None] + base[None, :]
    for name, size in varying.items():
        width = columns[name].shape[1]
        shared = np.repeat(random.normal(0, np.sqrt(OF_ARTICLE), (ARTICLES, width)), PER_ARTICLE, axis=0)
        own = random.normal(0, np.sqrt(1 - OF_ARTICLE), (len(article), width))
        values = values + (shared + own) * np.sqrt(size / width) @ columns[name].T
    variances = {
        **sizes,
        **{f"varying {name}": size for name, size in varying.items()},
        "embedder × top_k": 0.02,
        "question": 0.3,
    }
    noise = 0.2
    if right_or_wrong:
        chance = 0.5 + scale * values
        values = (random.random(values.shape) < np.clip(chance, 0, 1)).astype(np.float64)
        variances = {name: size * scale**2 for name, size in variances.items()}
        # A coin's variance, but for what the chances differ by; each cell throws its own, so that it varies with every effect, too.
        noise = 0.25 - scale**2 * (sum(sizes.values()) + sum(varying.values()) + 0.32)
    else:
        values = values + random.normal(0, np.sqrt(noise), values.shape)
    total = sum(variances.values()) + noise
    variances["question"] += noise / len(cells)
    for name, count in zip(NAMES, LEVELS, strict=True):
        variances[f"varying {name}"] += noise * (count - 1) / len(cells)
    names = [f"article {number}" for number in article]
    outcome = Outcome(values, names, cells, LEVELS, NAMES)
    return PlantedStudy(outcome, {name: size / total for name, size in variances.items()})


def _vector(random: np.random.Generator, width: int, size: float) -> FloatArray:
    drawn = random.normal(size=width)
    return np.asarray(drawn * np.sqrt(size) / np.linalg.norm(drawn), np.float64)


def found_shares(found: Decomposition) -> dict[str, tuple[float, float, float]]:
    """Estimate and limits of every planted source."""
    parts = {
        "question": found.question,
        **found.factors,
        **{f"varying {name}": part for name, part in found.varying.items()},
        **{" × ".join(pair): part for pair, part in found.pairs.items()},
    }
    return {
        name: (part.value, part.low, part.high)
        for name, part in parts.items()
        if part.low is not None and part.high is not None
    }


Decompose = Callable[[Outcome], Decomposition | None]


@dataclass(frozen=True)
class ShareCertificate:
    """How often a decomposition's intervals held the truth."""

    covered: Mapping[str, tuple[int, int]]
    """Of each source: intervals that hold the truth, and intervals."""

    @property
    def coverage(self) -> float:
        """Share of all intervals that hold the truth, in [0, 1]."""
        held, tried = (sum(column) for column in zip(*self.covered.values(), strict=True))
        return held / tried

    @property
    def failures(self) -> list[str]:
        """Sources of which most intervals miss the truth."""
        return [name for name, (held, tried) in self.covered.items() if held < tried / 2]

    @property
    def passed(self) -> bool:
        """Whether enough intervals hold the truth, and none of the sources is always missed."""
        return self.coverage >= LEAST_COVERED and not self.failures


def certify_shares(decompose: Decompose, studies: Iterable[PlantedStudy]) -> ShareCertificate:
    """Hold the intervals of a decomposition against what was planted. One that gives no interval misses."""
    covered: dict[str, tuple[int, int]] = {}
    for study in studies:
        found = decompose(study.outcome)
        shares = {} if found is None else found_shares(found)
        for name, truth in study.truth.items():
            low, high = shares[name][1:] if name in shares else (np.nan, np.nan)
            held, tried = covered.get(name, (0, 0))
            covered[name] = held + bool(low <= truth <= high), tried + 1
    return ShareCertificate(covered)


def planted_studies() -> list[PlantedStudy]:
    """One of numbers and one of right and wrong answers from each seed."""
    return [plant_study(seed, right_or_wrong=kind) for kind in (False, True) for seed in SEEDS]


def main() -> int:
    """Print how often each source's interval held the truth, and whether that is enough; 1 if it is not, else 0."""
    certificate = certify_shares(decompose, planted_studies())
    say = sys.stdout.write
    say(
        f"Shares of variance in planted studies: intervals that hold the truth, over {len(SEEDS)} seeds of two kinds\n\n"
    )
    for name, (held, tried) in certificate.covered.items():
        say(f"  {name:<22}{held:>4} of {tried}\n")
    word = "passes" if certificate.passed else "FAILS"
    say(
        f"\n{word}  variance components   {certificate.coverage:.0%} of the intervals hold the truth; at least ".replace(
            "%", " %"
        )
    )
    say(f"{LEAST_COVERED:.0%}".replace("%", " %") + " must, and half of each source's\n")
    return int(not certificate.passed)


if __name__ == "__main__":
    sys.exit(main())
