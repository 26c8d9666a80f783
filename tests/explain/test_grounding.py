"""Grounding: what supports a sentence, where it does not, and citations by the rules of ALCE."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explain.grounding import (
    AnswerSentence,
    CitationScores,
    Grounding,
    SentenceGrounding,
    ground,
    read_citations,
    score_citations,
    split_answer,
)
from pipeline.errors import InputError
from pipeline.types import Chunk

DRIFT = "In 1912 the meteorologist Alfred Wegener proposed that continents drift slowly."
BEES = "Bees dance to show the way to flowers. About 1,912 of them were watched."

prose = st.lists(
    st.sampled_from(
        ["Wegener", "drifts", "1,912", "Zu\u0308rich", "[1]", "[3]", "the", ".", "?", "😀", "ﬁne", "你好。"]
    )
    | st.text(max_size=6),
    max_size=15,
).map(" ".join)


def make_chunks(*texts: str, title: str = "") -> list[Chunk]:
    return [Chunk(f"chunk-{i}", "document", title, text, 0.8, i) for i, text in enumerate(texts, start=1)]


def ground_one(sentence: str, *texts: str, title: str = "") -> SentenceGrounding:
    (found,) = ground([AnswerSentence(0, sentence)], make_chunks(*texts, title=title)).sentences
    return found


def shown(answer: str, found: Grounding) -> list[str]:
    """The answer's unsupported words, as they stand in it."""
    return [answer[start:end] for sentence in found.sentences for start, end in sentence.unsupported]


def test_sentence_is_supported_by_the_chunk_that_holds_its_words() -> None:
    found = ground_one("Alfred Wegener was proposing drifting continents.", BEES, DRIFT)
    assert found.best == 1
    assert found.supported
    assert [support.recall for support in found.by_chunk] == [0, 1]  # stems: alfred, wegener, propos, drift, contin
    assert found.unsupported == ()


def test_recall_counts_content_words_alone() -> None:
    found = ground_one("Continents have always been hot and drift slowly.", DRIFT)
    assert found.words == 5  # continents, always, hot, drift, slowly
    assert found.by_chunk[0].recall == pytest.approx(3 / 5)
    assert not found.supported


@pytest.mark.parametrize(
    ("own", "supported"), [("slowly drift proposed continents far", True), ("drift proposed continents far", False)]
)
def test_one_word_in_five_may_be_the_answers_own(own: str, supported: bool) -> None:
    assert ground_one(own, DRIFT).supported is supported  # 4/5 and 3/4


def test_wrong_number_takes_support_away_and_is_flagged() -> None:
    found = ground_one("In 1915 the meteorologist Alfred Wegener proposed that continents drift slowly.", DRIFT)
    assert found.by_chunk[0].recall > 0.8
    assert found.by_chunk[0].missing == ("1915",)
    assert not found.supported


def test_wrong_name_takes_support_away_and_is_flagged() -> None:
    found = ground_one("In 1912 the meteorologist Alfred Wagner proposed that continents drift slowly.", DRIFT)
    assert found.by_chunk[0].missing == ("Wagner",)
    assert not found.supported


def test_names_must_appear_in_just_that_form() -> None:
    assert ground_one("The slow drifting of Continent", DRIFT).by_chunk[0].missing == ("Continent",)
    assert ground_one("Slowly drifting continent", DRIFT).by_chunk[0].missing == ()


@pytest.mark.parametrize("number", ["1,912", "1912", "１９１２"])
def test_thousands_separators_do_not_matter(number: str) -> None:
    assert ground_one(f"They watched {number} bees.", BEES).supported
    assert ground_one(f"Continents drift in {number}.", DRIFT).supported


@pytest.mark.parametrize("number", ["912", "1.912", "19120", "191"])
def test_other_numbers_of_the_same_digits_do_matter(number: str) -> None:
    assert ground_one(f"They watched {number} bees.", BEES).by_chunk[0].missing == (number,)


@pytest.mark.parametrize(
    ("sentence", "missing"),
    [
        ("Taylor proposed that continents drift.", ()),  # a first word may be capitalised for that alone
        ("Frank Taylor proposed that continents drift.", ("Frank", "Taylor")),
        ("However, Alfred Wegener proposed that continents drift.", ()),
        ("NASA proposed that continents drift.", ("NASA",)),
        ("McKenzie proposed that continents drift.", ("McKenzie",)),
        ("That Taylor and Taylor proposed.", ("Taylor",)),
    ],
)
def test_capitals_make_names_but_for_the_first_word(sentence: str, missing: tuple[str, ...]) -> None:
    assert ground_one(sentence, DRIFT).by_chunk[0].missing == missing


def test_title_counts_as_part_of_the_chunk() -> None:
    assert not ground_one("The meteorologist Alfred Wegener died.", "The meteorologist died.").supported
    assert ground_one(
        "The meteorologist Alfred Wegener died.", "The meteorologist died.", title="Alfred Wegener"
    ).supported


def test_spans_of_unsupported_words_are_offsets_in_the_answer() -> None:
    answer = "Continents drift.  Zu\u0308rich’s 1915 pets — “glorious” bees — dance."
    found = ground(split_answer(answer), make_chunks(DRIFT, BEES))
    assert shown(answer, found) == ["Zu\u0308rich", "1915", "pets", "glorious"]


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert ground_one("The old Zu\u0308rich café", "Old Zürich cafe\u0301 and ﬁlm").supported
    assert ground_one("old ﬁlm", "old film").supported


def test_words_that_only_another_chunk_holds_are_not_unsupported() -> None:
    found = ground_one("Continents drift and bees dance.", DRIFT, BEES)
    assert not found.supported
    assert found.together.supported
    assert found.unsupported == ()


def test_of_identical_chunks_the_first_is_best() -> None:
    found = ground_one("Continents drift.", BEES, DRIFT, DRIFT)
    assert found.best == 1
    assert found.by_chunk[1] == found.by_chunk[2]


def test_supporting_chunk_is_better_than_one_with_more_words() -> None:
    sentence = "In 1912 slow drifting continents were proposed by somebody."
    found = ground_one(
        sentence, "Somebody proposed slow drifting continents.", "1912: slow drifting continents, proposed."
    )
    assert found.by_chunk[0].recall == found.by_chunk[1].recall  # each lacks one word of six, the first the number
    assert found.best == 1
    assert found.supported


def test_without_chunks_nothing_is_supported() -> None:
    answer = "Continents drift."
    found = ground(split_answer(answer), [])
    assert found.sentences[0].best is None
    assert not found.sentences[0].supported
    assert not found.sentences[0].together.supported
    assert shown(answer, found) == ["Continents", "drift"]
    assert found.supported_share == 0


@pytest.mark.parametrize("answer", ["", "  \n"])
def test_empty_answer_has_nothing_to_ground(answer: str) -> None:
    found = ground(split_answer(answer), make_chunks(DRIFT))
    assert found == Grounding((), None)
    assert found.supported_share is None


def test_sentence_without_content_words_is_left_out_of_the_share() -> None:
    found = ground(split_answer("It is. Continents drift."), make_chunks(DRIFT))
    assert [sentence.words for sentence in found.sentences] == [0, 2]
    assert not found.sentences[0].supported
    assert found.supported_share == 1


def test_causal_drop_stands_in_for_words() -> None:
    sentences, chunks = split_answer("Landmasses wander."), make_chunks(BEES, DRIFT)
    assert not ground(sentences, chunks).sentences[0].supported
    assert not ground(sentences, chunks, [[0.0, 0.9]]).sentences[0].supported
    (found,) = ground(sentences, chunks, [[0.0, 1.0]]).sentences
    assert (found.best, found.supported, found.together.drop_nats) == (1, True, 1.0)


def test_causal_drop_excuses_no_wrong_number() -> None:
    found = ground(split_answer("Landmasses wander since 1915."), make_chunks(DRIFT), [[9.0]])
    assert not found.sentences[0].supported


@pytest.mark.parametrize("drops", [[[1.0]], [1.0, 2.0], [[1.0, 2.0]] * 2, [[math.nan, 0.0]]])
def test_causal_drops_that_do_not_fit_are_refused(drops: list[list[float]]) -> None:
    with pytest.raises(InputError, match="ausal drop"):
        ground(split_answer("Landmasses wander."), make_chunks(BEES, DRIFT), drops)


def test_thresholds_can_be_chosen() -> None:
    sentences, chunks = split_answer("Hot continents drift."), make_chunks(DRIFT)
    assert not ground(sentences, chunks).sentences[0].supported
    assert ground(sentences, chunks, min_recall=0.6).sentences[0].supported
    assert ground(sentences, chunks, [[0.5]], min_drop_nats=0.5).sentences[0].supported


@given(prose, st.lists(prose, max_size=3))
@pytest.mark.slow
def test_any_text_is_grounded_with_spans_inside_its_sentences(answer: str, texts: list[str]) -> None:
    sentences = split_answer(answer)
    assert all(answer[s.start : s.start + len(s.text)] == s.text != "" for s in sentences)
    assert "".join("".join(s.text.split()) for s in sentences) == "".join(answer.split())
    for found in ground(sentences, make_chunks(*texts)).sentences:
        assert len(found.by_chunk) == len(texts)
        assert len(found.unsupported) <= found.words
        end = found.sentence.start + len(found.sentence.text)
        assert all(found.sentence.start <= start < stop <= end for start, stop in found.unsupported)
        assert all(support.recall <= found.together.recall <= 1 for support in found.by_chunk)


@given(prose)
@pytest.mark.slow
def test_every_sentence_with_words_is_supported_by_the_whole_answer(answer: str) -> None:
    found = ground(split_answer(answer), make_chunks(answer))
    assert all(sentence.supported for sentence in found.sentences if sentence.words)
    assert shown(answer, found) == []


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("Plates move [2][1, 2].", (1, 0)),
        ("Plates move.", ()),
        ("In [1912] it did [1;3]", (0, 2)),
        ("[0] [a] [1-2]", (-1,)),
    ],
)
def test_citations_are_numbers_in_brackets(text: str, cited: tuple[int, ...]) -> None:
    assert read_citations(text) == cited


def test_citation_after_the_full_stop_goes_with_the_sentence_before() -> None:
    answer = "Plates move. [1] Heat drives them [2]. Slowly. [1] [2]"
    assert [sentence.text for sentence in split_answer(answer)] == [
        "Plates move. [1]",
        "Heat drives them [2].",
        "Slowly. [1] [2]",
    ]


def test_numbers_of_citations_are_no_words_of_the_answer() -> None:
    found = ground_one("Continents drift [2].", DRIFT)
    assert found.words == 2
    assert found.supported


def test_answer_that_cites_nothing_has_no_citation_scores_unless_citations_are_given() -> None:
    sentences, chunks = split_answer("Continents drift."), make_chunks(DRIFT)
    assert ground(sentences, chunks).citations is None
    assert ground(sentences, chunks, citations=[[]]).citations == CitationScores(0.0, 0.0, 0, (False,), ((),))
    assert ground(sentences, chunks, citations=[[0, 0]]).citations == CitationScores(1.0, 1.0, 1, (True,), ((True,),))
    with pytest.raises(InputError, match="1 sentences but 2 lists"):
        ground(sentences, chunks, citations=[[0], [0]])


def test_citations_in_an_answer_are_scored_by_its_words() -> None:
    answer = "Continents drift [1][2]. Bees dance [1]. Continents drift and bees dance [1][2]. Nothing is cited here."
    scores = ground(split_answer(answer), make_chunks(DRIFT, BEES)).citations
    assert scores is not None
    assert scores.recalled == (True, False, True, False)
    assert scores.precise == ((True, False), (False,), (True, True), ())  # the bees are beside the point in the first
    assert (scores.recall, scores.precision, scores.citations) == (2 / 4, 3 / 5, 5)


def test_citations_are_supported_by_causal_drop_too() -> None:
    scores = ground(split_answer("Landmasses wander [2]."), make_chunks(BEES, DRIFT), [[0.0, 3.0]]).citations
    assert scores is not None
    assert (scores.recall, scores.precision) == (1, 1)


@pytest.mark.parametrize("marker", ["[1][7]", "[0][1]"])
def test_citing_a_chunk_that_is_not_there_supports_nothing(marker: str) -> None:
    scores = ground(split_answer(f"Continents drift {marker}."), make_chunks(DRIFT)).citations
    assert scores is not None
    assert (scores.recall, scores.precision, scores.citations) == (0, 0, 2)


@pytest.mark.parametrize(
    ("supporting", "precise"),
    [
        ([{0}], (True, False)),  # the second is neither enough nor needed
        ([{0}, {1}], (True, True)),  # each is enough
        ([{0, 1}], (True, True)),  # both are needed
        ([], (False, False)),  # nothing supports it: no citation is precise
    ],
)
def test_citation_is_precise_if_it_is_enough_or_needed(supporting: list[set[int]], precise: tuple[bool, bool]) -> None:
    def supports(_sentence: int, positions: Sequence[int]) -> bool:
        return any(needed <= set(positions) for needed in supporting)

    scores = score_citations([[0, 1]], 2, supports)
    assert scores.precise == (precise,)
    assert scores.recall == float(any(precise))


@given(
    st.lists(st.sets(st.integers(0, 3)), min_size=1, max_size=4), st.sets(st.frozensets(st.integers(0, 3), min_size=1))
)
@pytest.mark.slow
def test_scores_agree_with_the_rules_in_table_form(cited: list[set[int]], supporting: set[frozenset[int]]) -> None:
    """Gao et al. 2023, section 3: a citation is irrelevant if it alone does not support and the rest does. Support need not be monotone."""
    scores = score_citations([sorted(c) for c in cited], 4, lambda _, positions: frozenset(positions) in supporting)
    recalled = [frozenset(c) in supporting for c in cited]
    irrelevant = [{p for p in c if {p} not in supporting and c - {p} in supporting} for c in cited]
    total = sum(map(len, cited))
    right = sum(len(c - i) for c, i, r in zip(cited, irrelevant, recalled, strict=True) if r)
    assert scores.recall == pytest.approx(sum(recalled) / len(cited))
    assert scores.precision == pytest.approx(right / total if total else 0)
