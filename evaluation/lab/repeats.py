"""Texts that say the same, wholly or nearly: exact duplicates, and pairs that share most of their shingles.

Near-duplicates are found exactly, not by hashing: two texts as alike as is asked for share one of their rarest shingles, so that only
texts that do are compared (prefix filtering: Bayardo et al. 2007, "Scaling Up All Pairs Similarity Search"). Knows nothing of questions.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from backends.local.words import split_words

ALIKE = 0.8
"""Jaccard similarity of two texts' shingles from which they count as near-duplicates (Broder 1997 calls it resemblance)."""

SHINGLE = 3
"""Words in a shingle. Where one word in 27 is another one, texts are still alike by ALIKE."""

MOST_COMPARED = 1_000_000
"""Pairs that are compared, each in some microseconds; a hostile corpus would have as many as its square."""

ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class NearPair:
    """Two texts that are nearly the same."""

    first: int
    """Place of one of them."""
    second: int
    """Place of the other, which is greater."""
    jaccard: float
    """Shingles that they share, of those that either has; in [ALIKE, 1]."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """What comes more than once in some texts."""

    texts: int
    """How many there are."""
    exact: int
    """Texts that an earlier one says word for word, case, punctuation and white space aside."""
    near: tuple[NearPair, ...]
    """Pairs that are nearly the same, the most alike first; of texts that are the same word for word, the first stands for all."""
    near_texts: int
    """Texts in any such pair."""
    complete: bool
    """Whether every pair was looked at; False where MOST_COMPARED were, and more would have to be."""


def find_repeats(texts: Sequence[str], *, alike: float = ALIKE, most_compared: int = MOST_COMPARED) -> Repeats:
    """Exact duplicates and near-duplicates among texts. alike: in (0, 1]."""
    first: dict[tuple[str, ...], int] = {}
    for place, text in enumerate(texts):
        first.setdefault(tuple(word.casefold() for word in split_words(text)), place)
    shingled = [(place, shingles(words)) for words, place in first.items() if words]
    near, complete = _near_pairs(shingled, alike, most_compared)
    places = {place for pair in near for place in (pair.first, pair.second)}
    ordered = sorted(near, key=lambda pair: (-pair.jaccard, pair.first, pair.second))
    return Repeats(len(texts), len(texts) - len(first), tuple(ordered), len(places), complete)


def shingles(words: Sequence[str]) -> frozenset[tuple[str, ...]]:
    """Every run of SHINGLE words; of fewer words, all of them as one."""
    if len(words) < SHINGLE:
        return frozenset({tuple(words)})
    return frozenset(tuple(words[at : at + SHINGLE]) for at in range(len(words) - SHINGLE + 1))


def _near_pairs(
    shingled: Sequence[tuple[int, frozenset[tuple[str, ...]]]], alike: float, most_compared: int
) -> tuple[list[NearPair], bool]:
    """Pairs, and whether all were looked at. Sets come by size: the prefix of each is what one at least as large has to share of it."""
    often = Counter(shingle for _, each in shingled for shingle in each)
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    by_size = sorted(shingled, key=lambda each: len(each[1]))
    found: list[NearPair] = []
    compared = 0
    for number, (place, mine) in enumerate(by_size):
        prefix = sorted(mine, key=lambda shingle: (often[shingle], shingle))[: _prefix(len(mine), alike)]
        for other in _candidates(prefix, holders):
            other_place, theirs = by_size[other]
            if len(theirs) < alike * len(mine) - ROUNDING:
                continue
            if compared == most_compared:
                return found, False
            compared += 1
            shared = len(mine & theirs)
            jaccard = shared / (len(mine) + len(theirs) - shared)
            if jaccard >= alike - ROUNDING:
                found.append(NearPair(min(place, other_place), max(place, other_place), jaccard))
        for shingle in prefix:
            holders[shingle].append(number)
    return found, True


def _prefix(size: int, alike: float) -> int:
    """Rarest shingles of which an alike text has at least one: it shares ⌈alike·size⌉, so that it lacks no more than the others."""
    return size - math.ceil(alike * size - ROUNDING) + 1


def _candidates(prefix: Sequence[tuple[str, ...]], holders: dict[tuple[str, ...], list[int]]) -> Iterator[int]:
    """Those that hold a shingle of the prefix, each once."""
    seen: set[int] = set()
    for shingle in prefix:
        for number in holders.get(shingle, ()):
            if number not in seen:
                seen.add(number)
                yield number
