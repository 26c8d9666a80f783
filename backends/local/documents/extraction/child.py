"""One child: a process that reads one file, says what it found, and ends."""

import logging
import math
import os
import signal
import tempfile
from collections.abc import Callable
from typing import BinaryIO, NoReturn

from backends.local.documents.allowance import grant
from backends.local.documents.extraction.limits import confine, grant_last_words
from backends.local.documents.extraction.replies import End, Outcome, ended, excess, sent
from backends.local.documents.extraction.requests import Descriptors, Request
from backends.local.documents.opening import cannot_be_read
from backends.local.documents.types import Document
from pipeline.errors import InputError

OVERTIME_S = 30
"""After so much more time than it has, a child ends by itself: whoever should have ended it is gone."""

Read = Callable[..., list[Document]]
"""`extract.read_documents`, or what stands in for it."""


def live(request: Request, read: Read, descriptors: Descriptors, life: int) -> NoReturn:
    """Read a file, send what it held, and end this process.

    life: a descriptor that is open as long as this process lives.
    """
    code = 1
    try:
        _shut_off(request.room, descriptors, life)
        confine(request.limits, request.seconds)
        grant(request.seconds)
        signal.alarm(math.ceil(request.seconds) + OVERTIME_S)
        with open(descriptors.reply, "wb") as out:
            _answer(request, read, descriptors.content, out)
        code = 0
    finally:
        os._exit(code)  # No handler and no buffer of the process that it was forked from may run here.


def _shut_off(room: str, descriptors: Descriptors, life: int) -> None:
    """Leave nothing open but what is needed, and write nowhere but into a folder of its own."""
    os.chdir(room)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard, target in enumerate((nothing, nothing, descriptors.complaints)):
        os.dup2(target, standard)
    first = 3
    for descriptor in sorted((descriptors.content, descriptors.reply, life)):
        os.closerange(first, descriptor)
        os.set_inheritable(descriptor, False)
        first = descriptor + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))
    os.environ["TMPDIR"] = tempfile.tempdir = room


def _answer(request: Request, read: Read, content: int, out: BinaryIO) -> None:
    log = _Log()
    logging.getLogger().addHandler(log)
    logging.getLogger().setLevel(logging.INFO)
    try:
        end = _send_documents(request, read, content, out)
    except MemoryError:
        end = End(Outcome.MEMORY)
    except InputError as error:
        end = End(Outcome.REFUSED, str(error))
    except Exception:  # raised again: only told to the parent, which has no other way to learn of it
        logging.exception("a reader failed in an unforeseen way")
        out.write(ended(End(Outcome.FAILED, log="\n".join(log.lines))))
        raise
    if end.outcome is Outcome.MEMORY:
        grant_last_words()
    out.write(ended(End(end.outcome, end.message, "\n".join(log.lines))))


def _send_documents(request: Request, read: Read, content: int, out: BinaryIO) -> End:
    try:
        with open(content, "rb") as file:
            data = file.read(request.limits.max_bytes + 1)
    except OSError as error:
        raise InputError(cannot_be_read(request.name, error)) from error
    documents = read(request.name, data, max_bytes=request.limits.max_bytes, source=request.source)
    beyond = excess(documents, request.limits)
    if beyond is not None:
        return End(beyond)
    for document in documents:
        for frame in sent(document):
            out.write(frame)
    return End(Outcome.READ)


class _Log(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self.lines.append(self.format(record))
