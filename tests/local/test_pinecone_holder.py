"""An index over Pinecone's double: what is sent and what is not, and what each fault says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backends.aws import pinecone_space
from backends.local.build import Progress
from backends.local.corpus import LocalCorpus
from backends.local.documents import DocumentLibrary
from backends.local.index import LocalIndex
from backends.local.manifest import Manifest
from backends.local.pinecone_index import PineconeHolder, namespace_of
from backends.local.vectors import VectorCache
from pipeline.errors import InputError, Unavailable
from serving.rehearsal.loopback import LoopbackServer
from tests.local.conftest import DOCUMENTS, make_document
from tests.local.fake_embedder import FakeEmbedder

Build = Callable[..., Manifest]


@pytest.fixture
def holder(pinecone_environ: dict[str, str]) -> PineconeHolder:
    return PineconeHolder("", pinecone_environ)


def search(index: LocalIndex, question: str) -> list[Any]:
    vectors = FakeEmbedder().embed([question], "query")
    [chunks] = index.search(vectors, 5, texts=[question])
    return chunks


def space_of(double: LoopbackServer, root: Path) -> Any:
    """The double's own memory of a namespace."""
    return double.service._spaces["raglass-local-64"][namespace_of(root)]  # type: ignore[attr-defined]


@pytest.mark.slow
def test_manifest_says_where_the_vectors_are_and_what_the_service_finds(build: Build, root: Path) -> None:
    manifest = build()
    assert (manifest.held_by, manifest.place) == ("pinecone", f"raglass-local-64/{namespace_of(root)}")
    assert manifest.search == "managed search in Pinecone"
    assert manifest.tuning is not None
    assert manifest.tuning.recall == pytest.approx(1.0, abs=0.01)  # the double is exact


@pytest.mark.slow
def test_ids_and_vectors_are_sent_and_no_text(build: Build, double: LoopbackServer, root: Path) -> None:
    manifest = build()
    space = space_of(double, root)
    assert len(space) == manifest.chunks
    assert [dict(space.metadata(key)) for key in space.ids()] == [{}] * manifest.chunks


@pytest.mark.slow
def test_what_is_there_is_not_sent_again_and_what_left_is_taken_out(
    build: Build, double: LoopbackServer, root: Path, index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    build()
    sent: list[int] = []
    real = pinecone_space.PineconeSpace.upsert
    monkeypatch.setattr(
        pinecone_space.PineconeSpace,
        "upsert",
        lambda self, vectors: (sent.append(len(vectors)), real(self, vectors))[1],
    )
    manifest = build([*DOCUMENTS[1:], make_document("q", "Quokkas smile.")], corpus_hash="new")
    assert sum(sent) == 1
    assert len(space_of(double, root)) == manifest.chunks
    assert search(index, "quokkas")[0].document_id == "q"
    assert "d0" not in {chunk.document_id for chunk in search(index, "year 0")}


@pytest.mark.slow
def test_question_during_a_build_is_not_crowded_out_by_its_vectors(build: Build, index: LocalIndex) -> None:
    """The next build's chunks are nearer to the question than any of the index in use."""
    build()
    expected = search(index, "volcanoes erupt lava")
    near = [make_document(f"n{n}", f"Volcanoes erupt lava {'and ' * n}.", title="") for n in range(150)]
    asked: list[list[Any]] = []

    def ask(progress: Progress) -> None:
        if progress.step == "write" and not asked:
            asked.append(search(index, "volcanoes erupt lava"))

    build(near, corpus_hash="new", on_progress=ask)
    assert asked == [expected]


@pytest.mark.slow
def test_build_that_stops_leaves_the_index_in_use_and_is_gone_on_with(
    build: Build, index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = build()
    monkeypatch.setattr("backends.local.pinecone_index.BATCH_VECTORS", 50)
    many = [make_document(f"n{n}", f"Fact number {n} is about subject {n % 17}.") for n in range(200)]

    class Stop(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.step == "send" and progress.done >= 100:
            raise Stop

    with pytest.raises(Stop):
        build(many, corpus_hash="new", on_progress=stop)
    assert index.manifest == before
    assert {chunk.document_id for chunk in search(index, "volcanoes")} <= {"d0", "d1", "d2", "d3"}
    seen: list[Progress] = []
    build(many, corpus_hash="new", on_progress=seen.append)
    first = next(progress.done for progress in seen if progress.step == "send")
    assert first >= 50
    assert search(index, "Fact number 7")[0].document_id.startswith("n")


@pytest.mark.slow
def test_emptied_corpus_leaves_nothing_in_the_cloud(
    tmp_path: Path,
    root: Path,
    double: LoopbackServer,
    holder: PineconeHolder,
    embedder: FakeEmbedder,
    cache: VectorCache,
) -> None:
    library = DocumentLibrary(tmp_path / "documents.sqlite")
    document = make_document("volcano", "Volcanoes erupt.")
    library.add(document)
    index = LocalIndex(root, embedder, holder)
    corpus = LocalCorpus(lambda: library, index, embedder, cache, builtin=False, with_sentences=False)
    corpus.build()
    assert len(space_of(double, root)) == 1
    library.remove(document.document_id)
    with pytest.raises(InputError, match="nothing to index"):
        corpus.build()
    assert len(space_of(double, root)) == 0


@pytest.mark.slow
def test_wrong_key_says_which_variable_and_is_not_quoted(
    build: Build, root: Path, embedder: FakeEmbedder, pinecone_environ: Any
) -> None:
    build()
    wrong = PineconeHolder("", {**pinecone_environ, "PINECONE_API_KEY": "hunter2"})
    with pytest.raises(Unavailable, match="PINECONE_API_KEY") as caught:
        search(LocalIndex(root, embedder, wrong), "volcanoes")
    assert caught.value.stage == "retrieve"
    with pytest.raises(Unavailable, match="PINECONE_API_KEY") as again:
        build(holder=wrong)
    assert "hunter2" not in str(caught.value) + str(again.value)


@pytest.mark.slow
def test_index_that_is_gone_names_the_command(build: Build, double: LoopbackServer, index: LocalIndex) -> None:
    build()
    double.service._indexes.clear()  # type: ignore[attr-defined]
    with pytest.raises(Unavailable, match="raglass index --rebuild"):
        search(index, "volcanoes")
    build()
    assert search(index, "volcanoes")


@pytest.mark.slow
def test_index_of_another_dimension_is_named_with_the_setting(build: Build, pinecone_environ: dict[str, str]) -> None:
    with pinecone_space.open_space("tales", "", 3, environ=pinecone_environ):
        pass
    with pytest.raises(InputError, match=r"'tales' is of dimension 3.*RAGLASS_PINECONE_INDEX"):
        build(holder=PineconeHolder("tales", pinecone_environ))
