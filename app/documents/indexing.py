"""Adding documents and building the index, with progress, stop and resume; the page and the shell run the same steps."""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from backends.local.build import Progress
from backends.local.corpus import LocalCorpus
from backends.local.documents import read_documents, read_path
from backends.local.manifest import Manifest
from pipeline.errors import InputError, RaglassError

log = logging.getLogger(__name__)


class Stopped(Exception):
    """The person asked to stop. What was embedded is kept."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to add: by content, or by path."""

    name: str
    """File name, whose suffix says the format."""
    content: bytes | Path
    """Its bytes, or where they are."""


@dataclass(slots=True)
class Added:
    """What became of the files."""

    added: int = 0
    """New documents."""
    replaced: int = 0
    """Documents whose file changed."""
    unchanged: int = 0
    """Files whose content was there already."""
    errors: list[tuple[str, str]] = field(default_factory=list)
    """(file, message) of each file that could not be read; the others are not affected."""


def add_files(
    corpus: LocalCorpus,
    uploads: Iterable[Upload],
    outcome: Added,
    *,
    max_bytes: int,
    on_file: Callable[[int, str], None] | None = None,
) -> None:
    """Read files into the corpus's library, each on its own: a bad one is reported and the rest go on.

    outcome: filled in file by file, so that it holds good when the work is stopped half-way.
    on_file: told the number and name of each file before it is read; what it raises stops the work, and files already added stay.
    Raises StoreError if the library cannot be written.
    """
    for number, upload in enumerate(uploads):
        if on_file is not None:
            on_file(number, upload.name)
        try:
            if isinstance(upload.content, Path):
                documents = read_path(upload.content, max_bytes=max_bytes)
            else:
                documents = read_documents(upload.name, upload.content, max_bytes=max_bytes)
        except InputError as error:
            outcome.errors.append((upload.name, str(error)))
            continue
        for document in documents:
            match corpus.library.add(document):
                case "added":
                    outcome.added += 1
                case "replaced":
                    outcome.replaced += 1
                case _:
                    outcome.unchanged += 1


@dataclass(slots=True)
class JobState:
    """Where an indexing job stands; read by a page while the job runs."""

    phase: Literal["reading", "indexing", "done", "stopped", "failed"] = "reading"
    """What it is doing, or how it ended."""
    file: str = ""
    """The file being read."""
    files_done: int = 0
    """Files read, bad ones included."""
    files_total: int = 0
    """Files given."""
    progress: Progress | None = None
    """How far the build has come."""
    outcome: Added = field(default_factory=Added)
    """What became of the files."""
    manifest: Manifest | None = None
    """The index that covers the documents now."""
    built: bool = False
    """Whether this job built it; False where it was up to date already."""
    message: str = ""
    """Why it failed."""


class IndexJob:
    """Adds files and builds the index in a thread of its own."""

    def __init__(self, corpus: LocalCorpus, uploads: list[Upload], *, max_bytes: int, rebuild: bool = False) -> None:
        self.state = JobState(files_total=len(uploads))
        self._corpus = corpus
        self._uploads = uploads
        self._max_bytes = max_bytes
        self._rebuild = rebuild
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="index", daemon=True)

    def start(self) -> "IndexJob":
        """Begin."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ask it to stop at the next safe point, which is a batch of texts away."""
        self._stop.set()

    def wait(self, timeout_s: float | None = None) -> JobState:
        """Wait for the end, or for `timeout_s` seconds."""
        self._thread.join(timeout_s)
        return self.state

    @property
    def running(self) -> bool:
        """Whether it is still at work."""
        return self._thread.is_alive()

    def _run(self) -> None:
        state = self.state
        try:
            add_files(self._corpus, self._uploads, state.outcome, max_bytes=self._max_bytes, on_file=self._on_file)
            state.files_done = state.files_total
            state.phase = "indexing"
            before = self._built_at()
            state.manifest = self._corpus.build(self._on_progress, rebuild=self._rebuild)
            state.built = state.manifest.built_at != before
            state.phase = "done"
        except Stopped:
            state.phase = "stopped"
        except RaglassError as error:
            state.phase, state.message = "failed", str(error)
        except Exception as error:
            log.exception("indexing failed")
            state.phase = "failed"
            state.message = f"Indexing failed with {type(error).__name__}; the details are in the log. The previous index is in place."

    def _built_at(self) -> float | None:
        manifest = self._corpus.state().manifest
        return None if manifest is None else manifest.built_at

    def _on_file(self, number: int, name: str) -> None:
        self._check_stop()
        self.state.files_done, self.state.file = number, name

    def _on_progress(self, progress: Progress) -> None:
        self._check_stop()
        self.state.progress = progress

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Stopped


class Indexing:
    """The indexing jobs of one process, one at a time."""

    def __init__(self, max_bytes: int) -> None:
        """max_bytes: of a file that is added."""
        self.job: IndexJob | None = None
        """The last one, running or ended; None before the first."""
        self._max_bytes = max_bytes
        self._lock = threading.Lock()

    @property
    def running(self) -> bool:
        """Whether a job is at work."""
        return self.job is not None and self.job.running

    def start(self, corpus: LocalCorpus, uploads: list[Upload], *, rebuild: bool = False) -> IndexJob:
        """Start adding files and building the index, in a thread. Raises InputError while another job runs."""
        with self._lock:
            if self.running:
                raise InputError(
                    "An indexing job is running. Wait for it to end, or stop it, then add these files again."
                )
            self.job = IndexJob(corpus, uploads, max_bytes=self._max_bytes, rebuild=rebuild).start()
            return self.job

    def forget(self) -> None:
        """Forget the last job once it has ended."""
        if not self.running:
            self.job = None

    def close(self, limit_s: float) -> None:
        """Stop the job that runs and wait until it has reached a safe point, at most `limit_s` seconds."""
        if self.job is not None:
            self.job.stop()
            self.job.wait(limit_s)
