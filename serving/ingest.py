"""Fills a Pinecone index with a corpus: embeds what is not there yet, takes out what left the corpus, and counts afterwards.

Each vector's id is a hash of all that went into it, so that running it again repeats nothing, after a stop as well as after a change.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from backends.aws.pinecone_space import BATCH_VECTORS, WORKERS, Item, VectorSpace, await_count, send_all, take_out
from backends.local.build import ChunkRow
from backends.local.documents.types import base_name
from backends.local.texts import chunk_text
from pipeline.errors import InputError

OURS = re.compile(r"[0-9a-f]{32}")
"""What ids of Raglass look like. Vectors with others were put in by something else and are not ours to take out."""

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
    send_all(_batches(missing, embed, on_progress), space, workers)
    on_progress(IngestProgress("upsert", len(missing), len(missing)))
    gone = sorted(present - set(wanted))
    take_out(gone, space, lambda done: on_progress(IngestProgress("delete", done, len(gone))))
    total = await_count(
        space, len(wanted), lambda found: on_progress(IngestProgress("verify", found, len(wanted))), sleep
    )
    return Ingested(len(missing), len(wanted) - len(missing), len(gone), total)


def vector_id(row: ChunkRow, embedder: str) -> str:
    """The id of a chunk's vector: changes with text, title, document and embedder."""
    parts = "\0".join((embedder, row.document_id, row.heading, row.text))
    return hashlib.blake2b(parts.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _batches(
    missing: list[tuple[str, ChunkRow]], embed: Embed, on_progress: Callable[[IngestProgress], None]
) -> Iterator[list[Item]]:
    """Embed batch after batch."""
    started = time.monotonic()
    for done in range(0, len(missing), BATCH_VECTORS):
        batch = missing[done : done + BATCH_VECTORS]
        left = (time.monotonic() - started) / done * (len(missing) - done) if done else None
        on_progress(IngestProgress("upsert", done, len(missing), left))
        yield _items(batch, embed([chunk_text(row.heading, row.text) for _, row in batch]))


def _items(batch: Sequence[tuple[str, ChunkRow]], vectors: Any) -> list[Item]:
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
