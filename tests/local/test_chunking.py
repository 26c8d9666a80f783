"""Cutting text: offsets are exact, no sentence is cut, nothing is lost."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.local.chunking import MAX_CHARS, MAX_SENTENCE_CHARS, TARGET_CHARS, split_document, split_sentences

SENTENCE = "Continents move about as fast as fingernails grow, some centimetres in a year."

prose = st.lists(
    st.one_of(
        st.sampled_from(
            [SENTENCE, "Why?", "Dr. Wegener left at 3.15 p.m.", "\n\n", "\n", "  ", "مرحبا بالعالم.", "你好。", "😀!"]
        ),
        st.text(max_size=30),
    ),
    max_size=40,
).map(" ".join)


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


def without_space(text: str) -> str:
    return "".join(char for char in text if not char.isspace())


def test_sentences_are_found_by_their_offsets() -> None:
    assert sentences("Plates move. Why do they?  Heat drives them!") == [
        "Plates move.",
        "Why do they?",
        "Heat drives them!",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith met Mr. Jones in Washington, D.C. in 1999.",
        "The value is 3.14 and not 2.71.",
        "It grew, e.g. by a tenth, i.e. a lot.",
    ],
)
def test_abbreviations_and_decimals_end_no_sentence(text: str) -> None:
    assert sentences(text) == [text]


def test_offsets_count_characters_and_not_bytes() -> None:
    assert sentences("😀 Ünï is fun. مرحبا بالعالم. 你好。再见。") == [
        "😀 Ünï is fun.",
        "مرحبا بالعالم.",
        "你好。",
        "再见。",
    ]


@pytest.mark.parametrize("blank", ["", " ", "\n\n\n", "\t"])
def test_blank_text_has_neither_sentences_nor_chunks(blank: str) -> None:
    assert split_sentences(blank) == []
    assert split_document(blank) == []


@pytest.mark.parametrize("separator", [" ", "\n", "\t"])
def test_sentence_without_an_end_is_cut_at_white_space(separator: str) -> None:
    text = separator.join(["cell"] * 400)
    found = sentences(text)
    assert len(found) > 1
    assert all(len(sentence) <= MAX_SENTENCE_CHARS for sentence in found)
    assert [word for sentence in found for word in sentence.split()] == ["cell"] * 400


def test_text_without_white_space_is_cut_all_the_same() -> None:
    assert [len(sentence) for sentence in sentences("x" * 1_500)] == [600, 600, 300]


@given(prose)
@settings(deadline=None)
def test_sentences_cover_all_text_in_order(text: str) -> None:
    spans = split_sentences(text)
    assert all(start < end for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)
    assert without_space("".join(text[start:end] for start, end in spans)) == without_space(text)


@given(prose)
@settings(deadline=None)
def test_chunks_cover_all_text_in_order_and_know_where_they_stand(text: str) -> None:
    pieces = split_document(text)
    assert all(text[piece.start : piece.start + len(piece.text)] == piece.text for piece in pieces)
    assert [piece.start for piece in pieces] == sorted(piece.start for piece in pieces)
    assert without_space("".join(piece.text for piece in pieces)) == without_space(text)
    assert all(piece.text and piece.text == piece.text.strip() for piece in pieces)


def test_short_paragraphs_are_packed_up_to_the_target() -> None:
    text = "\n\n".join([SENTENCE] * 25)
    pieces = split_document(text)
    assert all(len(piece.text) <= TARGET_CHARS for piece in pieces)
    assert all(len(piece.text) + 2 + len(SENTENCE) > TARGET_CHARS for piece in pieces[:-1])


def test_paragraph_of_the_largest_length_stays_whole() -> None:
    paragraph = ("x" * 99 + " ") * 11 + "y" * 100
    assert len(paragraph) == MAX_CHARS
    assert [piece.text for piece in split_document(f"{paragraph}\n\n{SENTENCE}")] == [paragraph, SENTENCE]


def test_long_paragraph_is_cut_evenly_between_sentences() -> None:
    paragraph = " ".join(f"{SENTENCE[:-1]}, says line {number}." for number in range(40))
    pieces = split_document(paragraph)
    assert len(pieces) == -(-len(paragraph) // MAX_CHARS)
    assert all(piece.text.startswith("Continents") and piece.text.endswith(".") for piece in pieces)
    assert max(len(piece.text) for piece in pieces) < 1.3 * min(len(piece.text) for piece in pieces)


def test_no_chunk_cuts_a_sentence() -> None:
    text = "\n\n".join(" ".join([SENTENCE] * count) for count in (1, 30, 3, 18, 2))
    assert {sentence for piece in split_document(text) for sentence in sentences(piece.text)} == {SENTENCE}


def test_no_chunk_outgrows_what_the_embedder_reads() -> None:
    text = "\n\n".join(" ".join([SENTENCE] * count) for count in range(1, 40))
    assert max(len(piece.text) for piece in split_document(text)) <= 1.1 * MAX_CHARS  # about 330 of E5's 512 tokens


def test_heading_above_a_text_is_no_part_of_its_first_sentence() -> None:
    text = "Known limits\nTen files fit. More do not.\n\nSettings (advanced)\nSee below."
    assert [text[start:end] for start, end in split_sentences(text)] == [
        "Known limits",
        "Ten files fit.",
        "More do not.",
        "Settings (advanced)",
        "See below.",
    ]


@pytest.mark.parametrize(
    "text", ["Wegener proposed\nthat continents drift.", "timeout:\nSeconds to wait.", "One, two,\nThree four."]
)
def test_line_that_goes_on_is_no_heading(text: str) -> None:
    assert split_sentences(text) == [(0, len(text))]
