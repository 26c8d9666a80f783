"""The corpus: when the index is stale, and what building it does."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import corpus as builtin
from backends.local import corpus as corpus_module
from backends.local.corpus import LocalCorpus
from backends.local.documents import Document, DocumentLibrary, KnownFile
from backends.local.holding import Holder
from backends.local.index import LocalIndex
from backends.local.vectors import VectorCache
from pipeline.errors import InputError
from tests.local.conftest import HOLDERS, make_document
from tests.local.fake_embedder import FakeEmbedder

Make = Callable[..., LocalCorpus]


@pytest.fixture
def make(tmp_path: Path, root: Path, embedder: FakeEmbedder, cache: VectorCache, holder: Holder) -> Make:
    def make_(*, on: bool = False, with_sentences: bool = True) -> LocalCorpus:
        library = DocumentLibrary(tmp_path / "documents.sqlite")
        index = LocalIndex(root, embedder, holder)
        return LocalCorpus(lambda: library, index, embedder, cache, builtin=on, with_sentences=with_sentences)

    return make_


def volcano() -> Document:
    return make_document("volcano", "Volcanoes erupt.\n\n" + "Lava is hot. " * 80)


def test_empty_corpus_cannot_be_built_and_says_what_to_do(make: Make) -> None:
    with pytest.raises(InputError, match="Add a document"):
        make().build()


def test_nothing_built_yet_is_a_problem_and_not_an_exception(make: Make) -> None:
    state = make().state()
    assert state.manifest is None
    assert state.problem is not None
    assert "raglass index" in state.problem
    assert not state.stale
    assert not make().has_index()


@pytest.mark.parametrize("holder", HOLDERS, indirect=True)
def test_added_document_makes_the_index_stale_until_it_is_built(make: Make) -> None:
    corpus = make()
    corpus.library.add(volcano())
    corpus.build()
    assert corpus.has_index()
    assert not corpus.state().stale
    corpus.library.add(make_document("cheese", "Cheese is made of milk."))
    assert corpus.state().stale
    assert corpus.build().documents == 2
    assert not corpus.state().stale


@pytest.mark.slow
@pytest.mark.parametrize("holder", HOLDERS, indirect=True)
def test_removed_document_makes_the_index_stale_and_is_gone_after_building(make: Make) -> None:
    corpus = make()
    corpus.library.add(volcano())
    corpus.library.add(make_document("cheese", "Cheese is made of milk."))
    corpus.build()
    corpus.library.remove("cheese")
    assert corpus.state().stale
    corpus.build()
    assert list(corpus.indexed()) == ["volcano"]


def test_of_a_file_and_its_copy_in_an_archive_the_file_answers_and_the_copy_says_so(make: Make) -> None:
    corpus = make()
    copy, plain = (replace(volcano(), document_id=name, source=name) for name in ("old.zip!/volcano.md", "volcano.md"))
    corpus.library.keep(KnownFile("old.zip"), [copy])
    corpus.library.keep(KnownFile("volcano.md"), [plain])
    corpus.build()
    assert corpus.indexed() == {"volcano.md": 2, "old.zip!/volcano.md": 0}
    assert [chunk.source for chunk in corpus.same_chunks(copy)] == ["volcano.md"] * 2


@pytest.mark.parametrize("holder", HOLDERS, indirect=True)
def test_building_an_index_that_is_up_to_date_does_nothing(make: Make) -> None:
    corpus = make()
    corpus.library.add(volcano())
    first = corpus.build()
    assert corpus.build() == first
    again = corpus.build(rebuild=True)
    assert again.built_at > first.built_at
    assert again.corpus_hash == first.corpus_hash


def test_builtin_articles_are_in_the_corpus_only_when_switched_on(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_module, "builtin_documents", lambda: [make_document("earth/x", "Plates drift.")])
    off, on = make(on=False), make(on=True)
    off.library.add(volcano())
    assert off.build().documents == 1
    assert on.state().stale
    assert on.build().documents == 2
    assert (off.state().builtin_documents, on.state().builtin_documents) == (0, 1)
    assert off.state().added_documents == 1


def test_fingerprint_changes_with_documents_profile_and_recipe(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    prints = [make().fingerprint(), make(on=True).fingerprint(), make(with_sentences=False).fingerprint()]
    monkeypatch.setattr(corpus_module, "RECIPE", "another way to cut")
    prints.append(make().fingerprint())
    make().library.add(volcano())
    prints.append(make().fingerprint())
    assert len(set(prints)) == 5


def test_fingerprint_of_the_builtin_corpus_is_part_of_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    before = make(on=True).fingerprint()
    monkeypatch.setattr(builtin, "fingerprint", lambda: "edited")
    assert make(on=True).fingerprint() != before


@pytest.mark.parametrize("holder", HOLDERS, indirect=True)
def test_map_has_a_point_for_every_chunk_and_a_place_for_a_question(make: Make) -> None:
    corpus = make()
    corpus.library.add(volcano())
    corpus.library.add(make_document("cheese", "Cheese is made of milk."))
    manifest = corpus.build()
    found = corpus.embedding_map()
    assert found.points.shape == (manifest.chunks, 2)
    assert len(found.chunks) == found.total == manifest.chunks
    place = next(n for n, chunk in enumerate(found.chunks) if chunk.document_id == "cheese")
    question = "About cheese\nCheese is made of milk."  # the very text that was embedded for that chunk
    np.testing.assert_allclose(corpus.place(question), found.points[place], atol=0.01)


def test_map_is_computed_once_an_index(make: Make) -> None:
    corpus = make()
    corpus.library.add(volcano())
    corpus.build()
    first = corpus.embedding_map()
    assert corpus.embedding_map() is first
    corpus.build(rebuild=True)
    assert corpus.embedding_map() is not first
