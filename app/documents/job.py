"""`IndexJob`: follows sources, reads files and builds the index in a thread of its own; can be stopped anywhere, and given more."""

import logging
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from app.documents.estimate import Estimate, estimate, pace_name
from app.documents.following import FileToRead, Plan, SourceMissing, look, reconcile
from app.documents.outcome import Changed, Missing, Outcome
from app.documents.reading import read_file, read_upload
from app.permitting.acting import own_refusal, record, require_own, who
from backends.local.build import Progress
from backends.local.corpus import LocalCorpus
from backends.local.documents import DocumentLibrary, Extractor, ReadLimits, ReadStopped, Source, WaitingFile
from backends.local.manifest import Manifest
from pipeline.errors import RaglassError

log = logging.getLogger(__name__)

MEASURED_TEXTS = 200
"""From how many texts on their time says how fast embedding is here."""


STEP_S = 0.1
"""Between two looks whether a job that waits for another was stopped."""

WHAT = "This indexing was started"


class Stopped(Exception):
    """The person asked to stop. What was read and embedded is kept."""


@dataclass(frozen=True, slots=True)
class Work:
    """Something to do: read the files that wait, follow sources, and build."""

    corpus: LocalCorpus
    """Of which backend; the documents are the same for all."""
    sources: tuple[Source, ...] = ()
    """Sources to follow."""
    keep_missing: bool = False
    """Whether documents of files that are gone stay."""
    rebuild: bool = False
    """Whether to build an index that is up to date."""
    unchanged: int = 0
    """Files that were sent, and whose content is there already."""


@dataclass(slots=True)
class JobState:
    """Where an indexing job stands; read by a page while the job runs."""

    phase: Literal["looking", "reading", "indexing", "done", "stopped", "failed"] = "looking"
    """What it is doing, or how it ended."""
    file: str = ""
    """The file being looked at or read."""
    files_done: int = 0
    """Files read, bad ones included."""
    files_total: int = 0
    """Files to read, as far as is known."""
    estimate: Estimate | None = None
    """How long reading and indexing was thought to take, once it is known what is to be read."""
    estimated_at: float = 0.0
    """When that was thought, by `time.monotonic`."""
    progress: Progress | None = None
    """How far the build has come."""
    outcome: Outcome = field(default_factory=Outcome)
    """What became of the files."""
    manifest: Manifest | None = None
    """The index that covers the documents now."""
    built: bool = False
    """Whether this job built it; False where it was up to date already."""
    stopping: bool = False
    """Whether it was asked to stop."""
    message: str = ""
    """Why it failed."""

    @property
    def left_s(self) -> float | None:
        """Seconds that are left of the estimate, at least 0; None without one."""
        if self.estimate is None:
            return None
        return max(self.estimate.seconds - (time.monotonic() - self.estimated_at), 0.0)


class IndexJob:
    """Follows sources, reads files and builds the index in a thread of its own."""

    def __init__(self, work: Work, limits: ReadLimits | None = None, after: "IndexJob | None" = None) -> None:
        """limits: of reading a file; the usual ones, if left out. after: a job that was stopped, whose end is waited for."""
        self.state = JobState()
        self.by = who()
        """Who began it."""
        self._work = [work]
        self._limits, self._after = limits or ReadLimits(), after
        self._stop = threading.Event()
        # The truth about its end: a thread whose `join` was interrupted counts as ended in CPython 3.11, though it runs.
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="index", daemon=True)

    def start(self) -> "IndexJob":
        """Begin."""
        self._thread.start()
        return self

    def add(self, work: Work) -> bool:
        """Give it more to do after what it is doing; False where it takes no more, since it has ended or is about to."""
        with self._lock:
            if self._ended.is_set() or self._stop.is_set():
                return False
            self._work.append(work)
            return True

    def stop(self) -> None:
        """Ask it to stop at the next safe point, which is a part of a file or a batch of texts away.

        Takes whoever began it, or an admin. Raises NotPermitted.
        """
        require_own(self.by.name, WHAT)
        if not self.state.stopping:
            record("stopped indexing")
        self.end()

    def refusal_to_stop(self) -> str:
        """Why who is acting may not stop it; empty if they may."""
        return own_refusal(self.by.name, WHAT, who())

    def end(self) -> None:
        """The same, whoever asks."""
        self.state.stopping = True
        self._stop.set()

    def wait(self, timeout_s: float | None = None) -> JobState:
        """Wait for the end, or for `timeout_s` seconds."""
        self._ended.wait(timeout_s)
        return self.state

    @property
    def running(self) -> bool:
        """Whether it is still at work."""
        return not self._ended.is_set()

    def _run(self) -> None:
        state = self.state
        try:
            self._await_other()
            with Extractor(self._limits) as extractor:
                while (work := self._next()) is not None:
                    self._read(extractor, work)
                    self._build(work)
        except (Stopped, ReadStopped):
            state.phase = "stopped"
        except RaglassError as error:
            state.phase, state.message = "failed", str(error)
        except Exception as error:
            log.exception("indexing failed")
            state.phase = "failed"
            state.message = f"Indexing failed with {type(error).__name__}; the details are in the log. The previous index is in place."
        finally:
            with self._lock:
                self._ended.set()

    def _await_other(self) -> None:
        """Wait for the end of those before: a file that is slow to read may hold one up for long after it was stopped."""
        other = self._after
        while other is not None:
            while not other._ended.wait(STEP_S):
                self._check_stop()
            other = other._after  # whose end it did not wait for, if it was stopped first
        self._after = None

    def _next(self) -> Work | None:
        """What to do next; None, and the end, where there is nothing more."""
        with self._lock:
            if self._work:
                return self._work.pop(0)
            self.state.phase = "done"
            self._ended.set()
            return None

    def _read(self, extractor: Extractor, work: Work) -> None:
        """Follow the sources and read the files, the smallest first."""
        library, outcome = work.corpus.library, self.state.outcome
        outcome.unchanged += work.unchanged
        self.state.phase, self.state.file = "looking", ""
        plans = self._look(work)
        settle(work, plans, outcome)
        waiting = library.uploads.waiting()
        files: list[FileToRead | WaitingFile] = [*waiting, *(each for plan in plans for each in plan.read)]
        files.sort(key=size_of)
        self._tell_estimate(work, files)
        self.state.phase = "reading"
        for each in files:
            self._check_stop()
            self.state.file = named(each)
            if isinstance(each, WaitingFile):
                read_upload(extractor, library, each, outcome, self._stop.is_set)
            else:
                read_file(
                    extractor,
                    library,
                    each.path,
                    each.file,
                    outcome,
                    self._stop.is_set,
                    change=each.change,
                    before=each.before,
                )
            self.state.files_done += 1
        finish(work, plans, outcome)

    def _look(self, work: Work) -> list[Plan]:
        """What is to be done about each source; one that is not there is noted."""
        plans = []
        for source in work.sources:
            self._check_stop()
            self.state.file = source.root
            try:
                plans.append(look(work.corpus.library, source, self._check_stop))
            except SourceMissing:
                self.state.outcome.missing.append(missing(work.corpus.library, source))
        return plans

    def _tell_estimate(self, work: Work, files: Sequence[FileToRead | WaitingFile]) -> None:
        self.state.files_total += len(files)
        if files:
            found = estimate(work.corpus, [(named(each), size_of(each)) for each in files])
            if found.files:  # of what is refused for its suffix nothing is promised
                self.state.estimated_at = time.monotonic()
                self.state.estimate = found

    def _build(self, work: Work) -> None:
        state = self.state
        self._check_stop()
        state.phase, state.progress = "indexing", None
        manifest = work.corpus.state().manifest
        pace = _Pace()

        def on_progress(progress: Progress) -> None:
            self._check_stop()
            state.progress = progress
            pace.see(progress)

        state.manifest = work.corpus.build(on_progress, rebuild=work.rebuild)
        state.built = state.built or manifest is None or state.manifest.built_at != manifest.built_at
        if (seconds := pace.text_seconds) is not None:
            work.corpus.library.sources.measure(pace_name(work.corpus), seconds)

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Stopped


def settle(work: Work, plans: Sequence[Plan], outcome: Outcome) -> None:
    """Do what needs no reading: keep the sources, give documents of moved files their new path, let go of those of files that are gone."""
    library = work.corpus.library
    reconcile(plans)
    for plan in plans:
        known = library.sources.get(plan.source.root)
        if known is None or patterns(known) != patterns(plan.source):
            library.sources.put(replace(plan.source, read_at=None))
        library.sources.note(plan.noted)
        outcome.unchanged += plan.unchanged
        outcome.passed_over += plan.passed_over
        for each in plan.moved:
            library.move(each.before or "", each.file)
            outcome.changes.append(Changed(each.change, each.file.path, each.before))
        for path in plan.dropped:
            library.sources.forget(path)
        for path in plan.gone:
            if work.keep_missing:
                outcome.kept.append(path)
            elif library.sources.forget(path):
                outcome.changes.append(Changed("gone", path))


def finish(work: Work, plans: Sequence[Plan], outcome: Outcome) -> None:
    """Note that the sources were read to their end; a source that moved and has nothing left is forgotten, as is a file that is gone."""
    sources = work.corpus.library.sources
    for plan in plans:
        sources.put(replace(plan.source, read_at=time.time()))
        left = {root for root in plan.left if sources.drop_if_empty(root)}
        outcome.missing[:] = [each for each in outcome.missing if each.root not in left]
        if not os.path.lexists(plan.source.root):
            sources.drop_if_empty(plan.source.root)


def missing(library: DocumentLibrary, source: Source) -> Missing:
    """A source that is not there, and what it gave."""
    return Missing(source.root, library.sources.counts().get(source.root, (0, 0))[1])


def named(file: FileToRead | WaitingFile) -> str:
    """The path of a file, or the name of one that was sent."""
    return file.path if isinstance(file, WaitingFile) else file.file.path


def size_of(file: FileToRead | WaitingFile) -> int:
    """Bytes of a file; 0 for one that cannot be looked at."""
    return file.size if isinstance(file, WaitingFile) else file.file.size or 0


def patterns(source: Source) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which files of a source are read."""
    return source.included, source.excluded


class _Pace:
    """How long embedding took, by what a build told."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None
        self._last: tuple[float, int] | None = None

    def see(self, progress: Progress) -> None:
        """Take note of one step."""
        if progress.step == "embed":
            self._last = time.monotonic(), progress.done
            self._first = self._first or self._last

    @property
    def text_seconds(self) -> float | None:
        """Seconds a text; None where there were too few to tell."""
        if self._first is None or self._last is None or self._last[1] - self._first[1] < MEASURED_TEXTS:
            return None
        return (self._last[0] - self._first[0]) / (self._last[1] - self._first[1])
