"""Blocks to a document's text and parts."""

from backends.local.documents.blocks import Block, compose
from backends.local.documents.types import Part, Place


def test_paragraphs_are_parted_by_a_blank_line_and_a_heading_stands_above_what_it_heads() -> None:
    text, parts = compose([Block("Access", "heading"), Block("Use the  key."), Block("Then wait.")])
    assert text == "Access\nUse the key.\n\nThen wait."
    assert [text[part.start : part.end] for part in parts] == ["Access", "Use the key.", "Then wait."]


def test_every_part_knows_the_headings_above_it() -> None:
    blocks = [
        Block("Guide", "heading", level=1),
        Block("3 Install", "heading", level=2),
        Block("3.2 Access", "heading", level=3),
        Block("Use the key.", place=Place("page", 12)),
        Block("4 Use", "heading", level=2),
        Block("Press start."),
    ]
    text, parts = compose(blocks, "Guide")
    assert text.startswith("3 Install\n3.2 Access\nUse the key.\n\n4 Use\n")
    assert [part.section for part in parts] == [
        ("3 Install",),
        ("3 Install", "3.2 Access"),
        ("3 Install", "3.2 Access"),
        ("4 Use",),
        ("4 Use",),
    ]
    assert parts[2].place == Place("page", 12)


def test_a_title_repeated_as_the_only_block_stays() -> None:
    assert compose([Block("Guide", "heading")], "Guide") == ("Guide", (Part(0, 5, "heading"),))


def test_code_keeps_its_indentation_and_other_text_does_not() -> None:
    source = "def f():\r\n\tif x:\r\n        return 1\r\n\r\n\r\n\r\nf()  \n"
    text, _ = compose([Block(source, "code"), Block("  a\n   b")])
    assert text == "def f():\n    if x:\n        return 1\n\nf()\n\na\nb"


def test_letters_are_composed() -> None:
    text, _ = compose([Block("Ka\u0308rnan")])
    assert text == "K\u00e4rnan"


def test_a_heading_of_a_paragraphs_length_is_a_paragraph() -> None:
    _, parts = compose([Block("word " * 60, "heading"), Block("Text.")])
    assert [(part.kind, part.section) for part in parts] == [("text", ()), ("text", ())]


def test_a_term_stands_on_the_line_above_its_definition() -> None:
    text, _ = compose([Block("E2:", holds_next=True), Block("The door is open.")])
    assert text == "E2:\nThe door is open."
