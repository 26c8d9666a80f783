"""A backend that retrieves here, over the embedded profile's parts."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backends.local.backend import LocalBackend
from backends.local.documents import Document
from backends.local.nano import NanoEmbedder
from backends.local.profiles import open_embedded
from backends.registry import BackendConfig

WEGENER = Document(
    "wegener",
    "Continental drift",
    "Alfred Wegener proposed in 1912 that continents drift. He was a German meteorologist. Geologists laughed at him.",
    "wegener.txt",
)
CHEESE = Document("cheese", "Cheese", "Cheese is made of milk. Rennet makes the milk set.", "cheese.txt")


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> LocalBackend:
    config = BackendConfig(tmp_path_factory.mktemp("data"), builtin_corpus=False, threads=1)
    backend = open_embedded(config)
    for document in (WEGENER, CHEESE):
        backend.corpus.library.add(document)
    backend.corpus.build()
    return backend


def test_answer_is_quoted_from_the_chunk_that_holds_it(backend: LocalBackend) -> None:
    trace = backend.answer("Who proposed that continents drift?", top_k=2, deadline_s=30)
    assert trace.error is None
    assert trace.generation is not None
    assert "Wegener" in trace.generation.answer
    by_id = {chunk.chunk_id: chunk for chunk in trace.chunks}
    quoted = [by_id[e.chunk_id].text[e.start : e.end] for e in trace.generation.evidence]
    assert " ".join(quoted) == trace.generation.answer


def test_reader_and_reranker_embed_a_sentence_that_no_index_holds_once_between_them(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    passages: list[str] = []
    embed = backend.embedder.embed

    def count(texts: list[str], kind: str, **given: object) -> object:
        passages.extend(texts if kind == "passage" else [])
        return embed(texts, kind, **given)

    monkeypatch.setattr(backend.embedder, "embed", count)
    [chunk] = backend.retrieve("Who proposed that continents drift?", top_k=1, deadline_s=30)
    variant = replace(chunk, chunk_id="variant", text="Geologists laughed at him.")
    for _ in range(2):
        backend.reranker.rerank("Who laughed?", [chunk, variant])
        backend.score_answer("Who laughed?", [[chunk], [variant]], "Geologists laughed at him.")
    assert passages == ["Continental drift\nGeologists laughed at him."]


def test_only_an_exact_retrieval_searches_exactly(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    search = backend.corpus.index.search

    def note(*arguments: Any, exact: bool = False, **given: Any) -> object:
        asked.append(exact)
        return search(*arguments, exact=exact, **given)

    monkeypatch.setattr(backend.corpus.index, "search", note)
    for exact in (False, True):
        assert backend.retrieve("Who proposed that continents drift?", top_k=1, deadline_s=30, exact=exact)
    assert asked == [False, True]


def test_trace_records_what_is_needed_to_ask_again(backend: LocalBackend) -> None:
    trace = backend.answer("Who proposed that continents drift?", top_k=2, deadline_s=30, rerank=True)
    assert trace.settings == {
        "embedder": NanoEmbedder.name,
        "generator": backend.generator.name,
        "reranker": backend.reranker.name,
        "index": backend.corpus.index.manifest.fingerprint,
        "top_k": 2,
        "deadline_s": 30,
        "rerank": True,
    }


def test_readiness_tells_what_is_indexed_and_that_it_is_stale(backend: LocalBackend) -> None:
    parts = {part.name: part for part in backend.check_ready().parts}
    assert set(parts) == {"embedder", "index", "generator", "reranker"}
    assert "2 chunks of 2 documents, exact search" in parts["index"].detail
    extra = Document("extra", "Extra", "More text.", "extra.txt")
    backend.corpus.library.add(extra)
    try:
        assert "run `raglass index`" in backend.check_ready().parts[1].detail
        assert backend.check_ready().ready
    finally:
        backend.corpus.library.remove("extra")


def test_readiness_says_what_is_to_be_said_of_the_embedder_here(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend.embedder, "remark", "this processor is a slow one")
    detail = backend.check_ready().parts[0].detail
    assert detail == f"{NanoEmbedder.name}, weights {backend.embedder.fingerprint}; this processor is a slow one"


def test_library_that_cannot_be_read_is_told_by_the_readiness_and_costs_no_answer(
    backend: LocalBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "documents.sqlite"
    broken.write_bytes(b"no database" * 100)
    monkeypatch.setattr(backend.corpus.library, "path", broken)
    with caplog.at_level(logging.CRITICAL):
        readiness = backend.check_ready()
    assert not readiness.ready
    assert "documents.sqlite" in next(part.detail for part in readiness.parts if part.name == "index")
    assert backend.answer("Who proposed that continents drift?", top_k=1, deadline_s=30).error is None


@pytest.fixture(scope="module")
def builtin(tmp_path_factory: pytest.TempPathFactory) -> LocalBackend:
    backend = open_embedded(BackendConfig(tmp_path_factory.mktemp("builtin"), builtin_corpus=True, threads=1))
    backend.corpus.build()
    return backend


@pytest.mark.slow
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Who painted the Mona Lisa?", "Leonardo da Vinci"),
        ("How long is the Amazon River?", "6,400 kilometres"),
        ("What is the capital of Iceland?", None),
    ],
)
def test_what_a_visitor_asks_first_is_answered_or_honestly_not(
    builtin: LocalBackend, question: str, answer: str | None
) -> None:
    generation = builtin.answer(question, top_k=5, deadline_s=60).generation
    assert generation is not None
    assert generation.abstained == (answer is None)
    assert answer is None or answer in generation.answer
