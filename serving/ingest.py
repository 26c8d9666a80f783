"""Fills a Pinecone index with a corpus: embeds what is not there yet, takes out what left the corpus, and counts afterwards.

Each vector's id is a hash of all that went into it, so that running it again repeats nothing, after a stop as well as after a change.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from backends.local.build import ChunkRow
from backends.local.documents.types import base_name
from backends.local.texts import chunk_text
from pipeline.errors import ConfigError, InputError, StoreError, Unavailable

BATCH_VECTORS = 96
BATCH_BYTES = 1_900_000
"""Pinecone takes 2 MB a request."""

NUMBER_BYTES = 25
"""A float as JSON text with its comma, at most."""

OURS = re.compile(r"[0-9a-f]{32}")
"""What ids of Raglass look like. Vectors with others were put in by something else and are not ours to take out."""

WORKERS = 4
DELETE_BATCH = 500
COUNT_TRIES = 30
"""Looks at the count, a second apart: Pinecone shows what was written only after a while."""


class VectorSpace(Protocol):
    """What ingestion needs of an index."""

    def ids(self) -> Iterator[str]:
        """All ids that it holds."""

    def upsert(self, vectors: list[dict[str, Any]]) -> None:
        """Put vectors in; an id that is there is replaced."""

    def delete(self, ids: list[str]) -> None:
        """Take vectors out."""

    def count(self) -> int:
        """How many it holds."""


Embed = Callable[[list[str]], Any]
"""Passages to vectors: rows of numbers, (n, dim), L2-normalised."""


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """How far ingestion has come."""

    step: Literal["list", "upsert", "delete", "verify"]
    """What is being done."""
    done: int
    """Chunks done in this step."""
    total: int
    """Chunks in this step."""
    remaining_s: float | None = None
    """Estimate of what is left of it, where there is one."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What ingestion did."""

    upserted: int
    """Chunks embedded and put in."""
    unchanged: int
    """Chunks that were there."""
    deleted: int
    """Vectors taken out."""
    total: int
    """Vectors in the index afterwards, as it says itself."""


def ingest(
    rows: Sequence[ChunkRow],
    embed: Embed,
    space: VectorSpace,
    *,
    embedder: str,
    on_progress: Callable[[IngestProgress], None] = lambda progress: None,
    workers: int = WORKERS,
    sleep: Callable[[float], None] = time.sleep,
) -> Ingested:
    """Make the index hold exactly these chunks.

    embedder: identity of the model; with another one, all vectors are made anew. on_progress: what it raises stops the work, and
    the next run goes on.
    Raises InputError, before anything is changed, for an index that holds vectors of something else; StoreError if the index's
    count is another in the end; and what `embed` and `space` raise.
    """
    wanted = {vector_id(row, embedder): row for row in rows}
    on_progress(IngestProgress("list", 0, len(wanted)))
    present = set(space.ids())
    foreign = [key for key in present if not OURS.fullmatch(key)]
    if foreign:
        raise InputError(
            f"The index holds {len(foreign):,} vectors that Raglass did not put there, for example {min(foreign)[:60]!r}. "
            "Nothing was changed. Choose another index (--index) or an empty namespace (--namespace)."
        )
    missing = [(key, row) for key, row in wanted.items() if key not in present]
    _upsert(missing, embed, space, on_progress, workers)
    gone = sorted(present - set(wanted))
    for start in range(0, len(gone), DELETE_BATCH):
        on_progress(IngestProgress("delete", start, len(gone)))
        space.delete(gone[start : start + DELETE_BATCH])
    total = _verified(space, len(wanted), on_progress, sleep)
    return Ingested(len(missing), len(wanted) - len(missing), len(gone), total)


def vector_id(row: ChunkRow, embedder: str) -> str:
    """The id of a chunk's vector: changes with text, title, document and embedder."""
    parts = "\0".join((embedder, row.document_id, row.heading, row.text))
    return hashlib.blake2b(parts.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _upsert(
    missing: list[tuple[str, ChunkRow]],
    embed: Embed,
    space: VectorSpace,
    on_progress: Callable[[IngestProgress], None],
    workers: int,
) -> None:
    """Embed batch after batch here, while workers send those before; at most twice as many wait as there are workers."""
    started, done = time.monotonic(), 0
    running: set[Future[None]] = set()
    with ThreadPoolExecutor(workers, thread_name_prefix="ingest") as pool:
        try:
            for start in range(0, len(missing), BATCH_VECTORS):
                batch = missing[start : start + BATCH_VECTORS]
                left = (time.monotonic() - started) / done * (len(missing) - done) if done else None
                on_progress(IngestProgress("upsert", done, len(missing), left))
                vectors = embed([chunk_text(row.heading, row.text) for _, row in batch])
                running |= {pool.submit(space.upsert, part) for part in _requests(_items(batch, vectors))}
                done += len(batch)
                while len(running) >= 2 * workers:
                    finished, running = wait(running, return_when=FIRST_COMPLETED)
                    _raise_first(finished)
            _raise_first(wait(running).done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    on_progress(IngestProgress("upsert", done, len(missing)))


def _raise_first(finished: Iterable[Future[None]]) -> None:
    for future in finished:
        future.result()


def _requests(items: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Cut by the bytes that a request will have."""
    part: list[dict[str, Any]] = []
    size = 0
    for item in items:
        bytes_ = len(json.dumps(item["metadata"])) + len(item["values"]) * NUMBER_BYTES + 100
        if part and size + bytes_ > BATCH_BYTES:
            yield part
            part, size = [], 0
        part.append(item)
        size += bytes_
    if part:
        yield part


def _items(batch: Sequence[tuple[str, ChunkRow]], vectors: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": key,
            "values": [float(value) for value in vector],
            "metadata": {
                "text": row.text,
                "title": row.title,
                "document_id": row.document_id,
                "chunk_id": row.chunk_id,
                "section": list(row.section),
                "place": row.place,
                "source": base_name(row.source),
            },
        }
        for (key, row), vector in zip(batch, vectors, strict=True)
    ]


def _verified(
    space: VectorSpace, expected: int, on_progress: Callable[[IngestProgress], None], sleep: Callable[[float], None]
) -> int:
    found = space.count()
    for _ in range(COUNT_TRIES):
        if found == expected:
            break
        on_progress(IngestProgress("verify", found, expected))
        sleep(1.0)
        found = space.count()
    if found != expected:
        raise StoreError(
            f"The index holds {found:,} vectors where {expected:,} are expected. Run `raglass ingest` again; it repeats nothing."
        )
    return found


class PineconeSpace:
    """One namespace of a Pinecone index, through the official SDK."""

    def __init__(self, index: Any, name: str, namespace: str) -> None:
        self._index, self._name, self._namespace = index, name, namespace

    def ids(self) -> Iterator[str]:
        """See VectorSpace."""
        with explained(self._name):
            for page in self._index.list(namespace=self._namespace):
                yield from (vector.id for vector in page.vectors)

    def upsert(self, vectors: list[dict[str, Any]]) -> None:
        """See VectorSpace."""
        with explained(self._name):
            self._index.upsert(vectors=vectors, namespace=self._namespace, show_progress=False)

    def delete(self, ids: list[str]) -> None:
        """See VectorSpace."""
        with explained(self._name):
            self._index.delete(ids=ids, namespace=self._namespace)

    def count(self) -> int:
        """See VectorSpace."""
        with explained(self._name):
            spaces = self._index.describe_index_stats().namespaces or {}
        found = spaces.get(self._namespace or "__default__") or spaces.get(self._namespace)
        return 0 if found is None else int(found.vector_count)


@contextmanager
def open_space(
    name: str,
    namespace: str,
    dimension: int,
    *,
    cloud: str = "aws",
    region: str = "us-east-1",
    environ: Mapping[str, str] = os.environ,
) -> Iterator[PineconeSpace]:
    """An index of this name for as long as the block runs; made (serverless, cosine) if there is none.

    PINECONE_CONTROLLER_HOST is where to ask, if set. Raises ConfigError without PINECONE_API_KEY, InputError if the index is of
    another dimension, Unavailable for what Pinecone refuses.
    """
    with pinecone_client(environ) as client:
        with explained(name):
            if not client.indexes.exists(name):
                client.indexes.create(
                    name=name,
                    schema={
                        "fields": {"_values": {"type": "dense_vector", "dimension": dimension, "metric": "cosine"}}
                    },
                    deployment={"deployment_type": "managed", "cloud": cloud, "region": region},
                )
            opened = client.index(name)
        with opened as index:
            with explained(name):
                held = index.describe_index_stats().dimension
            if held is not None and held != dimension:
                raise InputError(
                    f"The index {name!r} is of dimension {held}, the embedder's vectors of {dimension}. "
                    "Choose another index with --index, or delete that one first."
                )
            yield PineconeSpace(index, name, namespace)


@contextmanager
def pinecone_client(environ: Mapping[str, str] = os.environ) -> Iterator[Any]:
    """The official SDK's client for as long as the block runs. Raises ConfigError without PINECONE_API_KEY."""
    from pinecone import Pinecone

    key = environ.get("PINECONE_API_KEY")
    if not key:
        raise ConfigError("PINECONE_API_KEY is not set. Put the key into the environment, not on the command line.")
    with Pinecone(api_key=key, host=environ.get("PINECONE_CONTROLLER_HOST") or "") as client:
        yield client


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turns what the SDK raises into Unavailable, without quoting it."""
    from pinecone import errors

    try:
        yield
    except (errors.UnauthorizedError, errors.ForbiddenError) as error:
        raise Unavailable(f"Pinecone refused the key for the index {name!r}. Check PINECONE_API_KEY.") from error
    except (errors.PineconeConnectionError, errors.PineconeTimeoutError) as error:
        raise Unavailable(
            f"Pinecone cannot be reached for the index {name!r}. Check the network. What is there stays; run the same command again."
        ) from error
    except errors.PineconeError as error:
        raise Unavailable(
            f"Pinecone failed for the index {name!r} ({type(error).__name__}). What is there stays; run the same command again."
        ) from error
