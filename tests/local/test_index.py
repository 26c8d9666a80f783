"""Searching an index by meaning and by words, and following rebuilds."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.local import index as indexing
from backends.local import manifest as files
from backends.local.faiss_index import build_faiss, set_effort
from backends.local.fusion import CANDIDATES
from backends.local.holding import Holder
from backends.local.index import ExactSearch, LocalIndex, OpenIndex
from backends.local.manifest import Manifest
from backends.local.splitting import split_sentences
from backends.local.texts import chunk_text, sentence_text
from pipeline.errors import DimensionMismatch, IndexMismatch, Unavailable
from pipeline.types import Chunk
from tests.local.conftest import DOCUMENTS, HOLDERS, make_document
from tests.local.fake_embedder import FakeEmbedder

Build = Callable[..., Manifest]

whatever_holds = pytest.mark.parametrize("holder", HOLDERS, indirect=True)
"""Of what is searched by vectors: the same is owed whatever holds them."""


def search(index: LocalIndex, question: str, top_k: int = 5, *, words: bool = True) -> list[Chunk]:
    vectors = FakeEmbedder().embed([question], "query")
    [chunks] = index.search(vectors, top_k, texts=[question] if words else None)
    return chunks


@whatever_holds
def test_score_is_the_cosine_and_ranks_count_from_one(build: Build, index: LocalIndex, embedder: FakeEmbedder) -> None:
    build()
    chunks = search(index, "Why do volcanoes erupt?")
    [question] = embedder.embed(["Why do volcanoes erupt?"], "query")
    assert [chunk.rank for chunk in chunks] == [1, 2, 3, 4, 5]
    assert "olcanoes" in chunks[0].text
    for chunk in chunks:
        [vector] = embedder.embed([chunk_text(chunk.title, chunk.text)], "passage")
        assert chunk.score == pytest.approx(float(question @ vector), abs=0.002)  # vectors are kept as float16
        assert set(chunk.signals) >= {"bm25", "fused"}
    assert [chunk.signals["fused"] for chunk in chunks] == sorted((c.signals["fused"] for c in chunks), reverse=True)


def test_best_sentence_of_a_chunk_is_among_its_signals(build: Build, index: LocalIndex, embedder: FakeEmbedder) -> None:
    build()
    question = "Why do volcanoes erupt?"
    [vector] = embedder.embed([question], "query")
    for chunk in search(index, question):
        texts = [sentence_text(chunk.title, chunk.text[start:end]) for start, end in split_sentences(chunk.text)]
        best = float((embedder.embed(texts, "passage") @ vector).max())
        assert chunk.signals["sentence"] == pytest.approx(best, abs=0.002)  # vectors are kept as float16


@whatever_holds
def test_without_words_the_order_is_that_of_the_cosine(build: Build, index: LocalIndex) -> None:
    build()
    scores = [chunk.score for chunk in search(index, "volcanoes and dunes", 10, words=False)]
    assert scores == sorted(scores, reverse=True)


class Tangled(FakeEmbedder):
    """Its vectors do not know rare words."""

    def _vector(self, text: str) -> np.ndarray:
        return super()._vector(" ".join(word for word in text.split() if not word.lower().startswith("zyx")))


def test_rare_word_is_found_where_meaning_alone_misses_it(tmp_path: Path) -> None:
    from backends.local.build import build_index
    from backends.local.vectors import VectorCache

    embedder = Tangled()
    rng = np.random.default_rng(0)
    words = [f"word{n}" for n in range(200)]
    filler = [
        make_document(f"f{n}", f"{' '.join(rng.choice(words, 8))} {'rivers' if n % 4 == 0 else 'hills'}.", title="")
        for n in range(60)
    ]
    planted = make_document("planted", "Zyxomma word1 word2 word3 word4 word5 word6 word7.", title="")
    cache = VectorCache(tmp_path / "v", embedder.fingerprint, embedder.dimension)
    build_index(tmp_path / "i", [*filler, planted], embedder, cache, corpus_hash="", with_sentences=False)
    index = LocalIndex(tmp_path / "i", embedder)
    question = "Zyxomma rivers"
    vectors = embedder.embed([question], "query")
    [dense] = index.search(vectors, 5)
    [hybrid] = index.search(vectors, 5, texts=[question])
    assert "planted" not in {chunk.document_id for chunk in dense}
    assert "planted" in {chunk.document_id for chunk in hybrid}


@whatever_holds
def test_many_questions_are_searched_in_one_call(build: Build, index: LocalIndex, embedder: FakeEmbedder) -> None:
    build()
    questions = ["volcanoes", "dunes"]
    both = index.search(embedder.embed(questions, "query"), 3, texts=questions)
    assert both == [search(index, question, 3) for question in questions]
    assert index.search(embedder.embed([], "query"), 3, texts=[]) == []


@whatever_holds
def test_top_k_beyond_the_corpus_gives_the_whole_corpus_once(build: Build, index: LocalIndex) -> None:
    manifest = build()
    chunks = search(index, "volcanoes", 100)
    assert len({chunk.chunk_id for chunk in chunks}) == len(chunks) == manifest.chunks


@pytest.mark.parametrize("question", ["volcanoes", "?", "no known word whatsoeverish", "😀"])
def test_corpus_of_one_chunk_can_be_searched(build: Build, index: LocalIndex, question: str) -> None:
    build([make_document("only", "Volcanoes erupt.")])
    [chunk] = search(index, question)
    assert (chunk.document_id, chunk.rank) == ("only", 1)


@whatever_holds
def test_corpus_without_any_word_can_be_searched(build: Build, index: LocalIndex) -> None:
    build([make_document("symbols", "!!! ??? …", title="")])
    assert len(search(index, "anything")) == 1


@pytest.mark.slow
def test_hnsw_index_finds_what_an_exact_one_finds(
    build: Build, root: Path, embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [make_document(f"d{n}", f"Fact number {n} is about subject {n % 17}.") for n in range(300)]
    build(documents)
    exact = search(LocalIndex(root, embedder), "Fact number 123", 10)
    monkeypatch.setattr(
        "backends.local.faiss_index.build_faiss", lambda vectors, **given: faiss_small(vectors, **given)
    )
    assert build(documents).kind == "hnsw"
    assert [c.chunk_id for c in search(LocalIndex(root, embedder), "Fact number 123", 10)] == [
        c.chunk_id for c in exact
    ]


@pytest.mark.slow
def test_exact_search_finds_what_a_careless_hnsw_misses(
    build: Build, index: LocalIndex, embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [make_document(f"d{n}", f"Fact number {n} is about subject {n % 17}.") for n in range(1_500)]
    questions = [f"Fact number {n}" for n in range(0, 100, 5)]
    vectors = embedder.embed(questions, "query")
    build(documents, with_sentences=False)
    expected = index.search(vectors, CANDIDATES)
    monkeypatch.setattr(
        "backends.local.faiss_index.build_faiss", lambda vectors, **given: faiss_small(vectors, **given)
    )
    assert build(documents, with_sentences=False).kind == "hnsw"
    set_effort(index.opened().vectors._index, "hnsw", 1)
    assert ids_of(index.search(vectors, CANDIDATES)) != ids_of(expected)
    assert ids_of(ExactSearch(index).search(vectors, CANDIDATES)) == ids_of(expected)
    texts = questions[:1]
    [hybrid] = ExactSearch(index).search(vectors[:1], 5, texts=texts)
    assert all(chunk.signals["fused"] for chunk in hybrid)


def ids_of(found: list[list[Chunk]]) -> list[set[str]]:
    return [{chunk.chunk_id for chunk in chunks} for chunks in found]


def faiss_small(vectors: np.ndarray, **given: object) -> object:
    return build_faiss(vectors, exact_below=10, **given)  # type: ignore[arg-type]


def test_sentences_are_those_of_the_chunk_with_their_vectors(
    build: Build, index: LocalIndex, embedder: FakeEmbedder
) -> None:
    build()
    for chunk in search(index, "glaciers", 4):
        found = index.sentences(chunk)
        assert found is not None
        spans, vectors = found
        assert spans == split_sentences(chunk.text)
        texts = [sentence_text(chunk.title, chunk.text[start:end]) for start, end in spans]
        np.testing.assert_allclose(vectors, embedder.embed(texts, "passage"), atol=0.001)


def test_chunk_that_is_not_in_the_index_has_no_sentences_there(build: Build, index: LocalIndex) -> None:
    build()
    [chunk] = search(index, "glaciers", 1)
    changed = Chunk(chunk.chunk_id, chunk.document_id, chunk.title, chunk.text + " More.", chunk.score, 1)
    assert index.sentences(changed) is None


def test_index_without_sentences_has_none(build: Build, index: LocalIndex) -> None:
    build(with_sentences=False)
    [chunk] = search(index, "glaciers", 1)
    assert index.sentences(chunk) is None


def test_nothing_built_yet_names_the_command(index: LocalIndex) -> None:
    with pytest.raises(Unavailable, match="Run `raglass index`"):
        search(index, "anything")


@whatever_holds
def test_index_of_another_embedder_is_a_mismatch(build: Build, root: Path, holder: Holder) -> None:
    build()
    with pytest.raises(IndexMismatch, match="raglass index --rebuild"):
        LocalIndex(root, FakeEmbedder("other"), holder).opened()


@whatever_holds
def test_vectors_of_another_length_are_a_dimension_mismatch(build: Build, index: LocalIndex) -> None:
    build()
    with pytest.raises(DimensionMismatch):
        index.search(np.ones((1, 3), np.float32), 5, texts=["x"])


@pytest.mark.slow
@whatever_holds
def test_reader_sees_a_rebuild_by_the_next_question(build: Build, index: LocalIndex) -> None:
    build()
    assert search(index, "quokkas", 1)[0].document_id != "q"
    build([*DOCUMENTS, make_document("q", "Quokkas smile.")], corpus_hash="new")
    assert search(index, "quokkas", 1)[0].document_id == "q"
    assert index.manifest.corpus_hash == "new"


REBUILD = """
import sys
from pathlib import Path
from typing import Any
from backends.local.build import build_index
from backends.local.vectors import VectorCache
from tests.local.conftest import make_document
from tests.local.fake_embedder import FakeEmbedder
root, embedder = Path(sys.argv[1]), FakeEmbedder()
cache = VectorCache(root.parent / "vectors", embedder.fingerprint, embedder.dimension)
build_index(root, [make_document("q", "Quokkas smile.")], embedder, cache, corpus_hash="2", with_sentences=True)
"""


@pytest.mark.slow
def test_reader_sees_a_rebuild_by_another_process(build: Build, root: Path, index: LocalIndex) -> None:
    build()
    search(index, "volcanoes")
    subprocess.run([sys.executable, "-c", REBUILD, str(root)], check=True)
    assert [chunk.document_id for chunk in search(index, "volcanoes")] == ["q"]


def test_open_index_outlives_the_rebuild_that_removes_its_files(build: Build, index: LocalIndex) -> None:
    build()
    old = index.opened()
    build([make_document("q", "Quokkas smile.")], corpus_hash="new")
    assert not old.folder.exists()
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.extend(old.execute("SELECT count(*) FROM chunks")[0]))
    thread.start()
    thread.join()
    assert found == [old.manifest.chunks]
    assert old.vectors.size == old.manifest.chunks


@pytest.mark.slow
@whatever_holds
def test_rebuild_while_the_index_is_being_opened_is_followed(
    build: Build, index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    build()
    real, rebuilt = OpenIndex, []

    def open_late(folder: Path, *given: Any) -> OpenIndex:
        if not rebuilt:
            rebuilt.append(build(corpus_hash="new"))
        return real(folder, *given)

    monkeypatch.setattr(indexing, "OpenIndex", open_late)
    assert index.manifest.corpus_hash == "new"


def test_folder_that_vanished_is_unavailable(build: Build, root: Path, index: LocalIndex) -> None:
    build()
    folder = files.current_folder(root)
    assert folder is not None
    shutil.rmtree(folder)
    with pytest.raises(Unavailable, match="raglass index --rebuild"):
        index.opened()


@whatever_holds
def test_four_threads_search_as_one(build: Build, index: LocalIndex) -> None:
    build()
    expected = search(index, "volcanoes", 10)
    found: list[list[Chunk]] = []
    threads = [threading.Thread(target=lambda: found.append(search(index, "volcanoes", 10))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


@whatever_holds
def test_closed_index_opens_again_with_the_next_question(build: Build, index: LocalIndex) -> None:
    build()
    expected = search(index, "volcanoes")
    index.close()
    index.close()
    assert search(index, "volcanoes") == expected


def test_chunks_of_a_document_stand_in_its_order(build: Build, index: LocalIndex) -> None:
    build()
    chunks = index.chunks_of("d1")
    starts = [DOCUMENTS[1].text.index(chunk.text) for chunk in chunks]
    assert starts == sorted(starts)
    assert all(chunk.sentences == len(split_sentences(chunk.text)) for chunk in chunks)
    assert index.chunks_of("absent") == []


def test_chunks_at_positions_come_in_order_of_position(build: Build, index: LocalIndex) -> None:
    build()
    everything = [chunk for document in DOCUMENTS for chunk in index.chunks_of(document.document_id)]
    assert index.chunks_at([3, 0]) == [everything[0], everything[3]]
