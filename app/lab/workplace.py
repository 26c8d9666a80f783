"""Where studies work: the questions that they ask, and the user's documents under an index of a study's own, beside the one in use."""

import shutil
import tempfile
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.lab.one_by_one import Doing
from app.lab.parts import Parts
from app.lab.study import Data
from backends.local.protocols import HoldsCorpus
from backends.registry import BackendConfig
from evaluation.datasets import Dataset, LabelledQuestion, load_dataset, settle
from explain.answers import normalise
from pipeline.checks import check_top_k
from pipeline.errors import InputError, StoreError
from pipeline.locks import held_alone, held_in_turn
from pipeline.types import Chunk

if TYPE_CHECKING:
    from backends.local.corpus import LocalCorpus
    from backends.local.index import IndexedChunk, LocalIndex

EMBEDDED_BACKEND = "local/embedded"
"""The backend that the embedded profile's models are asked through."""

POLL_S = 0.2
"""How often it is looked how far a build is."""

LOCK = ".lock"
"""In the folder of the studies' indexes while one is added; in each of them while a study uses it."""

CUT_DOCUMENTS = 200
"""Documents of a dataset, drawn at random, from which it is told how many chunks it gives."""

TIMED_TEXTS, TIMED_QUESTIONS = 32, 20
"""Chunks and questions, drawn at random, from which the time of embedding is told."""


def check_questions(parts: Parts, plan: Data) -> dict[str, Any]:
    """What the studies of questions have in common: dataset, how many are drawn and how, chunks. Raises InputError."""
    top_k = plan.get("top_k") or parts.settings.top_k
    check_top_k(top_k)
    checked = {
        "dataset": settle(plan.get("dataset") or "builtin"),
        "limit": plan.get("limit"),
        "seed": plan.get("seed", 0),
        "top_k": top_k,
        "rerank": bool(plan.get("rerank", False)),
        "backend": plan.get("backend") or parts.settings.backend_name,
    }
    load_dataset(checked["dataset"]).draw(checked["limit"], checked["seed"])
    return checked


def check_names(names: Sequence[str], what: str) -> list[str]:
    """Names as they were given, each once. Raises InputError for none, or a blank one."""
    found = list(dict.fromkeys(name.strip() for name in names))
    if not found or not all(found):
        raise InputError(f"Name {what}; {'one of them is blank' if found else 'none is named'}.")
    return found


def read_dataset(parts: Parts, plan: Data) -> Dataset:
    """The questions of a checked plan, with their types."""
    return parts.evaluations.types.fill(load_dataset(plan["dataset"]).draw(plan["limit"], plan["seed"]))


def describe_questions(questions: Sequence[LabelledQuestion]) -> dict[str, list[str]]:
    """What the figures are told apart by, JSON-ready: the cluster and the type of each question."""
    return {"clusters": [each.cluster for each in questions], "types": [each.type for each in questions]}


@contextmanager
def config_over(parts: Parts, dataset: Dataset, **choices: Any) -> Iterator[BackendConfig]:
    """What a backend is opened with for one way: documents and vectors of the usual data folder (a dataset's own documents, where it has
    some), and an index in a folder that is removed at the end: what was embedded is kept, so that it is soon made again.

    choices: what is other than usual. Raises StoreError.
    """
    config = parts.config()
    work = config.data_dir / "lab" / "work"
    if dataset.documents:
        folder = config.data_dir / "datasets" / dataset.documents_fingerprint
        config = replace(config, data_dir=folder, builtin_corpus=False)
    _make(config.data_dir)
    with _own_folder(work) as folder:
        yield replace(config, index_dir=folder, **choices)


def fill(corpus: "LocalCorpus", dataset: Dataset) -> None:
    """Put a dataset's own documents into its corpus; those that are there already stay as they are."""
    for document in dataset.documents:
        corpus.library.add(document)


def build(corpus: "LocalCorpus", stop: threading.Event, share: tuple[float, float]) -> Generator[Doing, None, bool]:
    """Make the index cover the documents, and tell how far that is; False where it was stopped: what was embedded is kept.

    share: as `Doing` has it.
    """
    from app.documents.job import IndexJob, Work

    job = IndexJob(Work(corpus)).start()
    try:
        while job.running:
            job.wait(POLL_S)
            if stop.is_set():
                job.end()
            progress = job.state.progress
            yield Doing(*((0, 0) if progress is None else (progress.done, progress.total)), "indexing", share)
    finally:
        job.end()
        job.wait()
    if job.state.phase == "failed":
        raise InputError(f"The documents could not be indexed: {job.state.message}")
    return job.state.phase != "stopped"


def count_texts(parts: Parts, backend: str, dataset: Dataset) -> int | None:
    """Chunks that the questions are asked over, as documents are cut now, of a dataset's own documents as some of them are cut; None
    where that is not known before there is an index."""
    if dataset.documents:
        from backends.local.build import cut_documents
        from backends.local.chunking import Chunking

        some = drawn(dataset.documents, CUT_DOCUMENTS)
        cut = cut_documents(some, lambda progress: None, Chunking.parse(parts.config().chunking))
        return round(len(cut.rows) / len(some) * len(dataset.documents))
    opened = parts.backend(backend)
    if not isinstance(opened, HoldsCorpus) or not opened.corpus.has_index():
        return None
    return opened.corpus.index.manifest.chunks


def all_chunks(index: "LocalIndex") -> list["IndexedChunk"]:
    """Every chunk of an index, by its row."""
    return index.chunks_at(range(index.opened().vectors.size))


def find_gold(questions: Sequence[LabelledQuestion], chunks: Sequence[Chunk]) -> list[list[int]]:
    """The rows of each question's gold chunks: those that hold a gold answer and are of the gold article, where one is named."""
    of_article: dict[str, list[int]] = {}
    for row, chunk in enumerate(chunks):
        for name in {normalise(chunk.title), normalise(chunk.document_id)}:
            of_article.setdefault(name, []).append(row)
    found = []
    for question in questions:
        named = normalise(question.article)
        rows = of_article.get(named, []) if named else list(range(len(chunks)))
        places = question.gold.places([chunks[row] for row in rows]) if question.answers else []
        found.append([rows[place] for place in places])
    return found


def drawn(items: Sequence[Any], count: int, seed: int = 0) -> list[Any]:
    """`count` of these at random, all where there are no more; the same ones for the same number of items."""
    places = np.random.default_rng(seed).permutation(len(items))[:count]
    return [items[place] for place in sorted(places.tolist())]


@contextmanager
def _own_folder(work: Path) -> Iterator[Path]:
    """A folder that no other study has, removed at the end; those that killed studies left are removed at the beginning."""
    _make(work)
    with ExitStack() as held:
        with held_in_turn(work / LOCK, lambda: None):
            for other in work.iterdir():
                if other.is_dir():
                    _sweep(other)
            with _explained(work):
                folder = Path(tempfile.mkdtemp(dir=work))
            held.callback(shutil.rmtree, folder, ignore_errors=True)
            held.enter_context(held_alone(folder / LOCK, InputError(f"{folder} is taken.")))
        yield folder


def _sweep(folder: Path) -> None:
    """Remove a folder that no study holds."""
    taken = InputError(f"{folder} is in use.")
    try:
        with held_alone(folder / LOCK, taken):
            shutil.rmtree(folder, ignore_errors=True)
    except InputError:
        return


def _make(folder: Path) -> None:
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"The folder {folder} cannot be made ({error.strerror}). Free some space.") from error
