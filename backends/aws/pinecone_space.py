"""Filling a Pinecone index, through the official SDK: making, listing, sending vectors by several workers, counting them afterwards.

Apart from `pinecone`, which searches: that travels to the Lambdas, which have no SDK.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, Protocol

from pipeline.errors import ConfigError, InputError, StoreError, Unavailable

BATCH_VECTORS = 96
BATCH_BYTES = 1_900_000
"""Pinecone takes 2 MB a request."""

NUMBER_BYTES = 25
"""A float as JSON text with its comma, at most."""

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


Item = dict[str, Any]
"""A vector as it is sent: `id`, `values`, `metadata`."""


def send_all(batches: Iterable[Sequence[Item]], space: VectorSpace, workers: int = WORKERS) -> None:
    """Send batch after batch by workers; at most twice as many requests wait as there are workers.

    batches: made here, one after the other, while those before are under way. What it or a worker raises stops the sending.
    """
    running: set[Future[None]] = set()
    with ThreadPoolExecutor(workers, thread_name_prefix="pinecone") as pool:
        try:
            for batch in batches:
                running |= {pool.submit(space.upsert, part) for part in _requests(batch)}
                while len(running) >= 2 * workers:
                    finished, running = wait(running, return_when=FIRST_COMPLETED)
                    _raise_first(finished)
            _raise_first(wait(running).done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def take_out(ids: Sequence[str], space: VectorSpace, on_taken: Callable[[int], None] = lambda done: None) -> None:
    """Delete vectors. on_taken: told how many are gone before each batch."""
    for start in range(0, len(ids), DELETE_BATCH):
        on_taken(start)
        space.delete(list(ids[start : start + DELETE_BATCH]))


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


def await_count(
    space: VectorSpace, expected: int, on_look: Callable[[int], None], sleep: Callable[[float], None] = time.sleep
) -> int:
    """Wait until the index says that it holds as many vectors as expected. on_look: told what it said, before each further look.

    Raises StoreError if it goes on saying something else.
    """
    found = space.count()
    for _ in range(COUNT_TRIES):
        if found == expected:
            break
        on_look(found)
        sleep(1.0)
        found = space.count()
    if found != expected:
        raise StoreError(
            f"The index holds {found:,} vectors where {expected:,} are expected. Run the same command again; it repeats nothing."
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
                    "Choose another index (--index; RAGLASS_PINECONE_INDEX), or delete that one first."
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
