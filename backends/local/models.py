"""The local profiles' models one by one, by a word each, so that a study can put them together as it likes."""

import importlib
from typing import Any, Protocol

from backends.local.chosen import EMBEDDED, SENTENCES, open_embedder, open_remote_generator, open_reranker
from backends.local.questions import QuestionEmbedder
from backends.local.reader import ExtractiveReader
from backends.local.remote.address import is_remote
from backends.local.rerank import SentenceReranker
from backends.local.sentences import EmbeddedSentences, SentenceSource
from backends.local.spans.model import SpanModel
from backends.local.spans.remembered import SpanSource
from backends.registry import BackendConfig
from pipeline.protocols import Embedder, Generator, Reranker

NO_RERANK = "none"
"""The word for no reranking. Those for the embedded profile's own models are `chosen.EMBEDDED` and `chosen.SENTENCES`."""


class Models(Protocol):
    """Where a study's models come from. Each call loads; whoever asks keeps what it gets. Raises Unavailable for what cannot be loaded."""

    def embedder(self, word: str) -> QuestionEmbedder:
        """What turns texts into vectors."""

    def spans(self) -> SpanSource | None:
        """What the embedded profile's reader reads question and chunk together with; None for nothing."""

    def generator(
        self, word: str, embedder: Embedder, sentences: SentenceSource | None, spans: SpanSource | None
    ) -> Generator:
        """What answers. embedder, sentences, spans: what a reader that quotes needs; others have no use for them."""

    def reranker(self, word: str, embedder: Embedder, sentences: SentenceSource | None) -> Reranker:
        """What orders chunks anew. embedder, sentences: as for `generator`."""


class LocalModels:
    """The models of the two local profiles."""

    def __init__(self, config: BackendConfig) -> None:
        """config: threads, engine and folders; its model names are not looked at."""
        self._config = config

    def embedder(self, word: str) -> QuestionEmbedder:
        """See `Models.embedder`."""
        return open_embedder(word, self._config)

    def spans(self) -> SpanSource | None:
        """See `Models.spans`."""
        return SpanModel(threads=self._config.threads)

    def generator(
        self, word: str, embedder: Embedder, sentences: SentenceSource | None, spans: SpanSource | None
    ) -> Generator:
        """See `Models.generator`."""
        if word == EMBEDDED:
            return ExtractiveReader(embedder, EmbeddedSentences(embedder, sentences), spans=spans)
        config = self._config
        if is_remote(word):
            return open_remote_generator(word, config)
        research: Any = importlib.import_module("backends.local.research")
        found: Generator = research.ResearchGenerator(
            word, threads=config.threads, engine=config.engine, cache_dir=config.data_dir / "models"
        )
        return found

    def reranker(self, word: str, embedder: Embedder, sentences: SentenceSource | None) -> Reranker:
        """See `Models.reranker`."""
        if word == SENTENCES:
            return SentenceReranker(embedder, EmbeddedSentences(embedder, sentences))
        return open_reranker(word, self._config)
