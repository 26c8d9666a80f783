"""`Extractor`: files to documents, each read by a process of its own."""

import logging
import os
import re
import select
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Self

from backends.local.documents.extract import printable
from backends.local.documents.extraction.limits import ReadLimits
from backends.local.documents.extraction.nursery import Ending, Nursery
from backends.local.documents.extraction.replies import (
    MAX_SAID_CHARS,
    End,
    MalformedReply,
    Outcome,
    read_frames,
    received,
)
from backends.local.documents.extraction.requests import Request
from backends.local.documents.opening import opened, too_long
from backends.local.documents.types import Document, base_name
from pipeline.errors import InputError

log = logging.getLogger(__name__)

READS = "backends.local.documents.extract:read_documents"
"""What a child calls."""

POLL_S = 0.1
"""How often a read looks whether it is to stop."""

MEMORY_SHARE = 0.7
"""A child that crashed holding more of its memory than this ran out of it: C libraries seldom bear that."""

OUT_OF_MEMORY = re.compile(r"memory allocation|bad_alloc|out of memory|cannot allocate", re.IGNORECASE)
"""What Rust, C++, and C libraries complain of then."""

CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGTRAP, signal.SIGFPE)


class ReadStopped(Exception):
    """Whoever asked for a file wanted it no longer."""


class _TimeUp(Exception):
    """A child took longer than it may."""


class Extractor:
    """Reads files, each in a process of its own with limits of memory, time and output. To be closed, or used in `with`.

    Threads may share one; it reads one file at a time. Files are read alike wherever they come from: see `read_documents`.
    """

    def __init__(self, limits: ReadLimits, *, reads: str = READS) -> None:
        """reads: `module:function`, what a child calls in place of `read_documents`."""
        self.limits = limits
        self.peak_bytes = 0
        """The most memory that the last file's process held, in bytes."""
        self._reads = reads
        self._nursery: Nursery | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(
        self,
        name: str,
        content: bytes | Path,
        *,
        source: str | None = None,
        stopping: Callable[[], bool] | None = None,
    ) -> list[Document]:
        """A file's documents.

        name: the file's name, whose suffix says the format. content: its bytes, or where it lies.
        source: what the documents replace; left out, the file's absolute path, or the name of what has none.
        stopping: asked ten times a second whether to give up.
        Raises InputError, as `read_documents` does and for a file that takes more than its limits or ends the process that reads it;
        ReadStopped.
        """
        name = printable(base_name(name)) or "the file"
        with (
            self._lock,
            _opened(name, content, self.limits.max_bytes) as (file, size),
            _scratch(name) as complaints,
            _room(name) as room,
        ):
            if source is None:
                source = str(content.resolve()) if isinstance(content, Path) else name
            request = Request(name, printable(source), room, self.limits.seconds(size), self.limits)
            return self._read(request, file, complaints, stopping or (lambda: False))

    def close(self) -> None:
        """End what is at work. The extractor can be used after that, and starts anew."""
        nursery, self._nursery = self._nursery, None
        if nursery is not None:
            nursery.close()

    def _read(self, request: Request, file: int, complaints: BinaryIO, stopping: Callable[[], bool]) -> list[Document]:
        documents: list[Document] = []
        end: End | None = None
        late = False
        try:
            nursery, reply = self._begin(request, file, complaints.fileno())
            pipe = _Pipe(reply, time.monotonic() + request.seconds, stopping)
            try:
                documents, end = received(read_frames(pipe.read), request.source, request.limits)
            except MalformedReply as error:
                log.info("the reply about %s: %s", request.name, error)
            except _TimeUp:
                late = True
                nursery.kill_child()
            finally:
                os.close(reply)
            ending = nursery.ending()
        except BaseException:
            self.close()  # It is not known then whose reply would come next.
            raise
        self.peak_bytes = ending.peak_bytes if ending else 0
        complained = _last_of(complaints)
        if told := "\n".join(filter(None, (end.log if end else "", complained))):
            log.info("reading %s: %s", request.name, told)
        if end is not None and end.outcome is Outcome.READ:
            return documents
        if end is None and ending is not None and _starved(ending, complained, request.limits):
            end = End(Outcome.MEMORY)
        raise InputError(_why(request, end, ending, late=late))

    def _begin(self, request: Request, file: int, complaints: int) -> tuple[Nursery, int]:
        """A nursery whose child reads the file, and the descriptor of the reply. A nursery that has gone is replaced."""
        for _ in range(2):
            try:
                if self._nursery is None:
                    self._nursery = Nursery(self._reads)
                return self._nursery, self._nursery.begin(request, file, complaints)
            except OSError:
                log.warning("the process that reads files could not be asked", exc_info=True)
                self.close()
        raise InputError(
            f"{request.name} was not read: no process could be started for it; the log says why. Free some memory, and add it again."
        )


class _Pipe:
    """The end of a pipe that a child writes into."""

    def __init__(self, descriptor: int, until: float, stopping: Callable[[], bool]) -> None:
        """until: when the child's time is up, by the monotonic clock."""
        self._descriptor = descriptor
        self._until = until
        self._stopping = stopping
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self._read = bytearray()

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer at the end. Raises ReadStopped, and _TimeUp."""
        while len(self._read) < size:
            left = self._until - time.monotonic()
            if self._stopping():
                raise ReadStopped
            if left <= 0:
                raise _TimeUp
            if not self._poll.poll(1_000 * min(left, POLL_S)):
                continue
            data = os.read(self._descriptor, 1 << 20)
            if not data:
                break
            self._read += data
        taken = bytes(self._read[:size])
        del self._read[:size]
        return taken


@contextmanager
def _opened(name: str, content: bytes | Path, max_bytes: int) -> Iterator[tuple[int, int]]:
    """An open descriptor of a file's content, and its size. Raises InputError."""
    if isinstance(content, Path):
        with opened(name, content, max_bytes=max_bytes) as file:
            yield file.fileno(), os.fstat(file.fileno()).st_size
        return
    if len(content) > max_bytes:
        raise InputError(too_long(name, len(content), max_bytes))
    with _scratch(name, content) as file:
        yield file.fileno(), len(content)


@contextmanager
def _scratch(name: str, content: bytes = b"") -> Iterator[BinaryIO]:
    """A temporary file without a name."""
    with ExitStack() as stack:
        with _kept(name):
            file = stack.enter_context(tempfile.TemporaryFile())
            file.write(content)
            file.seek(0)
        yield file


@contextmanager
def _room(name: str) -> Iterator[str]:
    """A folder for temporary files, and its end."""
    with _kept(name):
        room = tempfile.mkdtemp(prefix="raglass-read-")
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


@contextmanager
def _kept(name: str) -> Iterator[None]:
    """A disk that takes nothing more is told as what it is."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{name} cannot be kept while it is read: {error.strerror or 'the disk refuses'}. "
            f"Make room in {tempfile.gettempdir()}, or set TMPDIR to another folder."
        ) from error


def _why(request: Request, end: End | None, ending: Ending | None, *, late: bool) -> str:
    """Why a file was not read, in words."""
    name, limits = request.name, request.limits
    if late or (ending and ending.signal == signal.SIGXCPU):
        return f"{name} took longer than {request.seconds:g} s to read; it was left out. Split it, or raise RAGLASS_READ_TIME_S."
    match end.outcome if end else Outcome.FAILED:
        case Outcome.REFUSED if end:
            return end.message
        case Outcome.MEMORY:
            return (
                f"{name} needed more than {limits.memory_mb:,} MB of memory to read; it was left out. "
                "Split it, or raise RAGLASS_READ_MEMORY_MB."
            )
        case Outcome.CHARS:
            most = f"{limits.chars:,} characters of text"
        case Outcome.DOCUMENTS:
            most = f"{limits.documents:,} documents"
        case Outcome.PARTS:
            most = f"{limits.parts:,} paragraphs and rows"
        case _:
            return (
                f"Reading {name} ended the process that read it ({_how(ending)}); it was left out, and other files are not affected. "
                "Open it in the program that made it, save it again, and add the new file."
            )
    return f"{name} holds more than {most}; it was left out. Split it into smaller files."


def _last_of(complaints: BinaryIO) -> str:
    """The last of what libraries wrote to standard error."""
    size = os.fstat(complaints.fileno()).st_size
    return (
        os.pread(complaints.fileno(), MAX_SAID_CHARS, max(size - MAX_SAID_CHARS, 0)).decode("utf-8", "replace").strip()
    )


def _starved(ending: Ending, complaints: str, limits: ReadLimits) -> bool:
    """Whether a child seems to have ended for want of memory, though it could not say so itself."""
    held_much = ending.peak_bytes > MEMORY_SHARE * limits.memory_mb * 1_000_000
    return ending.signal in CRASHES and (held_much or bool(OUT_OF_MEMORY.search(complaints)))


def _how(ending: Ending | None) -> str:
    if ending is None:
        return "nothing is known of how"
    if not ending.signal:
        return f"exit code {ending.code}"
    with suppress(ValueError):
        return f"signal {ending.signal}, {signal.Signals(ending.signal).name}"
    return f"signal {ending.signal}"
