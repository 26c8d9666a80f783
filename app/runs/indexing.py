"""A dataset's own documents, indexed before they are asked about."""

import threading
from collections.abc import Generator
from typing import TYPE_CHECKING

from pipeline.errors import StoreError

if TYPE_CHECKING:
    from app.documents.job import JobState
    from backends.local.corpus import LocalCorpus

INDEX_POLL_S = 0.5
"""How often it is told how far indexing is."""


def index_documents(corpus: "LocalCorpus", stop: threading.Event | None) -> Generator["JobState", None, None]:
    """Build the index if need be, and yield where that is, its end last; what was embedded before it was asked to stop is kept.

    Raises StoreError where it cannot be built.
    """
    from app.documents.job import IndexJob, Work

    job = IndexJob(Work(corpus)).start()
    try:
        while job.running:
            job.wait(INDEX_POLL_S)
            if stop is not None and stop.is_set():
                job.end()
            if job.running:
                yield job.state
    finally:
        job.end()
        job.wait()
    if job.state.phase == "failed":
        raise StoreError(f"The dataset's documents could not be indexed: {job.state.message}")
    yield job.state
