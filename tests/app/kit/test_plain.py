"""Text from outside on a terminal."""

from app.kit.plain import printable


def test_ordinary_text_is_printed_as_it_is() -> None:
    text = "Ünïcode, 日本語, مرحبا, 😀\n\tindented"
    assert printable(text) == text
