"""Exact and near-duplicates, against all pairs compared one by one."""

import random
from itertools import combinations

import pytest

from backends.local.words import split_words
from evaluation.lab.repeats import find_repeats, shingles

WORDS = [f"word{n}" for n in range(60)]


def jaccards(texts: list[str]) -> dict[tuple[int, int], float]:
    """Of every pair, by the definition."""
    held = [shingles([word.casefold() for word in split_words(text)]) for text in texts]
    return {
        (one, other): len(held[one] & held[other]) / len(held[one] | held[other])
        for one, other in combinations(range(len(texts)), 2)
    }


def planted(seed: int) -> list[str]:
    """Forty texts, and for each a copy with up to four words changed."""
    rng = random.Random(seed)
    texts = [[rng.choice(WORDS) for _ in range(rng.randrange(3, 60))] for _ in range(40)]
    for text in texts[:40]:
        changed = list(text)
        for _ in range(rng.randrange(1, 5)):
            changed[rng.randrange(len(changed))] = rng.choice(WORDS)
        texts.append(changed)
    return [" ".join(text) for text in texts]


@pytest.mark.parametrize("alike", [0.5, 0.8, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_no_pair_that_is_as_alike_as_asked_for_is_missed(seed: int, alike: float) -> None:
    texts = list(dict.fromkeys(planted(seed)))
    found = find_repeats(texts, alike=alike)
    expected = {pair: share for pair, share in jaccards(texts).items() if share >= alike}
    assert {(pair.first, pair.second): pair.jaccard for pair in found.near} == pytest.approx(expected)
    assert expected or alike == 1.0
    assert found.complete


def test_case_punctuation_and_white_space_make_no_other_text() -> None:
    found = find_repeats(["The pump is on.", "the  PUMP\nis on", "The valve is off.", "The pump is on!"])
    assert (found.texts, found.exact, found.near) == (4, 2, ())


def test_a_text_of_fewer_words_than_a_shingle_is_alike_only_to_itself() -> None:
    assert find_repeats(["red pump", "blue pump", "pump"]).near == ()
    assert find_repeats(["", "…", "?"]).exact == 2


def test_texts_without_spaces_are_compared_by_their_words() -> None:
    sentence = "大陸は毎年数センチメートルずつゆっくりと移動し、山脈や海溝をつくりだしていると考えられている"
    found = find_repeats([sentence, f"{sentence}。新しい", "火山は溶岩を噴き出す"])
    assert [(pair.first, pair.second) for pair in found.near] == [(0, 1)]


def test_comparing_stops_at_its_bound_and_says_so() -> None:
    same = " ".join(f"same{n}" for n in range(40))
    texts = [f"{same} {n}" for n in range(60)]
    cut = find_repeats(texts, most_compared=100)
    assert not cut.complete
    assert len(cut.near) == 100
    assert len(find_repeats(texts).near) == 60 * 59 // 2
