"""The profiles put together: what they share, and where it is kept."""

from dataclasses import replace
from pathlib import Path

import pytest

from backends.local.documents import Document
from backends.local.profiles import open_corpus, open_embedded
from backends.registry import BackendConfig
from tests.local.fake_embedder import FakeEmbedder


@pytest.mark.slow
def test_profile_without_an_index_is_not_ready_and_answers_with_a_typed_error(tmp_path: Path) -> None:
    backend = open_embedded(BackendConfig(tmp_path, builtin_corpus=False, threads=1))
    assert [part.name for part in backend.check_ready().parts if not part.ready] == ["index"]
    trace = backend.answer("Anything?", top_k=1, deadline_s=30)
    assert trace.error is not None
    assert (trace.error.kind, trace.error.stage) == ("Unavailable", "retrieve")
    assert trace.settings["index"] is None


def test_an_index_kept_elsewhere_leaves_the_one_in_use_and_shares_documents_and_vectors(tmp_path: Path) -> None:
    config = BackendConfig(tmp_path / "data", builtin_corpus=False)
    usual = open_corpus(config, FakeEmbedder(), with_sentences=False)
    usual.library.add(
        Document("wegener", "Continental drift", "Wegener proposed that continents drift.", "wegener.txt")
    )
    before = usual.build()
    embedder = FakeEmbedder()
    tried = open_corpus(replace(config, index_dir=tmp_path / "tried"), embedder, with_sentences=False)
    assert not tried.has_index()
    assert tried.build().chunks == before.chunks
    assert embedder.embedded == []
    assert usual.index.manifest == before
    assert (tmp_path / "tried").is_dir()


def test_time_of_embedding_is_taken_anew_though_vectors_are_known(tmp_path: Path) -> None:
    embedder = FakeEmbedder()
    local = open_corpus(BackendConfig(tmp_path, builtin_corpus=False), embedder, with_sentences=False)
    local.embed(["known"])
    assert local.embed_seconds(["known"]) > 0
    assert embedder.embedded == ["known", "known"]
