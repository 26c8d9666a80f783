"""The local backend's two profiles, put together from their parts. Models are loaded when a profile is opened."""

import importlib
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import corpus
from backends.local.backend import IntrospectiveBackend, LocalBackend, RemoteBackend, ScoringBackend
from backends.local.chosen import open_embedder, open_holder, open_remote_generator, open_reranker, usual_prompt
from backends.local.chunking import Chunking
from backends.local.corpus import LocalCorpus
from backends.local.documents import DocumentLibrary
from backends.local.index import LocalIndex
from backends.local.manifest import index_root
from backends.local.nano import NanoEmbedder
from backends.local.questions import QuestionEmbedder, StoredQuestions
from backends.local.reader import ExtractiveReader
from backends.local.remote.address import is_remote
from backends.local.rerank import SentenceReranker
from backends.local.sentences import EmbeddedSentences
from backends.local.spans.model import SpanModel
from backends.local.vectors import LocalEmbedder, Seed, VectorCache
from backends.registry import BackendConfig
from pipeline.deadline import Deadline
from pipeline.protocols import Reranker
from pipeline.types import Chunk, GenerateOptions

SEED = Path(corpus.__file__).with_name("vectors.npz")
"""Committed vectors of the built-in corpus, so that a first run need not wait."""


class DeferredReranker:
    """A reranker whose model is loaded when it is first asked for: most questions are asked without one."""

    def __init__(self, name: str, load: Callable[[], Reranker]) -> None:
        self.name = name
        self._load = cache(load)

    def rerank(self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None) -> list[Chunk]:
        """Load the model if need be, and rerank. Raises Unavailable if it cannot be had."""
        return self._load().rerank(question, chunks, deadline=deadline)


def open_embedded(config: BackendConfig) -> LocalBackend:
    """The embedded profile: multilingual-e5-small, and a reader that quotes; both in ONNX Runtime, int8. No torch.

    A generator on another server takes the reader's place where one is set, and an embedder on another server finds the chunks.
    """
    nano = NanoEmbedder(threads=config.threads)
    embedder: QuestionEmbedder = open_embedder(config.embedder, config) if is_remote(config.embedder) else nano
    local = open_corpus(config, embedder, with_sentences=embedder is nano)
    # Sentences are compared by the reader's own embedder, whose vectors an index of another one does not hold.
    sentences = EmbeddedSentences(nano, local.index if embedder is nano else None)
    reranker = SentenceReranker(nano, sentences)
    if is_remote(config.generator):
        return open_remote("local/embedded", local, embedder, reranker, config)
    reader = ExtractiveReader(nano, sentences, spans=SpanModel(threads=config.threads))
    backend = ScoringBackend(
        "local/embedded",
        local,
        embedder,
        reader,
        reranker,
        GenerateOptions(config.max_new_tokens),
        questions=open_questions(config, embedder),
    )
    # The reader describes the chunks once a call, which is nearly all of its cost.
    backend.sets_at_once = 32
    return backend


def open_research(config: BackendConfig) -> LocalBackend:
    """The research profile: sentence-transformers and transformers, the production models' local twin."""
    embedder = open_embedder(config.embedder, config)
    reranker = DeferredReranker(config.reranker, lambda: open_reranker(config.reranker, config))
    local = open_corpus(config, embedder, with_sentences=False)
    if is_remote(config.generator):
        return open_remote("local/research", local, embedder, reranker, config)
    research: Any = importlib.import_module("backends.local.research")
    generator = research.ResearchGenerator(
        config.generator,
        threads=config.threads,
        engine=config.engine,
        cache_dir=config.data_dir / "models",
        prompt=usual_prompt(config),
    )
    return IntrospectiveBackend(
        "local/research",
        local,
        embedder,
        generator,
        reranker,
        GenerateOptions(config.max_new_tokens),
        questions=open_questions(config, embedder),
        batch_size=8,
    )


def open_remote(
    name: str, local: LocalCorpus, embedder: QuestionEmbedder, reranker: Reranker, config: BackendConfig
) -> RemoteBackend:
    """Either profile with a generator on another server, which is asked at once what it can."""
    backend = RemoteBackend(
        name,
        local,
        embedder,
        open_remote_generator(config.generator, config),
        reranker,
        GenerateOptions(config.max_new_tokens),
        questions=open_questions(config, embedder),
        # They are answered one by one; a run has as many under way as it has workers.
        batch_size=4,
    )
    backend.find_abilities()
    return backend


def open_questions(config: BackendConfig, embedder: QuestionEmbedder) -> StoredQuestions:
    """What runs embed their questions with."""
    return StoredQuestions(embedder, config.data_dir / "vectors" / "questions")


def open_corpus(config: BackendConfig, embedder: LocalEmbedder, *, with_sentences: bool) -> LocalCorpus:
    """The corpus, with an index and a vector cache that belong to this embedder."""
    cache = VectorCache(config.data_dir / "vectors", embedder.fingerprint, embedder.dimension, Seed.load(SEED))
    holder = open_holder(config)
    root = index_root(config.index_dir or config.data_dir, embedder.fingerprint, holder.name)
    index = LocalIndex(root, embedder, holder)
    open_library = partial(DocumentLibrary, config.data_dir / "documents.sqlite")
    return LocalCorpus(
        open_library,
        index,
        embedder,
        cache,
        builtin=config.builtin_corpus,
        chunking=Chunking.parse(config.chunking),
        with_sentences=with_sentences,
    )
