"""Comparing answers: what the official SQuAD v2 script does, on its task's published examples and by its rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explain.answers import (
    best_exact_match,
    best_f1,
    exact_match,
    holds_gold,
    normalise,
    split_tokens,
    token_f1,
    tokens_f1,
)

words = st.lists(st.sampled_from(["the", "cat", "sat", "on", "mat", "A", "an", "!", "1912", "Über"]), max_size=8)


@pytest.mark.parametrize(
    ("answer", "normal"),
    [
        ("The Denver Broncos!", "denver broncos"),
        ("  a \t cat\n and  AN owl ", "cat and owl"),
        ("Theatre of another anthem", "theatre of another anthem"),  # articles go as whole words only
        ("the-end", "theend"),  # punctuation goes before articles are looked for
        ("Levi's Stadium", "levis stadium"),
        ("1,912", "1912"),
        ("a.m.", "am"),
        ("the a an", ""),
        ("24–10", "24–10"),  # an en dash is no ASCII punctuation
        ("«the» Über", "« » über"),
        ("", ""),
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
def test_normalised_answers_have_no_case_punctuation_articles_or_extra_space(answer: str, normal: str) -> None:
    assert normalise(answer) == normal


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        ("Denver Broncos", "the Denver Broncos", 1.0),
        ("Santa Clara", "Santa Clara, California", 4 / 5),  # precision 1, recall 2/3
        ("gold gold", "gold", 2 / 3),  # repeats count: precision 1/2, recall 1
        ("10th and 11th centuries", "in the 10th and 11th centuries", 8 / 9),  # precision 1, recall 4/5
        ("Norse", "Rollo", 0.0),
        ("", "", 1.0),
        ("the", "", 1.0),  # both without tokens
        ("", "France", 0.0),
        ("France", "", 0.0),
    ],
)
def test_f1_is_the_harmonic_mean_of_precision_and_recall(answer: str, gold: str, expected: float) -> None:
    assert token_f1(answer, gold) == pytest.approx(expected)


def test_best_of_several_gold_answers_counts() -> None:
    golds = [
        "Santa Clara, California",
        "Levi's Stadium",
        "Levi's Stadium in the San Francisco Bay Area",
    ]  # SQuAD dev, Super Bowl 50
    assert best_exact_match("levis stadium", golds)
    assert not best_exact_match("Santa Clara", golds)
    assert best_f1("Santa Clara", golds) == pytest.approx(4 / 5)


@pytest.mark.parametrize("golds", [[], [""], ["the", "."]])
def test_only_the_empty_answer_is_right_where_there_is_no_answer(golds: list[str]) -> None:
    assert best_exact_match("", golds)
    assert best_f1("", golds) == 1
    assert not best_exact_match("France", golds)
    assert best_f1("France", golds) == 0


def test_gold_answers_without_tokens_are_passed_over_where_there_are_others() -> None:
    assert not best_exact_match("", ["the", "France"])
    assert best_f1("", ["the", "France"]) == 0


@given(words, words)
def test_f1_is_symmetric_within_bounds_and_one_for_exact_matches(left: list[str], right: list[str]) -> None:
    first, second = " ".join(left), " ".join(right)
    f1 = token_f1(first, second)
    assert 0 <= f1 <= 1
    assert f1 == token_f1(second, first) == tokens_f1(split_tokens(first), split_tokens(second))
    if exact_match(first, second):
        assert f1 == 1


@given(words, words)
@pytest.mark.slow
def test_f1_agrees_with_precision_and_recall_taken_apart(left: list[str], right: list[str]) -> None:
    answer, gold = split_tokens(" ".join(left)), split_tokens(" ".join(right))
    rest = list(gold)
    shared = 0
    for token in answer:
        if token in rest:
            rest.remove(token)
            shared += 1
    if shared:
        precision, recall = shared / len(answer), shared / len(gold)
        assert tokens_f1(answer, gold) == pytest.approx(2 * precision * recall / (precision + recall))
    else:
        assert tokens_f1(answer, gold) == float(answer == gold)


def test_gold_is_found_as_whole_words_only() -> None:
    assert holds_gold("It was in the year 1912.", ["1912"])
    assert holds_gold("He met the King of France.", ["king of france", "Louis"])
    assert not holds_gold("There are 19120 of them.", ["1912"])
    assert not holds_gold("Anything", ["", "the"])
