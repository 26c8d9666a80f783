"""Markdown and its dialects."""

import sys

import pytest

from backends.local.documents import Document
from pipeline.errors import InputError
from tests.documents.one import parts_of, read_document


def read(text: str) -> Document:
    return read_document("a.md", text.encode())


def test_markdown_gives_its_heading_as_title_and_its_text_without_markup() -> None:
    document = read("# The *big* plan\n\nBuy **bread** and [milk](https://example.org).\n\n## Later\n\nRest.")
    assert document.title == "The big plan"
    assert document.text == "Buy bread and milk.\n\nLater\nRest."


def test_markdown_front_matter_names_the_document_and_is_not_its_text() -> None:
    document = read('---\r\ntitle: "Kept short"\r\ntags: [x]\r\n---\r\n\r\nThe text.')
    assert (document.title, document.text) == ("Kept short", "The text.")


def test_a_markdown_table_and_list_become_paragraphs() -> None:
    text = read("| City | People |\n|---|---|\n| Oslo | 700,000 |\n\n* one\n* two\n").text
    assert text == "City: Oslo; People: 700,000\n\none\n\ntwo"


@pytest.mark.parametrize(
    "data",
    [">" * 3_000 + "deep", "- " * 3_000 + "deep", "[" * 3_000 + "deep", "*a " * 3_000],
    ids=lambda data: data[:2],
)
def test_absurdly_nested_markdown_is_read_or_refused(data: str) -> None:
    try:
        told = read(data).text
    except InputError as error:
        told = str(error)
    assert told


def test_a_parser_that_runs_out_of_stack_leaves_as_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = sys.getrecursionlimit()
    monkeypatch.setattr("backends.local.documents.markup.markdown.MAX_NESTING", limit)
    with pytest.raises(InputError, match="nested too deeply"):
        read("> " * limit + "deep")


@pytest.mark.parametrize(
    "text",
    [
        "The function returns Map<String, Order> for each shop.",
        "Call it with <customer-id> and a <retry count>.",
        "If a<b and c>d then stop.",
        "A List<T> of <address> and <time>.",
        "<customer-id>",
    ],
)
def test_what_is_no_html_stays_as_text(text: str) -> None:
    assert read(text).text == text


def test_html_is_read_as_html() -> None:
    text = "One gibibyte is 2<sup>30</sup> bytes.<br>So.\n\n<details>\n<summary>More</summary>\n\nHas *more*.\n\n</details>"
    assert read(text).text == "One gibibyte is 2^30 bytes.\nSo.\n\nMore:\nHas more."


def test_a_comment_goes_and_one_that_never_ends_stays() -> None:
    assert read("A.\n\n<!-- gone -->\n\nB.\n\n<!-- stays\n\nC.").text == "A.\n\nB.\n\nstays\n\nC."


@pytest.mark.parametrize(
    "box",
    [
        '!!! warning "Hot"\n    Do not touch.',
        '??? warning "Hot"\n    Do not touch.',
        "/// warning | Hot\n    type: danger\n\nDo not touch.\n///",
        "::: warning Hot\nDo not touch.\n:::",
        ":::{warning} Hot\nDo not touch.\n:::",
        "```{warning} Hot\nDo not touch.\n```",
        "> [!WARNING] Hot\n> Do not touch.",
    ],
)
def test_a_box_of_any_dialect_has_its_title_above_its_text(box: str) -> None:
    assert read(f"Before.\n\n{box}\n\nAfter.").text == "Before.\n\nHot:\nDo not touch.\n\nAfter."


def test_what_says_how_things_look_is_no_text() -> None:
    text = (
        "# Guide {#top .wide}\n\n[TOC]\n\nSee `x`{.python} and *it*{: .cls}.\n{: .lead #id}\n\n```{toctree}\na\n```\n"
    )
    document = read(text)
    assert (document.title, document.text) == ("Guide", "See x and it.")


def test_notes_stand_apart_and_formulas_and_prices_stay() -> None:
    text = "It costs $5, or $6, for $x_i*y*z$.[^1]\n\n[^1]: At the gate.\n\n[^2]: Never marked.\n"
    assert read(text).text == "It costs $5, or $6, for $x_i*y*z$. [1]\n\n[1] At the gate.\n\nNever marked."


def test_links_of_wikis_show_their_words_and_tasks_their_boxes() -> None:
    text = "See [[Page name|the page]] and [[Other]].\n\n- [ ] open\n- [x] done\n"
    assert read(text).text == "See the page and Other.\n\n☐ open\n\n☑ done"


def test_code_is_code_and_a_definition_follows_its_term() -> None:
    text = "```py title=x\ndef f():\n\n    return 1\n```\n\nterm\n: What it means.\n\n    make all\n      now\n"
    document = read(text)
    assert ("code", "def f():\n\n    return 1") in parts_of(document)
    assert "term:\nWhat it means." in document.text


def test_tabs_are_boxes_named_after_them() -> None:
    assert read('=== "Linux"\n\n    Run it.\n\n=== "Mac"\n\n    Click it.').text == "Linux:\nRun it.\n\nMac:\nClick it."


def test_questions_of_a_faq_are_headings_beside_one_another() -> None:
    text = "# FAQ\n\n## Who pays?\n\nYou.\n\n**Where do I park?** On B2.\n\nQ: How long?\nA: Two days.\n\nQ: How wide?\n\nA: One metre."
    document = read(text)
    assert [(text, kind) for kind, text in parts_of(document)][2:] == [
        ("Where do I park?", "heading"),
        ("On B2.", "text"),
        ("How long?", "heading"),
        ("Two days.", "text"),
        ("How wide?", "heading"),
        ("One metre.", "text"),
    ]
    assert [part.section for part in document.parts if part.kind == "text"] == [
        ("Who pays?",),
        ("Where do I park?",),
        ("How long?",),
        ("How wide?",),
    ]


def test_a_note_follows_the_paragraph_that_refers_to_it() -> None:
    text = "A rope[^long] of 2[^b] m.\n\n- one[^long]\n- two\n\nEnd.\n\n# Other\n\n"
    text += "[^b]: Or *three*.\n[^long]: In sand.\n\n    In mud too.\n"
    assert read(text).text == (
        "A rope [1] of 2 [2] m.\n\n[1] In sand.\n\nIn mud too.\n\n[2] Or three.\n\none [1]\n\ntwo\n\nEnd.\n\nOther"
    )


def test_numbers_of_lists_are_kept() -> None:
    text = "3. Hold\n4. Press\n   - red\n\nThen:\n\n1) Wait"
    assert read(text).text == "3. Hold\n\n4. Press\n\nred\n\nThen:\n\n1. Wait"


def test_a_picture_in_a_sentence_says_what_it_shows() -> None:
    assert read("Press ![the red key](k.png), then wait.").text == "Press the red key, then wait."
    assert read("![A badge](b.png) ![Other](c.png)\n\nText ![](d.png)![e.png](e.png).").text == "Text ."


def test_wrapped_lines_of_japanese_are_joined_without_a_space() -> None:
    assert read("潮位は毎日\n**変わ**\nります。\nTide\ntable").text == "潮位は毎日変わります。 Tide table"
