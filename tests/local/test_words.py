"""Text to words, in every script."""

import pytest

from backends.local.words import content_stems, split_words, word_spans


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Plates don't move 3,400.5 km", ["Plates", "don", "t", "move", "3,400.5", "km"]),
        ("東京の人口は約1400万人です。", ["東京", "の", "人口", "は", "約", "1400", "万人", "です"]),
        ("สวัสดีชาวโลก", ["สวัสดี", "ชาว", "โลก"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
    ],
)
def test_words_of_a_text_are_found_in_its_script(text: str, words: list[str]) -> None:
    assert split_words(text) == words


def test_letters_are_the_same_however_they_were_typed() -> None:
    assert split_words("Ka\u0308rnan") == split_words("K\u00e4rnan") == ["K\u00e4rnan"]
    assert content_stems("KA\u0308RNAN") == content_stems("k\u00e4rnan")


def test_places_of_words_count_characters() -> None:
    text = "a 東𪜀京𠮷 b"
    assert [text[start:end] for start, end in word_spans(text)] == ["a", "東", "𪜀", "京", "𠮷", "b"]
