"""The local profiles' models one by one, by a word each, so that a study can put them together as it likes."""

import importlib
from functools import cached_property
from typing import Any, Protocol

from backends.local.manifest import index_root
from backends.local.nano import NanoEmbedder
from backends.local.questions import QuestionEmbedder
from backends.local.reader import ExtractiveReader
from backends.local.rerank import SentenceReranker
from backends.local.sentences import EmbeddedSentences, SentenceSource
from backends.local.spans.model import SpanModel
from backends.local.spans.remembered import SpanSource
from backends.registry import BackendConfig
from pipeline.protocols import Embedder, Generator, Reranker

EMBEDDED = "embedded"
"""The word for the embedded profile's own embedder and reader. Any other word is a model id or path of the research profile."""

NO_RERANK, SENTENCES = "none", "sentences"
"""Words for no reranking, and for the embedded profile's reranker. Any other is a cross-encoder's id or path."""


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

    @cached_property
    def _research(self) -> Any:
        return importlib.import_module("backends.local.research")

    @property
    def _runs_on(self) -> dict[str, Any]:
        config = self._config
        return {"threads": config.threads, "engine": config.engine, "cache_dir": config.data_dir / "models"}

    def embedder(self, word: str) -> QuestionEmbedder:
        """See `Models.embedder`."""
        if word == EMBEDDED:
            return NanoEmbedder(threads=self._config.threads)
        found: QuestionEmbedder = self._research.ResearchEmbedder(
            word,
            has_index=lambda fingerprint: index_root(self._config.data_dir, fingerprint).is_dir(),
            **self._runs_on,
        )
        return found

    def spans(self) -> SpanSource | None:
        """See `Models.spans`."""
        return SpanModel(threads=self._config.threads)

    def generator(
        self, word: str, embedder: Embedder, sentences: SentenceSource | None, spans: SpanSource | None
    ) -> Generator:
        """See `Models.generator`."""
        if word == EMBEDDED:
            return ExtractiveReader(embedder, EmbeddedSentences(embedder, sentences), spans=spans)
        found: Generator = self._research.ResearchGenerator(word, **self._runs_on)
        return found

    def reranker(self, word: str, embedder: Embedder, sentences: SentenceSource | None) -> Reranker:
        """See `Models.reranker`."""
        if word == SENTENCES:
            return SentenceReranker(embedder, EmbeddedSentences(embedder, sentences))
        found: Reranker = self._research.CrossEncoderReranker(word, threads=self._config.threads)
        return found
