"""Words that differ are found where they stand, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit.difference import MOST_WORDS, differ, telling

TEXTS = st.text("ab \n", max_size=30)


def words(text: str, spans: tuple[tuple[int, int], ...]) -> list[str]:
    return [text[start:end] for start, end in spans]


@pytest.mark.parametrize(
    ("first", "second", "gone", "came"),
    [
        ("It was Wegener in 1912.", "It was in 1912 Wegener.", ["Wegener", "1912."], ["1912 Wegener."]),
        ("one two three", "one 2 three", ["two"], ["2"]),
        ("", "all  of it", [], ["all  of it"]),
        ("same words", "same\n words", [], []),
    ],
)
def test_words_that_one_text_alone_has_are_found(first: str, second: str, gone: list[str], came: list[str]) -> None:
    found = differ(first, second)
    assert (words(first, found.first), words(second, found.second)) == (gone, came)
    assert found.any is bool(gone or came)


@given(TEXTS, TEXTS)
def test_what_is_not_marked_is_the_same_in_both(first: str, second: str) -> None:
    found = differ(first, second)

    def rest(text: str, spans: tuple[tuple[int, int], ...]) -> list[str]:
        for start, end in reversed(spans):
            text = text[:start] + " " + text[end:]
        return text.split()

    assert rest(first, found.first) == rest(second, found.second)


@pytest.mark.slow
def test_very_long_texts_are_compared_as_far_as_is_quick() -> None:
    assert not differ("a " * MOST_WORDS + "b", "a " * MOST_WORDS + "c").any


def test_nothing_is_told_of_texts_that_share_few_words() -> None:
    assert telling("in 1912", "by Alfred Wegener") is None
    assert telling("in 1912", "in 1924") == differ("in 1912", "in 1924")
    assert telling("the same", "the same") == differ("", "")
