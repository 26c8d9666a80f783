"""Cells share what they have in common, answer as they would alone, and look no quicker for it."""

from pathlib import Path

import pytest

from app.lab.cells import Cell, SharedCells
from backends.registry import BackendConfig
from evaluation.datasets import Dataset, load_dataset
from pipeline.types import Trace
from tests.app.lab.planted_models import Backwards, FakeModels, FirstSentence, Together, write_cities

CUT = "paragraph:200:0"


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return load_dataset(str(write_cities(tmp_path / "cities.json")))


@pytest.fixture
def shared(tmp_path: Path, dataset: Dataset) -> SharedCells:
    return SharedCells(BackendConfig(tmp_path), dataset, FakeModels)


def ask(shared: SharedCells, cell: Cell, dataset: Dataset) -> list[Trace]:
    texts = [question.text for question in dataset.questions]
    return shared.backend(cell).answer_batch(texts, top_k=cell.top_k, deadline_s=10, rerank=cell.rerank != "none")


def models_of(shared: SharedCells) -> FakeModels:
    return shared._models  # type: ignore[return-value]


@pytest.mark.slow
def test_question_is_embedded_once_and_what_finds_the_same_is_answered_once(
    shared: SharedCells, dataset: Dataset
) -> None:
    cells = [Cell(index=index, chunking=CUT, top_k=top_k) for top_k in (2, 4) for index in ("exact", "hnsw")]
    found = [ask(shared, cell, dataset) for cell in cells]
    embedded = models_of(shared).embedders["embedded"].embedded
    questions = [question.text for question in dataset.questions]
    assert [embedded.count(text) for text in questions] == [1] * len(questions)
    [generator] = models_of(shared).generators
    assert len(generator.asked) == len(set(generator.asked)) == 2 * len(questions)
    exact, hnsw = ([chunk.chunk_id for chunk in trace.chunks] for trace in (found[0][0], found[1][0]))
    assert exact == hnsw


def test_cell_that_shares_answers_as_one_that_does_not(tmp_path: Path, dataset: Dataset, shared: SharedCells) -> None:
    cell = Cell(chunking=CUT, top_k=3, rerank="backwards")
    for before in (Cell(chunking=CUT, top_k=8), Cell(chunking=CUT, top_k=5, rerank="backwards")):
        ask(shared, before, dataset)
    alone = SharedCells(BackendConfig(tmp_path), dataset, FakeModels)
    for one, other in zip(ask(shared, cell, dataset), ask(alone, cell, dataset), strict=True):
        assert one.chunks == other.chunks
        assert one.generation == other.generation


def test_retrieval_is_cut_for_fewer_chunks_and_made_anew_for_more_candidates(
    shared: SharedCells, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = shared.search(Cell(chunking=CUT))
    depths: list[int] = []
    looked = search.index.search

    def count(vectors: object, top_k: int, **given: object) -> object:
        depths.append(top_k)
        return looked(vectors, top_k, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(search.index, "search", count)
    for top_k in (2, 8, 100):
        ask(shared, Cell(chunking=CUT, top_k=top_k), dataset)
    assert depths == [20] * len(dataset.questions) + [100] * len(dataset.questions)


def test_shared_stage_takes_what_it_took_when_it_was_done(shared: SharedCells, dataset: Dataset) -> None:
    cell = Cell(chunking=CUT, top_k=3)
    first, second = ask(shared, cell, dataset)[0], ask(shared, cell, dataset)[0]
    for one, other in zip(first.spans, second.spans, strict=True):
        assert one.duration_ms == other.duration_ms
        assert (one.attributes.get("shared"), other.attributes["shared"]) == (None, True)
    ends = [span.start_ms + span.duration_ms for span in second.spans]
    starts = [span.start_ms for span in second.spans]
    assert all(end <= start + 1e-6 for end, start in zip(ends, starts[1:], strict=False))
    assert second.unaccounted_ms >= -1e-6


def test_generator_that_answers_several_at_once_is_asked_for_what_is_new(shared: SharedCells, dataset: Dataset) -> None:
    first = ask(shared, Cell(chunking=CUT, top_k=3, generator="together"), dataset)
    again = ask(shared, Cell(chunking=CUT, top_k=3, generator="together", index="hnsw"), dataset)
    [generator] = models_of(shared).generators
    assert isinstance(generator, Together)
    assert generator.batches == [len(dataset.questions)]
    assert [trace.generation for trace in first] == [trace.generation for trace in again]


def test_what_no_cell_needs_is_let_go_of_and_what_one_needs_is_kept(shared: SharedCells, dataset: Dataset) -> None:
    cells = [Cell(chunking=CUT), Cell(chunking="sentence:100:0")]
    for cell in cells:
        ask(shared, cell, dataset)
    corpus = shared.corpus("embedded", "sentence:100:0")
    shared.keep_for(cells[1:])
    assert shared.corpus("embedded", "sentence:100:0") is corpus
    assert ("embedded", CUT) not in shared._corpora
    shared.close()
    assert not shared._embedders


def test_reranker_is_asked_once_for_the_same_candidates(shared: SharedCells, dataset: Dataset) -> None:
    for top_k in (1, 3):
        ask(shared, Cell(chunking=CUT, top_k=top_k, rerank="backwards"), dataset)
    [reranker] = models_of(shared).rerankers
    assert isinstance(reranker, Backwards)
    assert len(reranker.asked) == len(dataset.questions)


def test_trace_says_which_cell_answered(shared: SharedCells, dataset: Dataset) -> None:
    trace = ask(shared, Cell(index="hnsw:32", chunking=CUT, generator="other"), dataset)[0]
    assert trace.backend == "local/research"
    assert trace.settings["chunking"] == CUT
    assert str(trace.settings["index"]).endswith(" hnsw:32")
    assert isinstance(models_of(shared).generators[0], FirstSentence)
