"""Cutting documents: offsets are exact, no sentence is cut, nothing is lost, and a chunk knows where it stands."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.local.chunking import WHOLE, Chunking, Piece, split_document
from backends.local.documents import Document
from backends.local.documents.blocks import Block, compose
from backends.local.documents.types import Place
from backends.local.splitting import split_sentences
from pipeline.errors import ConfigError

SENTENCE = "Continents move about as fast as fingernails grow, some centimetres in a year."
USUAL = Chunking()
WHOLE_CHARS = int(USUAL.size * WHOLE)

prose = st.lists(
    st.one_of(
        st.sampled_from([SENTENCE, "Why?", "Dr. Wegener left at 3.15 p.m.", "\n\n", "\n", "  ", "你好。", "😀!"]),
        st.text(max_size=30),
    ),
    max_size=40,
).map(" ".join)

blocks = st.lists(
    st.builds(
        Block,
        st.one_of(st.text(min_size=1, max_size=60), st.just(SENTENCE * 9), st.just(f"{SENTENCE} " * 30)),
        st.sampled_from(["text", "heading", "item", "row", "record", "code"]),
        st.integers(1, 6),
        st.builds(Place, st.just("page"), st.integers(1, 4)),
        st.booleans(),
    ),
    max_size=12,
)

ways = st.builds(
    Chunking,
    st.sampled_from(["heading", "paragraph", "sentence", "page"]),
    st.integers(100, 2_000),
    st.sampled_from([0, 50]),
)


def document(*parts: Block | str, title: str = "Guide") -> Document:
    given_blocks = [Block(part) if isinstance(part, str) else part for part in parts]
    text, found = compose(given_blocks, title)
    return Document("guide", title, text, "guide.md", found)


def plain(text: str) -> Document:
    return Document("guide", "Guide", text, "guide.md")


def texts(pieces: list[Piece]) -> list[str]:
    return [piece.text for piece in pieces]


def without_space(text: str) -> str:
    return "".join(char for char in text if not char.isspace())


@given(prose)
@settings(deadline=None)
@pytest.mark.slow
def test_chunks_cover_all_text_in_order_and_know_where_they_stand(text: str) -> None:
    pieces = split_document(plain(text))
    assert all(text[piece.start : piece.start + len(piece.text)] == piece.text for piece in pieces)
    assert [piece.start for piece in pieces] == sorted(piece.start for piece in pieces)
    assert without_space("".join(texts(pieces))) == without_space(text)
    assert all(piece.text and piece.text == piece.text.strip() for piece in pieces)


@pytest.mark.slow
@given(blocks, ways)
@settings(deadline=None)
def test_every_way_of_cutting_covers_all_text_and_its_sentences_cover_the_chunk(
    given: list[Block], way: Chunking
) -> None:
    whole = document(*given)
    pieces = split_document(whole, way)
    reached = 0
    for piece in pieces:
        assert whole.text[piece.start : piece.start + len(piece.text)] == piece.text
        assert piece.start <= reached or not whole.text[reached : piece.start].strip()
        assert way.overlap or piece.start >= reached
        reached = piece.start + len(piece.text)
        assert without_space("".join(piece.text[a:b] for a, b in piece.spans)) == without_space(piece.text)
    assert not whole.text[reached:].strip()


def test_short_paragraphs_are_packed_up_to_the_size() -> None:
    pieces = split_document(plain("\n\n".join([SENTENCE] * 25)))
    assert all(len(piece.text) <= USUAL.size for piece in pieces)
    assert all(len(piece.text) + 2 + len(SENTENCE) > USUAL.size for piece in pieces[:-1])


def test_paragraph_of_the_largest_length_stays_whole() -> None:
    paragraph = ("x" * 99 + " ") * 11 + "y" * 100
    assert len(paragraph) == WHOLE_CHARS
    assert texts(split_document(plain(f"{paragraph}\n\n{SENTENCE}"))) == [paragraph, SENTENCE]


def test_long_paragraph_is_cut_evenly_between_sentences() -> None:
    paragraph = " ".join(f"{SENTENCE[:-1]}, says line {number}." for number in range(40))
    pieces = split_document(plain(paragraph))
    assert len(pieces) == -(-len(paragraph) // WHOLE_CHARS)
    assert all(piece.text.startswith("Continents") and piece.text.endswith(".") for piece in pieces)
    assert max(len(piece.text) for piece in pieces) < 1.3 * min(len(piece.text) for piece in pieces)


def test_no_chunk_cuts_a_sentence() -> None:
    text = "\n\n".join(" ".join([SENTENCE] * count) for count in (1, 30, 3, 18, 2))
    found = {piece.text[a:b] for piece in split_document(plain(text)) for a, b in piece.spans}
    assert found == {SENTENCE}


def test_no_chunk_outgrows_what_the_embedder_reads() -> None:
    text = "\n\n".join(" ".join([SENTENCE] * count) for count in range(1, 40))
    longest = max(len(piece.text) for piece in split_document(plain(text)))
    assert longest <= 1.1 * WHOLE_CHARS  # about 330 of E5's 512 tokens


def test_chunk_keeps_to_its_section_and_carries_the_headings_above_it() -> None:
    pieces = split_document(
        document(
            Block("3 Install", "heading", 1),
            "Unpack it.",
            Block("3.2 Access", "heading", 2),
            "Use the badge.",
            Block("4 Use", "heading", 1),
            "Press start.",
        )
    )
    assert [(piece.text, piece.section) for piece in pieces] == [
        ("3 Install\nUnpack it.", ("3 Install",)),
        ("3.2 Access\nUse the badge.", ("3 Install", "3.2 Access")),
        ("4 Use\nPress start.", ("4 Use",)),
    ]


def test_by_paragraph_sections_share_a_chunk_whose_section_is_what_they_have_in_common() -> None:
    whole = document(
        Block("3 Install", "heading", 1),
        Block("3.1 Power", "heading", 2),
        "Plug it in.",
        Block("3.2 Access", "heading", 2),
        "Use the badge.",
    )
    (piece,) = split_document(whole, Chunking("paragraph"))
    assert piece.section == ("3 Install",)
    assert split_document(whole)[1].section == ("3 Install", "3.2 Access")


def test_by_page_no_chunk_reaches_over_two_pages() -> None:
    whole = document(Block("One.", place=Place("page", 1)), Block("Two.", place=Place("page", 2)))
    assert [piece.place for piece in split_document(whole, Chunking("page"))] == ["page 1", "page 2"]
    assert [piece.place for piece in split_document(whole)] == ["pages 1–2"]


def test_by_sentence_a_chunk_may_end_within_a_paragraph() -> None:
    whole = document(" ".join([SENTENCE] * 8))
    assert texts(split_document(whole, Chunking("sentence", 200))) == [f"{SENTENCE} {SENTENCE}"] * 4
    assert len(split_document(whole)) == 1


def test_overlap_repeats_whole_sentences_of_the_chunk_before() -> None:
    whole = document(*(f"{SENTENCE} Line {number} ends." for number in range(12)))
    first, second, *_ = split_document(whole, Chunking("heading", 400, 40))
    assert first.text.endswith("Line 3 ends.")
    assert second.text.startswith("Line 3 ends.\n\nContinents")


def test_overlap_does_not_reach_into_another_section() -> None:
    whole = document(Block("A", "heading"), SENTENCE, Block("B", "heading"), SENTENCE)
    assert split_document(whole, Chunking("heading", 800, 200))[1].text.startswith("B\n")


def test_row_that_stands_for_itself_is_a_chunk() -> None:
    rows = [Block(f"plant: {name}; capacity: 1", "record", place=Place("row", n)) for n, name in enumerate("ABC", 2)]
    pieces = split_document(document(*rows))
    assert [(piece.text[:8], piece.place) for piece in pieces] == [
        ("plant: A", "row 2"),
        ("plant: B", "row 3"),
        ("plant: C", "row 4"),
    ]
    assert all(piece.spans == ((0, len(piece.text)),) for piece in pieces)


def test_table_and_code_that_fit_are_not_cut_in_the_middle() -> None:
    rows = [Block(f"Route: {n}; Adult: 14.20; Child: 7.10", "row") for n in range(20)]
    code = Block("def f():\n" + "    step()\n" * 90, "code")
    pieces = split_document(document(SENTENCE, SENTENCE, *rows, SENTENCE, code))
    assert sum("Route: 0;" in text and "Route: 19;" in text for text in texts(pieces)) == 1
    assert sum("def f()" in text and text.count("step()") == 90 for text in texts(pieces)) == 1


def test_long_code_is_cut_between_lines() -> None:
    code = Block("\n".join(f"    step({number})" for number in range(400)), "code")
    pieces = split_document(document(code))
    assert len(pieces) > 2
    assert all(line.strip().startswith("step(") for text in texts(pieces) for line in text.split("\n"))


def test_heading_never_ends_a_chunk_and_is_no_part_of_a_sentence() -> None:
    filler = " ".join([SENTENCE] * 10)
    pieces = split_document(document(filler, Block("Known limits", "heading"), "Ten files fit."), Chunking("paragraph"))
    assert texts(pieces) == [filler, "Known limits\nTen files fit."]
    assert [pieces[1].text[a:b] for a, b in pieces[1].spans] == ["Known limits", "Ten files fit."]


def test_term_and_the_first_sentence_of_its_definition_are_one_sentence() -> None:
    blocks = [
        Block("65535:", holds_next=True),
        "It stands for no user. Never give it.",
        Block("0:", holds_next=True),
        "Root.",
    ]
    (piece,) = split_document(document(*blocks))
    assert [piece.text[a:b] for a, b in piece.spans] == [
        "65535:\nIt stands for no user.",
        "Never give it.",
        "0:\nRoot.",
    ]


def test_list_stays_with_the_line_that_announces_it() -> None:
    filler = " ".join([SENTENCE] * 10)
    pieces = split_document(document(filler, "Bring:", Block("a badge", "item"), Block("a key", "item")))
    assert texts(pieces) == [filler, "Bring:\n\na badge\n\na key"]


def test_paragraphs_of_a_document_without_parts_are_cut_as_its_sentences_are() -> None:
    (piece,) = split_document(plain(f"Known limits\n{SENTENCE} Why?"))
    assert list(piece.spans) == split_sentences(piece.text)


def test_blank_document_has_no_chunks() -> None:
    assert split_document(plain("")) == []


@pytest.mark.parametrize(
    ("words", "chunking"),
    [
        ("heading", Chunking("heading", 800, 0)),
        ("sentence:400", Chunking("sentence", 400, 0)),
        (" Page:1200:100 ", Chunking("page", 1_200, 100)),
        ("paragraph::50", Chunking("paragraph", 800, 50)),
    ],
)
def test_chunking_is_read_from_words_and_written_back(words: str, chunking: Chunking) -> None:
    assert Chunking.parse(words) == chunking
    assert Chunking.parse(str(chunking)) == chunking


@pytest.mark.parametrize(
    "words", ["", "chapter", "heading:50", "heading:9000", "heading:800:500", "heading:x", "page:1:2:3"]
)
def test_unknown_chunking_is_refused_with_what_is_allowed(words: str) -> None:
    with pytest.raises(ConfigError, match=r"RAGLASS_CHUNKING.*heading, paragraph, sentence, page"):
        Chunking.parse(words)
