"""`Indexing`: the indexing jobs of one process, one at a time; the page and the shell run the same."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.documents.job import IndexJob, Work
from app.documents.owning import note_sender, require_sender
from app.permitting.acting import record, require
from app.permitting.roles import Role
from backends.local.corpus import LocalCorpus
from backends.local.documents import DocumentLibrary, ReadLimits, Source, named_upload


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent."""

    name: str
    """File name, whose suffix says the format."""
    content: bytes
    """Its bytes."""
    keep_both: bool = False
    """Whether a file of the same name and other content stays, rather than being replaced."""


@dataclass(frozen=True, slots=True)
class Sending:
    """Files about to be sent."""

    uploads: tuple[Upload, ...]
    """The files; of two of one name the second is numbered."""
    clashes: tuple[str, ...]
    """Names that are there already, with other content: to be replaced, or kept beside the new file."""

    def keeping_both(self) -> "Sending":
        """The same with what is there kept."""
        return replace(self, uploads=tuple(replace(each, keep_both=True) for each in self.uploads))


def prepare(library: DocumentLibrary, files: Sequence[tuple[str, bytes]]) -> Sending:
    """Files to be sent, each by its name and content. Raises StoreError."""
    seen: set[str] = set()
    uploads = []
    clashes = []
    for name, content in files:
        uploads.append(Upload(name, content, keep_both=name in seen))
        if name not in seen and library.uploads.differs(name, content):
            clashes.append(name)
        seen.add(name)
    return Sending(tuple(uploads), tuple(clashes))


class Indexing:
    """The indexing jobs of one process, one at a time."""

    def __init__(self, limits: ReadLimits) -> None:
        """limits: of reading a file."""
        self.job: IndexJob | None = None
        """The last one, running or ended; None before the first."""
        self.limits = limits
        self._lock, self._sending = threading.Lock(), threading.Lock()

    @property
    def running(self) -> bool:
        """Whether a job is at work."""
        return self.job is not None and self.job.running

    def start(
        self,
        corpus: LocalCorpus,
        uploads: Sequence[Upload] = (),
        *,
        sources: Sequence[Source] = (),
        keep_missing: bool = False,
        rebuild: bool = False,
    ) -> IndexJob:
        """Read files, follow sources and build the index, in a thread; a job that is running goes on with it.

        What is sent is stored before this returns: it waits for the next job if this one is stopped. Raises StoreError if it cannot be
        stored, InputError for a file too large to be, NotPermitted.

        Takes an editor; to rebuild, an admin; and what is of somebody else gives way to a file only where an admin sends it.
        """
        require(Role.ADMIN if rebuild else Role.EDITOR)
        with self._sending:
            for each in uploads:
                if not each.keep_both and corpus.library.uploads.gives_way(each.name, each.content):
                    require_sender(named_upload(each.name))
            sent = [self._put(corpus.library, each) for each in uploads]
        work = Work(corpus, tuple(sources), keep_missing, rebuild, unchanged=sent.count(None))
        with self._lock:
            if self.job is None or not self.job.add(work):
                self.job = IndexJob(work, self.limits, after=self.job).start()
            job = self.job
        if rebuild:
            record("rebuilt the index")
        return job

    @staticmethod
    def _put(library: DocumentLibrary, upload: Upload) -> str | None:
        """Keep a file until it is read, and note who sent it; its path, None where it is there already."""
        path = library.uploads.put(upload.name, upload.content, keep_both=upload.keep_both)
        if path is not None:
            note_sender(path)
        return path

    def forget(self) -> None:
        """Forget the last job once it has ended. Takes an editor."""
        require(Role.EDITOR)
        if not self.running:
            self.job = None

    def close(self, limit_s: float) -> None:
        """Stop the job that runs and wait until it has reached a safe point, at most `limit_s` seconds."""
        if self.job is not None:
            self.job.end()
            self.job.wait(limit_s)
