"""Reading files into the library, each on its own: a bad one is noted and the rest go on."""

import hashlib
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.documents.outcome import Change, Changed, Outcome
from backends.local.documents import Document, DocumentLibrary, Extractor, KnownFile, WaitingFile
from backends.local.documents.opening import opened
from pipeline.errors import InputError

READERS = "2"
"""The way files are read. A file that was read another way is read again when its source is next followed."""


def content_of(path: Path, *, max_bytes: int = sys.maxsize) -> str:
    """Hash of a file's bytes, as uploads have it. Raises InputError for what is no file, cannot be read or is too long."""
    with opened(path.name, path, max_bytes=max_bytes) as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def readers(*, doubtful: bool) -> str:
    """What read a file, to be noted with it. doubtful: whether something of it could not be read, which more tools might do."""
    if not doubtful:
        return READERS
    return f"{READERS}, {'with' if shutil.which('tesseract') else 'without'} OCR"


def read_file(
    extractor: Extractor,
    library: DocumentLibrary,
    path: Path,
    file: KnownFile,
    outcome: Outcome,
    stopping: Callable[[], bool],
    *,
    change: Change = "new",
    before: str | None = None,
) -> None:
    """Read a file of a source into the library.

    file: what is known of it. before: the path that it had, whose documents are to go. Raises StoreError, ReadStopped.
    """
    try:
        file = replace(file, content=content_of(path, max_bytes=extractor.limits.max_bytes))
        documents = extractor.read(path.name, path, source=file.path, stopping=stopping)
    except InputError as error:
        _note_failure(library, file, str(error), outcome)
        return
    became = library.keep(_as_read(file, documents), documents)
    if before is not None:
        library.sources.forget(before)
    if became == "unchanged" and change == "changed":
        outcome.unchanged += 1
    else:
        outcome.changes.append(Changed(change, file.path, before))
        outcome.documents += len(documents)
    outcome.doubts += [(file.path, doubt) for document in documents for doubt in document.doubts]


def read_upload(
    extractor: Extractor,
    library: DocumentLibrary,
    waiting: WaitingFile,
    outcome: Outcome,
    stopping: Callable[[], bool],
) -> None:
    """Read a file that waits into the library. Raises StoreError, ReadStopped; it waits on then."""
    content = library.uploads.content(waiting.sequence)
    if content is None:
        return
    file = KnownFile(waiting.path, size=waiting.size, content=waiting.digest)
    try:
        documents = extractor.read(waiting.name, content, source=waiting.path, stopping=stopping)
    except InputError as error:
        _note_failure(library, file, str(error), outcome)
    else:
        became = library.keep(_as_read(file, documents), documents)
        if became == "unchanged":
            outcome.unchanged += 1
        else:
            outcome.changes.append(Changed("new" if became == "added" else "changed", waiting.path))
            outcome.documents += len(documents)
        outcome.doubts += [(waiting.path, doubt) for document in documents for doubt in document.doubts]
    library.uploads.done(waiting.sequence)


def _as_read(file: KnownFile, documents: list[Document]) -> KnownFile:
    doubtful = any(document.doubts for document in documents)
    return replace(file, reader=readers(doubtful=doubtful), read_at=time.time(), problem=None, removed=False)


def _note_failure(library: DocumentLibrary, file: KnownFile, message: str, outcome: Outcome) -> None:
    outcome.failed.append((file.path, message))
    library.sources.note([replace(file, read_at=time.time(), problem=message, removed=False)])
