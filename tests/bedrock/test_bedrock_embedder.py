"""Embedders on Bedrock: what Titan and Cohere are sent, how many at once, and what does not fit."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from backends.local.bedrock import embedder
from backends.local.bedrock.embedder import BedrockEmbedder
from backends.local.documents import Document
from backends.local.profiles import open_embedded
from backends.registry import BackendConfig
from pipeline.errors import BackendError, BadResponse, ConfigError, DimensionMismatch, StageFailed, Throttled
from pipeline.protocols import AnswerScorer
from serving.rehearsal.bedrock import DIMENSION, BedrockDouble
from serving.rehearsal.loopback import Call, LoopbackServer, Reply
from tests.aws.loopback import Answer, serving

TITAN, COHERE = "amazon.titan-embed-text-v2:0", "cohere.embed-multilingual-v3"
Open = Callable[..., tuple[BedrockEmbedder, Any]]


class Kept(BedrockDouble):
    """The double, with what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[dict[str, Any]] = []

    def answer(self, call: Call) -> Reply:
        self.asked.append(json.loads(call.body))
        return super().answer(call)


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    service = Kept()
    with LoopbackServer(service) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield service
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_titan_takes_a_text_a_call_and_vectors_keep_the_order_of_the_texts(double: Kept) -> None:
    found = BedrockEmbedder(f"bedrock:{TITAN}", "us-east-1")
    texts = [f"text number {number}" for number in range(20)]
    vectors = found.embed(texts, "passage")
    assert (vectors.shape, vectors.dtype, found.dimension) == ((20, DIMENSION), np.float32, DIMENSION)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(20), abs=1e-5)
    assert vectors == pytest.approx(np.concatenate([found.embed([text], "passage") for text in texts]), abs=1e-6)
    assert {tuple(asked) for asked in double.asked} == {("inputText",)}


@pytest.mark.slow
def test_cohere_takes_texts_in_batches_and_is_told_their_kind(double: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    family = embedder.Family(2, 2_048, embedder.COHERE.write, embedder.COHERE.read)
    monkeypatch.setattr(embedder, "FAMILIES", {"cohere.embed": family})
    found = BedrockEmbedder(f"bedrock:{COHERE}", "us-east-1")
    found.embed(["a", "", "c"], "passage")
    found.embed(["q"], "query")
    found.embed(["q"], "query")
    sent = [(asked["texts"], asked["input_type"]) for asked in double.asked[1:]]
    assert sorted(sent) == [
        (["a", " "], "search_document"), (["c"], "search_document"), (["q"], "search_query")
    ]  # fmt: skip
    assert {asked["truncate"] for asked in double.asked} == {"NONE"}
    assert found.knows("q")


@pytest.mark.parametrize("shape", ["a list", "by type"])
def test_cohere_answers_in_two_shapes(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors: Any = [[3.0, 4.0]]
    with serving(Answer({"embeddings": vectors if shape == "a list" else {"float": vectors}})) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
        found = BedrockEmbedder(f"bedrock:us.{COHERE}", "us-east-1")
        assert found.embed(["x"], "query") == pytest.approx(np.array([[0.6, 0.8]]))


FAULTS: dict[str, tuple[list[Answer], type[BackendError], str]] = {
    "another length": ([Answer({"embedding": [1.0] * 3})], DimensionMismatch, "3 numbers"),
    "zero": ([Answer({"embedding": [0.0, 0.0]})], BadResponse, "zero or not a number"),
    "none": ([Answer({"embedding": []})], BadResponse, "no reply of it"),
    "another shape": ([Answer({"vector": [1.0, 0.0]})], BadResponse, "no reply of it"),
    "too many tokens": (
        [Answer({"message": "Too many input tokens. Max 8192"}, 400, {"x-amzn-ErrorType": "ValidationException"})],
        StageFailed,
        "RAGLASS_CHUNKING",
    ),
    "throttled": ([Answer({}, 429, {"x-amzn-ErrorType": "ThrottlingException"})], Throttled, "no more requests"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("texts", [["x"], ["x", "y", "z"]], ids=["one", "several"])
def test_vectors_that_cannot_be_used_are_refused(name: str, texts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    replies, kind, words = FAULTS[name]
    with serving(Answer({"embedding": [1.0, 0.0]}), *replies) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
        found = BedrockEmbedder(f"bedrock:{TITAN}", "us-east-1")
        with pytest.raises(kind, match=words) as raised:
            found.embed(texts, "passage")
        assert raised.value.stage == "embed"


def test_text_that_is_longer_than_documented_is_not_sent(double: Kept) -> None:
    found = BedrockEmbedder(f"bedrock:{COHERE}", "us-east-1")
    with pytest.raises(StageFailed, match=r"2,049 characters does not fit .* takes 2,048"):
        found.embed(["x" * 2_049], "passage")
    assert len(double.asked) == 1


def test_model_that_is_no_embedder_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError, match=r"bedrock:cohere\.embed"):
        BedrockEmbedder("bedrock:amazon.nova-lite-v1:0", "us-east-1")


@pytest.mark.slow
def test_fingerprint_is_the_models_whichever_region_runs_it(double: Kept) -> None:
    here = BedrockEmbedder(f"bedrock:{COHERE}", "us-east-1")
    assert BedrockEmbedder(f"bedrock:eu.{COHERE}", "eu-west-1").fingerprint == here.fingerprint
    assert BedrockEmbedder(f"bedrock:{TITAN}", "us-east-1").fingerprint != here.fingerprint


@pytest.mark.slow
def test_embedded_profile_answers_with_both_from_bedrock(double: Kept, tmp_path: Path) -> None:
    config = BackendConfig(
        tmp_path, builtin_corpus=False, threads=1, embedder=f"bedrock:{TITAN}", generator="bedrock:amazon.nova-lite-v1:0",
        aws_region="us-east-1",
    )  # fmt: skip
    with ExitStack() as stack:
        backend = open_embedded(config)
        stack.callback(backend.close)
        backend.corpus.library.add(Document("w", "Drift", "Alfred Wegener proposed that continents drift.", "w.txt"))
        backend.corpus.build()
        trace = backend.answer("Who proposed that continents drift?", top_k=1, deadline_s=30)
    assert trace.error is None
    assert trace.generation is not None
    assert trace.generation.answer == "Alfred Wegener proposed that continents drift."
    assert trace.settings["generator"] == "bedrock:amazon.nova-lite-v1:0"
    assert trace.settings["embedder"] == f"bedrock:{TITAN}"
    assert not isinstance(backend, AnswerScorer)
