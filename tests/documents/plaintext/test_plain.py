"""Plain text: encodings, lines and paragraphs."""

import pytest

from backends.local.documents import Document
from tests.documents.one import parts_of, read_document

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
        "Read whole, but by a guess: it is not valid UTF-8 and was read as Windows-1252. Save it as UTF-8 if letters look wrong.",
    )


def test_right_to_left_text_and_emoji_stay_intact() -> None:
    hebrew, arabic = "\u05e9\u05dc\u05d5\u05dd", "\u0645\u0631\u062d\u0628\u0627"
    text = f"{hebrew} {arabic} \u200f(\u05d0)\u200e \U0001f469\u200d\U0001f680 \u2764\ufe0f"
    assert read("a.txt", text).text == text


def test_nul_and_control_characters_go_and_odd_white_space_becomes_plain() -> None:
    assert read("a.txt", "The\x00 moon\x07 is\u00a0full\u2028of\tcheese.").text == "The moon is full\nof cheese."


def rfc(pages: list[str]) -> str:
    """Pages set as RFCs are (RFC 2223, 3)."""
    head = "RFC 9999                        On Pumps                       March 2020"
    return "\n\f\n".join(
        f"{head}\n\n\n{page}\n\n\nLind                         Standards Track                    [Page {number}]"
        for number, page in enumerate(pages, start=1)
    )


def test_the_pages_of_an_rfc_are_one_text() -> None:
    pages = [
        "Table of Contents\n\n   1.  Use . . . . . . . . . . . . . . . . . . . . . . . . 2\n"
        "     1.1.  Oil and other things  . . . . . . . . . . . . . 2",
        "1.  Use\n\n   The pump is used by the shift lead, who must have read the manual, and",
        "   by nobody else.  It stands in the north hall of the second building.\n\n1.1.  Oil\n\n"
        "   It takes 3.2 litres of oil, which are to be changed each second year.\n\n"
        "      +-----+      +-----+\n      | oil | ---> | sea |\n      +-----+      +-----+",
    ]
    document = read("rfc9999.txt", rfc(pages))
    assert document.title == "RFC 9999: On Pumps"
    assert parts_of(document) == [
        ("heading", "1. Use"),
        (
            "text",
            "The pump is used by the shift lead, who must have read the manual, and by nobody else. "
            "It stands in the north hall of the second building.",
        ),
        ("heading", "1.1. Oil"),
        ("text", "It takes 3.2 litres of oil, which are to be changed each second year."),
        ("code", "+-----+      +-----+\n| oil | ---> | sea |\n+-----+      +-----+"),
    ]
    assert document.parts[-1].section == ("1. Use", "1.1. Oil")


def test_underlined_lines_are_headings_of_a_level_each() -> None:
    document = read("a.txt", "Guide\n=====\n\nIntro.\n\nUse\n---\nPress the key.\n\nEnd\n===\n\nDone.")
    assert [(part.kind, part.section) for part in document.parts if part.kind == "text"] == [
        ("text", ("Guide",)),
        ("text", ("Guide", "Use")),
        ("text", ("End",)),
    ]


def test_lines_that_stand_out_of_an_indented_body_are_headings() -> None:
    page = "NAME\n       pump - move water\n\nDESCRIPTION\n       It moves water from the lower hall to the upper one, and back again."
    assert [text for kind, text in parts_of(read("pump.txt", page)) if kind == "heading"] == ["NAME", "DESCRIPTION"]


def test_columns_and_examples_keep_their_white_space() -> None:
    table, example = "bolt     0.10    5\nnut      0.05    7", "if x:\n    y = {1}"
    text = f"The prices as of the first of March of the year are these:\n\n{table}\n\n    if x:\n        y = {{1}}"
    assert parts_of(read("a.txt", text))[1:] == [("code", table), ("code", example)]


def test_lines_of_a_log_and_quoted_mail_are_not_joined_to_others() -> None:
    log = "2024-01-02 10:00:01 INFO started the pump of the north hall\n2024-01-02 10:00:02 INFO stopped the pump of the north hall"
    assert read("a.txt", log).text == log
    assert (
        read("b.txt", "> The pump is broken.\n> It leaks.\nI will mend it.").text
        == "The pump is broken.\nIt leaks.\n\nI will mend it."
    )


def test_a_question_and_its_answer_are_told_apart() -> None:
    assert parts_of(read("a.txt", "Q: How long does it take?\nA: Two days.")) == [
        ("heading", "How long does it take?"),
        ("text", "Two days."),
    ]


def test_a_word_that_is_broken_at_its_hyphen_keeps_it() -> None:
    assert read(
        "a.txt", "This line was wrapped by an editor right behind the user-\nagent, and so it goes on."
    ).text.endswith("behind the user-agent, and so it goes on.")


def test_the_source_that_sphinx_keeps_of_a_page_is_read_as_such() -> None:
    assert read("guide.rst.txt", "Guide\n=====\n\nSee :ref:`here <x>`.").text == "See here."


def test_a_sentence_that_a_page_cut_short_goes_on() -> None:
    line = "Buoys drift, and a station that hears nothing from one of them"
    pages = [f"   {line}\n   MUST look within a radius of", "   sixty kilometres.", "   The end."]
    assert read("rfc1.txt", rfc(pages)).text == f"{line} MUST look within a radius of sixty kilometres.\n\nThe end."


def test_wrapped_lines_of_japanese_are_joined_without_a_space() -> None:
    line = "港の門は毎日午前五時に開き、夜の十時に閉まります。鍵は赤い"
    assert read("a.txt", f"{line}\n{line}\n箱の中").text == f"{line}{line}箱の中"
