from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.local.research.cross_encoder import CrossEncoderReranker
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse, Timeout, Unavailable
from tests.research.tiny_models import bert_config, bert_tokenizer, make_chunk, save

QUESTION = "who wrote the question"
CHUNKS = [
    make_chunk(n, text) for n, text in enumerate(["mars is red", "the moon", "paris france", "two words"], start=1)
]


@pytest.fixture(scope="module")
def reranker(cross_encoder_folder: Path) -> CrossEncoderReranker:
    return CrossEncoderReranker(str(cross_encoder_folder))


@pytest.mark.slow
def test_chunks_come_back_best_first_with_their_scores(
    reranker: CrossEncoderReranker, cross_encoder_folder: Path, torch: Any
) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(cross_encoder_folder)
    model = AutoModelForSequenceClassification.from_pretrained(cross_encoder_folder).eval()
    expected = {}
    for chunk in CHUNKS:
        with torch.inference_mode():
            pair = tokenizer(QUESTION, f"{chunk.title}\n{chunk.text}", return_tensors="pt")
            expected[chunk.chunk_id] = float(torch.sigmoid(model(**pair).logits))
    found = reranker.rerank(QUESTION, CHUNKS)
    assert [chunk.chunk_id for chunk in found] == sorted(expected, key=lambda key: -expected[key])
    assert [chunk.rank for chunk in found] == [1, 2, 3, 4]
    np.testing.assert_allclose([c.signals["rerank"] for c in found], [expected[c.chunk_id] for c in found], atol=1e-6)


def test_nothing_but_rank_and_signal_changes(reranker: CrossEncoderReranker) -> None:
    found = {chunk.chunk_id: chunk for chunk in reranker.rerank(QUESTION, CHUNKS)}
    assert [(found[c.chunk_id].text, found[c.chunk_id].score) for c in CHUNKS] == [(c.text, c.score) for c in CHUNKS]


def test_chunks_of_equal_score_keep_their_order(reranker: CrossEncoderReranker) -> None:
    twins = [make_chunk(number, "the same words") for number in range(1, 9)]
    assert [chunk.chunk_id for chunk in reranker.rerank(QUESTION, twins)] == [chunk.chunk_id for chunk in twins]


def test_more_chunks_than_one_batch_are_all_ranked(reranker: CrossEncoderReranker) -> None:
    many = [make_chunk(number, f"text {number}") for number in range(1, 41)]
    found = reranker.rerank(QUESTION, many)
    assert sorted(chunk.chunk_id for chunk in found) == sorted(chunk.chunk_id for chunk in many)
    assert [chunk.rank for chunk in found] == list(range(1, 41))


def test_no_chunks_stay_none(reranker: CrossEncoderReranker) -> None:
    assert reranker.rerank(QUESTION, []) == []


def test_a_passed_deadline_stops_the_reranker(reranker: CrossEncoderReranker) -> None:
    with pytest.raises(Timeout, match="rerank stage"):
        reranker.rerank(QUESTION, CHUNKS, deadline=Deadline(0))


def test_a_score_that_is_not_a_number_is_refused(
    reranker: CrossEncoderReranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reranker._model, "predict", lambda pairs, **_: np.full(len(pairs), np.nan))
    with pytest.raises(BadResponse, match="not a number"):
        reranker.rerank(QUESTION, CHUNKS)


def test_an_embedder_is_no_reranker(e5_folder: Path) -> None:
    with pytest.raises(Unavailable, match=r"tiny-e5-test was not trained to score.*RAGLASS_RERANKER"):
        CrossEncoderReranker(str(e5_folder))


@pytest.mark.slow
def test_a_classifier_with_several_labels_is_no_reranker(torch: Any, tmp_path: Path) -> None:
    from transformers import BertForSequenceClassification

    folder = save(tmp_path / "topics", BertForSequenceClassification(bert_config(num_labels=3)), bert_tokenizer())
    with pytest.raises(Unavailable, match="3 scores to a pair"):
        CrossEncoderReranker(str(folder))
