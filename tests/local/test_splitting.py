"""Text to sentences: offsets are exact, nothing is lost."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.local import splitting
from backends.local.splitting import MAX_SENTENCE_CHARS, split_sentences

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
        "Max. load 40 kg.",
        "Tel. 555 0142.",
        "Yan et al. [2004] measured a rise of 3.1 mm per year.",
        "Lee et al. (2019) and Roy et al. 2020 agree.",
        "See Fig. 3, Eq. 4, Vol. 2 and No. 5 on p. 12.",
        "St. Mary and Mt. Hood lie in Dr. Who's county.",
        "Use approx. 5 ml, i.e. a spoon.",
        "2. Then do that.",
        "3.2.1. Access is by badge.",
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
def test_blank_text_has_no_sentences(blank: str) -> None:
    assert split_sentences(blank) == []


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
@pytest.mark.slow
def test_sentences_cover_all_text_in_order(text: str) -> None:
    spans = split_sentences(text)
    assert all(start < end for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)
    assert without_space("".join(text[start:end] for start, end in spans)) == without_space(text)


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


@pytest.mark.parametrize(
    "text",
    [
        "He lives in Main St. The shop is near.",
        "Did it help? No. He left.",
        "Yan et al. disagreed loudly! Others did not.",
        "She took vitamin C. It helps.",
    ],
)
def test_word_that_may_be_an_abbreviation_can_end_a_sentence(text: str) -> None:
    assert len(sentences(text)) == text.count(".") + text.count("?") + text.count("!") - ("al." in text)


def test_line_break_parts_what_an_abbreviation_would_join() -> None:
    assert sentences("Kap.\n\n3 Wege führen hin.") == ["Kap.", "3 Wege führen hin."]


def test_japanese_and_chinese_stops_end_sentences() -> None:
    assert sentences("東京は首都です。人口は1400万人です。") == ["東京は首都です。", "人口は1400万人です。"]
    assert sentences("北京是首都。人口很多！") == ["北京是首都。", "人口很多！"]


def test_splitter_never_sees_more_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    whole = splitting.get_sentence_boundaries

    def watched(language: str, text: str) -> list[dict[str, int]]:
        seen.append(len(text))
        return whole(language, text)  # type: ignore[no-any-return]

    monkeypatch.setattr(splitting, "get_sentence_boundaries", watched)
    split_sentences("(a. " * 3_000 + "x" * 9_000)
    assert len(seen) > 4
    assert max(seen) <= splitting.MAX_BLOCK_CHARS
