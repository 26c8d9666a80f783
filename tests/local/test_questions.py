"""Questions of runs, embedded once and kept on disk."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from backends.local.questions import StoredQuestions
from backends.local.vectors import FloatArray, VectorMemory
from pipeline.deadline import Deadline
from pipeline.types import Kind
from tests.local.fake_embedder import FakeEmbedder

TEXTS = [f"What is {number}?" for number in range(6)]


class Remembering(FakeEmbedder):
    """The fake with a memory, as the real embedders have it."""

    def __init__(self, name: str = "fake", kept: int = 100) -> None:
        super().__init__(name)
        self.memory = VectorMemory(kept)

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> FloatArray:
        if kind == "passage":
            return super().embed(texts, kind)
        return self.memory.recall(texts, lambda missing: super(Remembering, self).embed(missing, "query"))

    def knows(self, question: str) -> bool:
        return self.memory.knows(question)

    def remember(self, vectors: Mapping[str, FloatArray]) -> None:
        self.memory.keep(vectors)


def test_what_one_process_has_embedded_another_need_not(tmp_path: Path) -> None:
    first = StoredQuestions(Remembering(), tmp_path)
    assert first.knows_all(TEXTS) == [False] * 6
    made = first.embed(TEXTS, "query")
    embedder = Remembering()
    second = StoredQuestions(embedder, tmp_path)
    assert second.knows_all([*TEXTS, "And this?"]) == [True] * 6 + [False]
    np.testing.assert_array_equal(second.embed([*TEXTS, "And this?"], "query")[:6], made)
    assert embedder.embedded == ["And this?"]


def test_vectors_come_back_to_the_last_bit_so_that_a_run_repeats_itself(tmp_path: Path) -> None:
    stored = StoredQuestions(Remembering(), tmp_path)
    made = stored.embed(TEXTS, "query")
    again = StoredQuestions(embedder := Remembering(), tmp_path)
    again.knows_all(TEXTS)
    np.testing.assert_array_equal(again.embed(TEXTS, "query"), made)
    assert embedder.embedded == []
    assert made.dtype == np.float32


def test_other_stages_find_the_vectors_in_the_embedders_memory(tmp_path: Path) -> None:
    StoredQuestions(Remembering(), tmp_path).embed(TEXTS, "query")
    embedder = Remembering()
    StoredQuestions(embedder, tmp_path).knows_all(TEXTS)
    assert all(embedder.knows(text) for text in TEXTS)


def test_another_embedder_does_not_take_them_for_its_own(tmp_path: Path) -> None:
    StoredQuestions(Remembering(), tmp_path).embed(TEXTS, "query")
    assert StoredQuestions(Remembering("other"), tmp_path).knows_all(TEXTS) == [False] * 6


def test_a_passage_is_not_kept_among_the_questions(tmp_path: Path) -> None:
    stored = StoredQuestions(Remembering(), tmp_path)
    stored.embed(TEXTS, "passage")
    assert stored.knows_all(TEXTS) == [False] * 6


def test_a_folder_that_cannot_be_used_costs_time_and_no_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    stored = StoredQuestions(Remembering(), tmp_path / "file")
    with caplog.at_level(logging.WARNING):
        assert stored.knows_all(TEXTS) == [False] * 6
        np.testing.assert_array_equal(stored.embed(TEXTS, "query"), FakeEmbedder().embed(TEXTS, "query"))
    assert "embedded anew" in caplog.text
    assert "not kept" in caplog.text
