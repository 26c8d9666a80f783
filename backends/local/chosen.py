"""Embedders, rerankers and what holds vectors, by name, each by itself. Models are loaded when they are opened."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from backends.local.faiss_index import FaissHolder
from backends.local.holding import Holder
from backends.local.manifest import HOLDERS, index_root
from backends.local.nano import NanoEmbedder
from backends.local.questions import QuestionEmbedder
from backends.local.remote.address import BEDROCK, is_remote, parse_address
from backends.local.rerank import SentenceReranker
from backends.registry import BackendConfig
from pipeline.errors import ConfigError, InputError
from pipeline.prompts import DEFAULT, PromptTemplate, read_prompt
from pipeline.protocols import Reranker

if TYPE_CHECKING:
    from backends.local.bedrock.generator import BedrockGenerator
    from backends.local.remote.generator import RemoteGenerator

EMBEDDED = "embedded"
"""The embedded profile's own model, which needs no torch."""

SENTENCES = "sentences"
"""The embedded profile's own reranker."""


def open_embedder(model: str, config: BackendConfig) -> QuestionEmbedder:
    """EMBEDDED, a model on another server, or what the research profile can load: a sentence-transformers id or path.

    Raises Unavailable if it cannot be had.
    """
    if model == EMBEDDED:
        return NanoEmbedder(threads=config.threads)
    if model.startswith(BEDROCK):
        from backends.local.bedrock.embedder import BedrockEmbedder

        return BedrockEmbedder(model, config.aws_region)
    if is_remote(model):
        from backends.local.remote.embedder import RemoteEmbedder
        from backends.local.remote.served import SETTING

        return RemoteEmbedder(parse_address(model, SETTING, config.environ), config.environ)
    research: Any = importlib.import_module("backends.local.research")
    found = research.ResearchEmbedder(
        model,
        has_index=lambda fingerprint: index_root(config.data_dir, fingerprint, config.index).is_dir(),
        threads=config.threads,
        engine=config.engine,
        cache_dir=config.data_dir / "models",
    )
    return cast(QuestionEmbedder, found)


def open_holder(config: BackendConfig) -> Holder:
    """What holds the vectors of an index; of one that is only tried it is FAISS. Asks nothing yet.

    Raises ConfigError where a URL or a key that it needs is missing.
    """
    if config.index_dir is not None or config.index == "faiss":
        return FaissHolder()
    if config.index == "pgvector":
        from backends.local.pgvector.holder import PgvectorHolder

        return PgvectorHolder(config.index_url)
    if config.index == "pinecone":
        from backends.local.pinecone_index import PineconeHolder

        return PineconeHolder(config.pinecone_index, config.environ)
    raise ConfigError(f"RAGLASS_INDEX is {config.index!r}. Choose one of {', '.join(HOLDERS)}.")


def open_remote_generator(word: str, config: BackendConfig) -> "RemoteGenerator | BedrockGenerator":
    """A model on another server, by its word. Raises ConfigError for a word that names none, Unavailable if it cannot be asked at all."""
    if word.startswith(BEDROCK):
        from backends.local.bedrock.generator import BedrockGenerator

        return BedrockGenerator(word, config.aws_region, usual_prompt(config))
    from backends.local.remote.generator import SETTING, RemoteGenerator

    return RemoteGenerator(parse_address(word, SETTING, config.environ), config.environ, usual_prompt(config))


def usual_prompt(config: BackendConfig) -> PromptTemplate:
    """What generators are told if nothing is said. Raises ConfigError for a file that holds no template."""
    if not config.prompt_file:
        return DEFAULT
    try:
        return read_prompt(Path(config.prompt_file).expanduser())
    except InputError as error:
        raise ConfigError(f"RAGLASS_PROMPT names no prompt. {error}") from error


def open_reranker(model: str, config: BackendConfig) -> Reranker:
    """SENTENCES, or a cross-encoder's id or path. Raises Unavailable if it cannot be had."""
    if model == SENTENCES:
        return SentenceReranker(NanoEmbedder(threads=config.threads))
    research: Any = importlib.import_module("backends.local.research")
    return cast(Reranker, research.CrossEncoderReranker(model, threads=config.threads))
