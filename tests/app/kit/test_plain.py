"""Text from outside on a terminal."""

from app.kit.plain import first_sentence, printable


def test_ordinary_text_is_printed_as_it_is() -> None:
    text = "Ünïcode, 日本語, مرحبا, 😀\n\tindented"
    assert printable(text) == text


def test_a_text_is_parted_after_its_first_sentence() -> None:
    assert first_sentence("One thing. Another. More.") == ("One thing.", "Another. More.")
    assert first_sentence("One thing alone.") == ("One thing alone.", "")
