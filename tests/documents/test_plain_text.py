"""Plain text: encodings, lines and paragraphs."""

import pytest

from backends.local.documents import Document
from tests.documents.one import read_document

LIMIT = 10_000_000


def read(name: str, data: bytes | str) -> Document:
    return read_document(name, data.encode() if isinstance(data, str) else data, max_bytes=LIMIT)


def test_plain_text_keeps_its_paragraphs_and_is_named_after_its_file() -> None:
    document = read("Field notes.txt", "First one.\r\n\r\n\r\nSecond one.\n")
    assert (document.title, document.text, document.source) == (
        "Field notes",
        "First one.\n\nSecond one.",
        "Field notes.txt",
    )


def test_hard_wrapped_lines_are_joined_but_short_lines_are_not() -> None:
    wrapped = "This line was wrapped by an editor at some sixty characters,\nand goes on here.\n\nA rose\nis a rose."
    assert read("a.txt", wrapped).text == (
        "This line was wrapped by an editor at some sixty characters, and goes on here.\n\nA rose\nis a rose."
    )


def test_a_line_too_long_to_be_wrapped_is_a_paragraph() -> None:
    long_lines = ["word " * 40 + "end one.", "word " * 40 + "end two."]
    assert read("a.txt", "\n".join(long_lines)).text == "\n\n".join(long_lines)


def test_a_list_item_is_not_joined_to_the_line_before_it() -> None:
    text = "The things to buy for the journey to the far mountains are:\n- a rope of forty metres\n- bread"
    assert read("a.txt", text).text == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_the_usual_encodings_are_understood(encoding: str) -> None:
    assert read("a.txt", "Café “Zoë” costs 5 €.".encode(encoding)).text == "Café “Zoë” costs 5 €."


def test_a_document_says_that_its_encoding_was_guessed() -> None:
    document = read("guess.txt", "Café".encode("cp1252"))
    assert document.doubts == (
        "It is not valid UTF-8 and was read as Windows-1252. Save it as UTF-8 if letters look wrong.",
    )


def test_right_to_left_text_and_emoji_stay_intact() -> None:
    hebrew, arabic = "\u05e9\u05dc\u05d5\u05dd", "\u0645\u0631\u062d\u0628\u0627"
    text = f"{hebrew} {arabic} \u200f(\u05d0)\u200e \U0001f469\u200d\U0001f680 \u2764\ufe0f"
    assert read("a.txt", text).text == text


def test_nul_and_control_characters_go_and_odd_white_space_becomes_plain() -> None:
    assert read("a.txt", "The\x00 moon\x07 is\u00a0full\u2028of\tcheese.").text == "The moon is full\nof cheese."
