"""How far two rankings of chunks agree: overlap, Jaccard, rank-biased overlap, and overlap beyond chance. Knows nothing of questions."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from pipeline.errors import InputError

PERSISTENCE = 0.8
"""Of rank-biased overlap: it puts 86 % of the weight on the first five ranks."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two rankings held against each other; 1 for the same one, 0 for two with nothing in common."""

    overlap: float
    """Share of the first k in both, in [0, 1]; order does not count."""
    jaccard: float
    """What is in both over what is in either, in [0, 1]."""
    rbo: float
    """Rank-biased overlap, extrapolated, in [0, 1]; the order of the first ranks counts most."""
    corrected: float | None
    """Overlap beyond that of two random draws; below 0 for less than chance. None where the corpus's size is not known, or chance is 1."""


def compare(
    before: Sequence[Hashable], after: Sequence[Hashable], top_k: int, corpus_size: int | None = None
) -> Agreement:
    """Hold the first `top_k` of two rankings of ids against each other, best first. corpus_size: chunks that they were drawn from."""
    shared = overlap(before, after, top_k)
    chance = None if not corpus_size else min(top_k, corpus_size) / corpus_size
    first, second = before[:top_k], after[:top_k]
    return Agreement(
        shared,
        jaccard(first, second),
        rbo(first, second),
        None if chance is None else correct_for_chance(shared, chance),
    )


def overlap(before: Sequence[Hashable], after: Sequence[Hashable], top_k: int) -> float:
    """Overlap@k: ids among the first `top_k` of both, over k, or over the longer one's length where neither has k; 1 for two empty ones."""
    if top_k < 1:
        raise InputError(f"The first {top_k} of a ranking cannot be compared; take at least 1.")
    first, second = set(before[:top_k]), set(after[:top_k])
    longer = max(len(first), len(second))
    return len(first & second) / longer if longer else 1.0


def jaccard(before: Sequence[Hashable], after: Sequence[Hashable]) -> float:
    """Ids in both rankings over ids in either; 1 for two empty ones."""
    either = set(before) | set(after)
    return len(set(before) & set(after)) / len(either) if either else 1.0


def rbo(before: Sequence[Hashable], after: Sequence[Hashable], persistence: float = PERSISTENCE) -> float:
    """Extrapolated rank-biased overlap (Webber, Moffat and Zobel 2010, ACM TOIS 28:4, eq. 32), for rankings of any two lengths.

    persistence: p, in (0, 1), the chance that a reader goes on to the next rank. Ids must not repeat within a ranking.
    Two empty rankings agree, an empty one and another do not. Raises InputError for another p, or repeated ids.
    """
    if not 0 < persistence < 1:
        raise InputError(f"The persistence of rank-biased overlap is {persistence:g}; it must lie between 0 and 1.")
    if len(set(before)) != len(before) or len(set(after)) != len(after):
        raise InputError("A ranking names an id twice; its overlap with another one is not defined.")
    short, long = sorted((before, after), key=len)
    if not short:
        return float(not long)
    s, length, p = len(short), len(long), persistence
    common = _common_at_depths(short, long)
    total = sum(common[d] / d * p**d for d in range(1, length + 1))
    # Below its end, the shorter ranking is taken to agree as often as it did.
    total += sum(common[s] * (d - s) / (s * d) * p**d for d in range(s + 1, length + 1))
    rest = (common[length] - common[s]) / length + common[s] / s
    return (1 - p) / p * total + rest * p**length


def correct_for_chance(observed: float, chance: float) -> float | None:
    """(o − o_rand)/(1 − o_rand): 1 for full agreement, 0 for that of chance. None where chance alone agrees fully."""
    return None if chance >= 1 else (observed - chance) / (1 - chance)


def _common_at_depths(short: Sequence[Hashable], long: Sequence[Hashable]) -> list[int]:
    """(len(long) + 1,): ids that the first d of both have in common, d from 0."""
    common = [0]
    seen_short: set[Hashable] = set()
    seen_long: set[Hashable] = set()
    for depth, entry in enumerate(long):
        seen_long.add(entry)
        seen_short.update(short[depth : depth + 1])
        common.append(len(seen_short & seen_long))
    return common
