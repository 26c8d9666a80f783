"""An embedder on another server: batches, lengths, faults, and an index that belongs to it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.local.documents import Document
from backends.local.profiles import open_embedded
from backends.local.remote import client, embedder
from backends.local.remote.address import parse_address
from backends.local.remote.embedder import RemoteEmbedder
from backends.registry import BackendConfig
from pipeline.errors import BackendError, BadResponse, ConfigError, DimensionMismatch, StageFailed
from tests.remote.standin import MODEL, Plan, serving

TEXTS = ["abba", "cab", "", "zoo\0\ud800"]

Open = Callable[[Plan], RemoteEmbedder]


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "POLICY", client.Policy(attempts=3, base_s=0.001, cap_s=0.001))


@pytest.fixture
def opened() -> Iterator[Open]:
    with ExitStack() as stack:

        def open_embedder(plan: Plan) -> RemoteEmbedder:
            url = stack.enter_context(serving(plan))
            made = RemoteEmbedder(parse_address(f"openai:{MODEL}@{url}", "RAGLASS_EMBEDDER", {}), {})
            stack.callback(made.close)
            return made

        yield open_embedder


def letters(text: str) -> Any:
    """What the stand-in counts, at length 1."""
    counts = np.array([text.count(chr(97 + letter)) + 0.01 for letter in range(26)], np.float32)
    return counts / np.linalg.norm(counts)


def test_vectors_have_length_one_and_the_order_of_the_texts(opened: Open) -> None:
    found = opened(Plan())
    vectors = found.embed(TEXTS, "passage")
    assert (vectors.shape, vectors.dtype, found.dimension) == ((4, 26), np.float32, 26)
    assert vectors[:2] == pytest.approx(np.stack([letters("abba"), letters("cab")]), abs=1e-6)


@pytest.mark.slow
def test_texts_go_in_batches_and_a_known_question_goes_once(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedder, "BATCH", 2)
    plan = Plan()
    found = opened(plan)
    found.embed(["a", "b", "c"], "passage")
    assert [body["input"] for body in plan.bodies("/embeddings")[1:]] == [["a", "b"], ["c"]]
    found.embed(["q"], "query")
    assert found.knows("q")
    found.embed(["q"], "query")
    assert len(plan.bodies("/embeddings")) == 4
    assert found.embed([], "passage").shape == (0, 26)


FAULTS: dict[str, tuple[dict[str, Any], type[BackendError]]] = {
    "another length": ({"dimension": 8}, DimensionMismatch),
    "zero": ({"value": 0.0}, BadResponse),
    "not a number": ({"value": float("nan")}, BadResponse),
    "one too few": ({"drop": 1}, BadResponse),
    "no numbers": ({"value": "x"}, BadResponse),
}


@pytest.mark.parametrize("name", FAULTS)
def test_vectors_that_cannot_be_used_are_refused(opened: Open, name: str) -> None:
    plan = Plan()
    found = opened(plan)
    plan.vectors, kind = FAULTS[name]
    with pytest.raises(kind) as caught:
        found.embed(TEXTS[:2], "passage")
    assert type(caught.value) is kind


def test_text_that_is_too_long_for_the_server_is_a_matter_of_cutting(opened: Open) -> None:
    plan = Plan()
    found = opened(plan)
    plan.statuses.append((400, {}, {"message": "input exceeds the maximum context length"}))
    with pytest.raises(StageFailed, match="RAGLASS_CHUNKING"):
        found.embed(["long"], "passage")


def test_completions_are_no_embedder() -> None:
    with pytest.raises(ConfigError, match="openai:MODEL@URL"):
        RemoteEmbedder(parse_address("openai-completion:m@http://127.0.0.1:9", "RAGLASS_EMBEDDER", {}))


@pytest.mark.slow
def test_index_belongs_to_the_server_and_model_that_made_its_vectors(tmp_path: Path, opened: Open) -> None:
    with serving(Plan()) as url:
        word = f"openai:{MODEL}@{url}"
        backend = open_embedded(BackendConfig(tmp_path, builtin_corpus=False, threads=1, embedder=word))
        backend.corpus.library.add(Document("w", "Drift", "Alfred Wegener proposed that continents drift.", "w.txt"))
        backend.corpus.build()
        trace = backend.answer("Who proposed that continents drift?", top_k=1, deadline_s=30)
        assert trace.error is None
        assert trace.generation is not None
        assert "Wegener" in trace.generation.answer
        assert backend.corpus.index.manifest.embedder_fingerprint == backend.embedder.fingerprint
        assert opened(Plan()).fingerprint != backend.embedder.fingerprint
        backend.close()
