"""SQuAD's normalisation and the match built on it."""

import pytest

from benchmarks.normalise import holds_gold
from explain.answers import normalise


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        # The steps of the official script (evaluate-v2.0.py, normalize_answer): lower, punctuation, articles, white space.
        ("The Normans", "normans"),
        ("  an   apple, a day ", "apple day"),
        ("Denver Broncos!", "denver broncos"),
        ("U.S.", "us"),
        ("anthem", "anthem"),
        ("$1,000.50", "100050"),
        ("a", ""),
        ("café – déjà", "café – déjà"),
        ("well-known", "wellknown"),
    ],
)
def test_normalising_follows_the_official_steps(text: str, normalised: str) -> None:
    assert normalise(text) == normalised


def test_gold_is_found_as_whole_words_only() -> None:
    assert holds_gold("It was in the year 1912.", ["1912"])
    assert holds_gold("He met the King of France.", ["king of france", "Louis"])
    assert not holds_gold("There are 19120 of them.", ["1912"])
    assert not holds_gold("Anything", ["", "the"])
