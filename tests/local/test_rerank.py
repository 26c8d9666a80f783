"""Reordering chunks by their sentences."""

from dataclasses import replace

import numpy as np
import pytest

from backends.local.features import SENTENCE_FEATURES
from backends.local.rerank import SentenceReranker
from backends.local.weights import ReaderWeights
from pipeline.deadline import Deadline
from pipeline.errors import Timeout, Unavailable
from pipeline.types import Chunk
from tests.local.fake_embedder import FakeEmbedder


def make_reranker(**sentence: float) -> SentenceReranker:
    weights = ReaderWeights(dict.fromkeys(SENTENCE_FEATURES, 0.0) | sentence, {}, 0.0, 0.5, 0.5, {}, 5.0)
    return SentenceReranker(FakeEmbedder(), weights=weights)


CHUNKS = [
    Chunk("a", "d", "", "Rivers carry sand. Winds move dunes.", 0.8, 1, {"bm25": 1.5}),
    Chunk("b", "d", "", "Glaciers carve valleys. Volcanoes erupt lava.", 0.7, 2),
    Chunk("c", "d", "", "", 0.6, 3),
]


def test_chunk_with_the_sentence_that_answers_comes_first() -> None:
    ranked = make_reranker(cosine=1.0).rerank("Volcanoes erupt lava", CHUNKS)

    assert [(c.chunk_id, c.rank) for c in ranked] == [("b", 1), ("a", 2), ("c", 3)]


def test_score_is_the_log_share_of_the_chunk_and_other_signals_stay() -> None:
    ranked = make_reranker(cosine=0.1).rerank("Volcanoes erupt lava", CHUNKS)

    assert sum(np.exp(c.signals["rerank"]) for c in ranked) == pytest.approx(1)
    assert {c.chunk_id: c for c in ranked}["a"].signals["bm25"] == 1.5
    assert {c.chunk_id: c.score for c in ranked} == {"a": 0.8, "b": 0.7, "c": 0.6}


def test_present_order_decides_where_sentences_do_not() -> None:
    same = [replace(CHUNKS[0], chunk_id=name, rank=rank) for rank, name in enumerate("xyz", 1)]

    assert [c.chunk_id for c in make_reranker(rank=-1.0).rerank("sand", same)] == ["x", "y", "z"]
    assert [c.chunk_id for c in make_reranker().rerank("sand", same)] == ["x", "y", "z"]


def test_no_chunks_stay_no_chunks() -> None:
    assert make_reranker().rerank("sand", []) == []


def test_passed_deadline_stops_the_reranking() -> None:
    times = iter([0.0] + [2.0] * 9)

    with pytest.raises(Timeout) as raised:
        make_reranker().rerank("sand", CHUNKS, deadline=Deadline(1, clock=times.__next__))
    assert raised.value.stage == "rerank"


def test_embedder_that_fails_while_reranking_fails_the_reranking(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Unavailable("The model server is gone.", stage="embed")

    monkeypatch.setattr(FakeEmbedder, "embed", fail)
    with pytest.raises(Unavailable) as caught:
        make_reranker().rerank("Volcanoes erupt lava", CHUNKS)
    assert caught.value.stage == "rerank"
