"""`SharedCells`: cells of a study over the local models, where what several cells share is computed once.

A cell is a choice of embedder, chunking, index, reranking, top_k, generator and prompt. Vectors are made once per embedder and text, an
index once per embedder, chunking and kind, a retrieval once per those (at the depth that the cells' top_k share, and cut), an order of the
reranker once per that, and an answer once where generator, prompt, question and chunks are the very same. Each trace says what the stage
took when it was done; a stage that was not done again is marked `shared`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from app.lab.sharing import (
    Ledger,
    SharedGenerator,
    SharedMarks,
    SharedQuestions,
    SharedReranker,
    SharedSearch,
    charged,
)
from backends.local.build import OnProgress
from backends.local.chosen import EMBEDDED, SENTENCES
from backends.local.chunking import Chunking
from backends.local.corpus import LocalCorpus
from backends.local.documents import DocumentLibrary
from backends.local.index_kinds import IndexKind, KindIndex
from backends.local.models import NO_RERANK, LocalModels, Models
from backends.local.profiles import SEED
from backends.local.vectors import Seed, VectorCache
from backends.registry import BackendConfig
from evaluation.datasets import Dataset
from pipeline.batch import answer_together
from pipeline.errors import InputError, StoreError
from pipeline.pipeline import Pipeline
from pipeline.prompts import DEFAULT, PromptedGenerator, PromptTemplate, describe_prompt
from pipeline.protocols import Generator, OnEvent
from pipeline.types import GenerateOptions, PartReadiness, Readiness, Setting, Trace

Key = TypeVar("Key")
Held = TypeVar("Held")

BATCH = 16
"""Questions asked in one go: what an embedder and a generator take best."""

FOLDER = "lab-indexes"
"""In a data folder: the indexes of studies, by documents, embedder and chunking; each is made again if it is removed."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One choice of everything."""

    embedder: str = EMBEDDED
    """`embedded`, or a sentence-transformers model id or path."""
    index: str = "exact"
    """As `IndexKind.parse` reads it."""
    chunking: str = "heading:800:0"
    """As `Chunking.parse` reads it."""
    top_k: int = 5
    """Chunks to answer from."""
    rerank: str = NO_RERANK
    """`none`, `sentences`, or a cross-encoder's id or path."""
    generator: str = EMBEDDED
    """`embedded`, or a model id or path."""
    prompt: str = DEFAULT.name
    """What the generator is told: the usual prompt, or one of those that the study was given. A reader that quotes is told nothing."""

    @property
    def backend(self) -> str:
        """The name under which its traces are stored: the profile that its generator is of."""
        return "local/embedded" if self.generator == EMBEDDED else "local/research"


class CellBackend:
    """What answers in a cell. It can be asked like any backend, one batch at a time."""

    batch_size = BATCH

    def __init__(self, cell: Cell, pipeline: Pipeline, ledger: Ledger, settings: dict[str, Setting]) -> None:
        self.cell, self.name = cell, cell.backend
        self._pipeline, self._ledger, self._settings = pipeline, ledger, settings

    def answer(
        self,
        question: str,
        *,
        top_k: int,
        deadline_s: float,
        rerank: bool = False,
        on_event: OnEvent | None = None,
    ) -> Trace:
        """See `pipeline.protocols.Backend.answer`; nothing is told while it works."""
        return self.answer_batch([question], top_k=top_k, deadline_s=deadline_s, rerank=rerank)[0]

    def answer_batch(
        self, questions: Sequence[str], *, top_k: int, deadline_s: float, rerank: bool = False
    ) -> list[Trace]:
        """See `pipeline.protocols.BatchAnswerer`."""
        with self._ledger.open() as page:
            traces = answer_together(
                self._pipeline,
                questions,
                backend=self.name,
                top_k=top_k,
                deadline_s=deadline_s,
                rerank=rerank,
                settings=self._settings,
            )
            return [charged(trace, page) for trace in traces]

    def check_ready(self) -> Readiness:
        """It is, once it is made."""
        return Readiness((PartReadiness("cell", True, str(self.cell)),))

    def close(self) -> None:
        """Nothing is its own."""


class SharedCells:
    """Backends of cells, over one corpus. Raises Unavailable for a model that cannot be had, StoreError where the disk refuses."""

    def __init__(
        self,
        config: BackendConfig,
        dataset: Dataset | None = None,
        models: Callable[[], Models] | None = None,
        *,
        prompts: Mapping[str, PromptTemplate] = MappingProxyType({}),
    ) -> None:
        """config: folders and threads. dataset: whose own documents are indexed, if it has any; else the usual corpus is.

        models: where models come from; the local profiles by default. prompts: by the word that a cell has for them, beside the usual one.
        """
        self._config = config
        self._prompts = {DEFAULT.name: DEFAULT, **prompts}
        self._documents = () if dataset is None else dataset.documents
        self._whose = dataset.documents_fingerprint if dataset is not None and dataset.documents else "usual"
        self._models = (models or partial(LocalModels, config))()
        self._ledger = Ledger()
        self._marks: SharedMarks | None = None
        self._embedders: dict[str, SharedQuestions] = {}
        self._corpora: dict[tuple[str, str], LocalCorpus] = {}
        self._searches: dict[tuple[str, str, str], SharedSearch] = {}
        self._rerankers: dict[tuple[str, ...], SharedReranker] = {}
        self._loaded: dict[tuple[str, ...], Generator] = {}
        """Generators, whatever they are told."""
        self._generators: dict[tuple[str, ...], SharedGenerator] = {}

    def backend(self, cell: Cell, on_progress: OnProgress | None = None) -> CellBackend:
        """What answers in a cell; makes what no cell before it has made.

        on_progress: of an index that is built; what it raises stops it.
        """
        embedder, search = self.embedder(cell.embedder), self.search(cell, on_progress)
        reranker = None if cell.rerank == NO_RERANK else self._reranker(cell, embedder)
        generator = self._generator(cell, embedder)
        pipeline = Pipeline(
            embedder.charging(self._ledger),
            search,
            generator,
            reranker,
            options=GenerateOptions(self._config.max_new_tokens),
        )
        settings: dict[str, Setting] = {
            "embedder": embedder.name,
            "generator": generator.name,
            "reranker": None if reranker is None else reranker.name,
            "index": f"{search.fingerprint} {cell.index}",
            "chunking": cell.chunking,
            **describe_prompt(generator.prompt),
        }
        return CellBackend(cell, pipeline, self._ledger, settings)

    def embedder(self, word: str) -> SharedQuestions:
        """An embedder, loaded once, with every question's vector remembered."""
        if word not in self._embedders:
            self._embedders[word] = SharedQuestions(self._models.embedder(word))
        return self._embedders[word]

    def corpus(self, embedder: str, chunking: str, on_progress: OnProgress | None = None) -> LocalCorpus:
        """The documents under an embedder and a chunking, indexed."""
        key = embedder, chunking
        if key not in self._corpora:
            corpus = self._open_corpus(self.embedder(embedder), chunking, with_sentences=embedder == EMBEDDED)
            corpus.build(on_progress)
            self._corpora[key] = corpus
        return self._corpora[key]

    def search(self, cell: Cell, on_progress: OnProgress | None = None) -> SharedSearch:
        """A cell's retrieval, each question looked up once for each depth."""
        key = cell.embedder, cell.chunking, cell.index
        if key not in self._searches:
            corpus, embedder = self.corpus(cell.embedder, cell.chunking, on_progress), self.embedder(cell.embedder)
            index = KindIndex(corpus.index.root, embedder, IndexKind.parse(cell.index))
            self._searches[key] = SharedSearch(index, self._ledger)
        return self._searches[key]

    def keep_for(self, cells: Iterable[Cell]) -> None:
        """Let go of what none of these cells needs."""
        left = list(cells)
        self._embedders = _kept(self._embedders, {cell.embedder for cell in left})
        self._corpora = _kept(self._corpora, {(cell.embedder, cell.chunking) for cell in left})
        self._searches = _kept(self._searches, {(cell.embedder, cell.chunking, cell.index) for cell in left})
        self._rerankers = _kept(self._rerankers, {_reranker_key(cell) for cell in left})
        self._loaded = _kept(self._loaded, {_model_key(cell) for cell in left})
        self._generators = _kept(self._generators, {_generator_key(cell) for cell in left})

    def close(self) -> None:
        """Let go of everything; what is on the disk stays for the next study."""
        self.keep_for(())

    def _open_corpus(self, embedder: SharedQuestions, chunking: str, *, with_sentences: bool) -> LocalCorpus:
        data = self._config.data_dir
        own = data / "datasets" / self._whose if self._documents else data
        name = embedder.fingerprint.replace("/", "_")
        root = data / FOLDER / self._whose / name / chunking.replace(":", "-")
        _make(own)
        cache = VectorCache(data / "vectors", embedder.fingerprint, embedder.dimension, Seed.load(SEED))
        corpus = LocalCorpus(
            partial(DocumentLibrary, own / "documents.sqlite"),
            KindIndex(root, embedder, IndexKind("exact")),
            embedder,
            cache,
            builtin=self._config.builtin_corpus and not self._documents,
            with_sentences=with_sentences,
            chunking=Chunking.parse(chunking),
        )
        for document in self._documents:
            corpus.library.add(document)
        return corpus

    def _reranker(self, cell: Cell, embedder: SharedQuestions) -> SharedReranker:
        key = _reranker_key(cell)
        if key not in self._rerankers:
            index = self.corpus(cell.embedder, cell.chunking).index
            made = self._models.reranker(cell.rerank, embedder, index)
            self._rerankers[key] = SharedReranker(made, self._ledger)
        return self._rerankers[key]

    def _generator(self, cell: Cell, embedder: SharedQuestions) -> SharedGenerator:
        key = _generator_key(cell)
        if key not in self._generators:
            made = self._load_generator(cell, embedder)
            self._generators[key] = SharedGenerator(self._told(made, cell), self._ledger)
        return self._generators[key]

    def _load_generator(self, cell: Cell, embedder: SharedQuestions) -> Generator:
        key = _model_key(cell)
        if key not in self._loaded:
            quotes = cell.generator == EMBEDDED
            index = self.corpus(cell.embedder, cell.chunking).index if quotes else None
            marks = self._shared_marks() if quotes else None
            self._loaded[key] = self._models.generator(cell.generator, embedder, index, marks)
        return self._loaded[key]

    def _told(self, generator: Generator, cell: Cell) -> Generator:
        """A generator with the cell's prompt; a reader that quotes as it is. Raises InputError for another one that reads no prompt."""
        if isinstance(generator, PromptedGenerator):
            return generator.with_prompt(self._prompts[cell.prompt])
        if cell.generator != EMBEDDED and cell.prompt != DEFAULT.name:
            raise InputError(
                f"The generator {generator.name} takes no prompt from here. Leave `prompt` out, or name another one."
            )
        return generator

    def _shared_marks(self) -> SharedMarks | None:
        if self._marks is None:
            spans = self._models.spans()
            self._marks = None if spans is None else SharedMarks(spans, self._ledger)
        return self._marks


def _kept(held: dict[Key, Held], needed: set[Any]) -> dict[Key, Held]:
    return {key: each for key, each in held.items() if key in needed}


def _reranker_key(cell: Cell) -> tuple[str, ...]:
    """The embedded profile's reranker looks at sentences of an index; a cross-encoder at texts alone."""
    return (cell.rerank, cell.embedder, cell.chunking) if cell.rerank == SENTENCES else (cell.rerank,)


def _model_key(cell: Cell) -> tuple[str, ...]:
    return (cell.generator, cell.embedder, cell.chunking) if cell.generator == EMBEDDED else (cell.generator,)


def _generator_key(cell: Cell) -> tuple[str, ...]:
    """A reader that quotes answers alike whatever it is told."""
    return _model_key(cell) if cell.generator == EMBEDDED else (*_model_key(cell), cell.prompt)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The folder {folder} cannot be made ({error.strerror}). Free some space.") from error
