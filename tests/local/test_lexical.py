"""BM25 over chunks."""

import math
from pathlib import Path

import bm25s
import numpy as np
import pytest

from backends.local.lexical import K1, B, LexicalIndex
from pipeline.errors import Unavailable

TEXTS = ["the cat sat on the mat", "a dog chased the cat", "birds sing", ""]


def test_scores_equal_the_published_formula() -> None:
    # Lucene's BM25 (Kamphuis et al., 2020, table 1) by hand: "cat" is in 2 of 4 chunks; lengths less stop words are 3, 3, 2 and 0.
    lengths = np.array([3, 3, 2, 0])
    idf = math.log(1 + (4 - 2 + 0.5) / (2 + 0.5))
    expected = idf / (1 + K1 * (1 - B + B * lengths[0] / lengths.mean()))

    scores = LexicalIndex.build(TEXTS).scores("Cats?")

    assert scores.dtype == np.float32
    assert scores.tolist() == pytest.approx([expected, expected, 0, 0], rel=1e-5)


def test_scores_of_some_ids_are_those_of_all_at_these_ids() -> None:
    index = LexicalIndex.build(TEXTS)

    assert index.scores("dog and cat", np.array([1, 2])).tolist() == index.scores("dog and cat")[[1, 2]].tolist()


def test_top_lists_only_chunks_that_share_a_word_best_first() -> None:
    scores, ids = LexicalIndex.build(TEXTS).top("the dog and the cat", 10)

    assert ids.tolist() == [1, 0]
    assert scores[0] > scores[1] > 0


def test_top_breaks_ties_by_the_lowest_id_and_keeps_to_k() -> None:
    _, ids = LexicalIndex.build(["cat"] * 5).top("cat", 3)

    assert ids.tolist() == [0, 1, 2]


@pytest.mark.parametrize("question", ["", "zebra", "what is the", "😀", "?!"])
def test_question_without_a_known_word_scores_zero_everywhere(question: str) -> None:
    index = LexicalIndex.build(TEXTS)

    assert index.scores(question).tolist() == [0, 0, 0, 0]
    assert index.top(question, 3)[1].tolist() == []


@pytest.mark.parametrize("texts", [[], [""], ["the of and", "?"]])
def test_corpus_without_words_matches_nothing(texts: list[str], tmp_path: Path) -> None:
    LexicalIndex.build(texts).save(tmp_path)
    index = LexicalIndex.load(tmp_path)

    assert index.scores("cat").tolist() == [0] * len(texts)
    assert index.top("cat", 3)[1].tolist() == []


def test_loaded_index_scores_as_the_saved_one(tmp_path: Path) -> None:
    built = LexicalIndex.build(TEXTS)
    built.save(tmp_path / "lexical")

    loaded = LexicalIndex.load(tmp_path / "lexical")

    assert loaded.size == 4
    assert loaded.scores("cat mat").tolist() == built.scores("cat mat").tolist()


def test_scores_are_those_of_bm25s_to_the_last_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = ["cat", "dog", "mat", "bird", "tree", "stone", "river"]
    LexicalIndex.build([" ".join(rng.choice(words, size)) for size in rng.integers(1, 12, 40)]).save(tmp_path)
    reference = bm25s.BM25.load(tmp_path, show_progress=False)

    scores = LexicalIndex.load(tmp_path).scores("a cat, a dog and a cat under the tree")

    assert scores.tolist() == reference.get_scores(["cat", "dog", "cat", "tree"]).tolist()
    assert scores.any()


def test_numbers_match_with_and_without_separators() -> None:
    scores = LexicalIndex.build(["it is 8,848 metres high", "it is 8 metres high"]).scores("what is 8848 metres high")

    assert scores[0] > scores[1]


def test_missing_or_damaged_index_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="raglass index"):
        LexicalIndex.load(tmp_path)
    LexicalIndex.build(TEXTS).save(tmp_path)
    (tmp_path / "data.csc.index.npy").write_bytes(b"broken")
    with pytest.raises(Unavailable, match="raglass index"):
        LexicalIndex.load(tmp_path)
