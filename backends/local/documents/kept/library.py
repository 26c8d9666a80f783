"""`DocumentLibrary`: the users' documents, in one SQLite file. It knows nothing of chunks and indexes."""

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from backends.local.documents.kept.library_file import LibraryFile
from backends.local.documents.kept.sources import KnownFile, Sources, write_file
from backends.local.documents.kept.stored_parts import pack_parts, unpack_parts
from backends.local.documents.kept.uploads import Uploads
from backends.local.documents.types import Document, document_id_for

Added = Literal["added", "unchanged", "replaced"]
"""What adding a document did."""

MATCHES = "(instr(folded, :folded) > 0 OR :folded = '')"
WHOLE = "document_id, title, text, source, parts, doubts"


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """A document without its text, for lists."""

    document_id: str
    """The document's id."""
    title: str
    """Its title."""
    source: str
    """The file that it came from."""
    chars: int
    """Length of its text."""
    added_at: float
    """Seconds since the Unix epoch, UTC."""
    doubts: tuple[str, ...] = ()
    """What could not be read, or not surely."""
    file: str = ""
    """The file that it came from, without what stands for its place in that."""


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """Some of the documents that were searched for."""

    documents: tuple[DocumentSummary, ...]
    """The last added first."""
    total: int
    """How many documents match in all."""


class DocumentLibrary(LibraryFile):
    """The users' documents. Every method raises StoreError, with advice, if the file cannot be read or written."""

    @property
    def sources(self) -> Sources:
        """Where they come from."""
        return Sources(self)

    @property
    def uploads(self) -> Uploads:
        """Files that wait to be read."""
        return Uploads(self)

    def add(self, document: Document) -> Added:
        """Keep a document; when this returns, a crash cannot lose it. A document of the same source is replaced."""
        with self.writing() as connection:
            return _put(connection, document, document.source)

    def keep(self, file: KnownFile, documents: Sequence[Document]) -> Added:
        """Keep what was read of a file, in the place of what it gave before; when this returns, a crash cannot lose it."""
        with self.writing() as connection:
            before = connection.execute("SELECT count(*) FROM documents WHERE file = ?", (file.path,)).fetchone()[0]
            ids = json.dumps([document.document_id for document in documents])
            left = connection.execute(
                "DELETE FROM documents WHERE file = ? AND document_id NOT IN (SELECT value FROM json_each(?))",
                (file.path, ids),
            ).rowcount
            became = {_put(connection, document, file.path) for document in documents}
            write_file(connection, file)
        if became <= {"unchanged"} and not left:
            return "unchanged"
        return "replaced" if before or "replaced" in became else "added"

    def move(self, before: str, file: KnownFile) -> None:
        """A file has another path now, and its documents with it: their sources and ids are new."""
        with self.writing() as connection:
            rows = connection.execute(f"SELECT {WHOLE} FROM documents WHERE file = ?", (before,)).fetchall()
            connection.execute("DELETE FROM documents WHERE file = ?", (before,))
            connection.execute("DELETE FROM files WHERE path = ?", (before,))
            for row in rows:
                old = _document(row)
                source = file.path + old.source.removeprefix(before)
                new_id = document_id_for(source, old.title, old.text)
                new = Document(new_id, old.title, old.text, source, old.parts, old.doubts)
                _put(connection, new, file.path)
            write_file(connection, file)

    def remove(self, document_id: str) -> bool:
        """Forget a document, and a file whose last one it was; False if there was none of that id."""
        with self.reading() as connection:
            row = connection.execute(
                "SELECT file, (SELECT count(*) FROM documents AS other WHERE other.file = documents.file) "
                "FROM documents WHERE document_id = ?",
                (document_id,),
            ).fetchone()
        if row is None:
            return False
        if row[1] == 1:
            return self.sources.forget(row[0], removed=True) > 0
        with self.writing() as connection:
            return connection.execute("DELETE FROM documents WHERE document_id = ?", (document_id,)).rowcount > 0

    def get(self, document_id: str) -> Document | None:
        """The document of that id, if there is one."""
        with self.reading() as connection:
            row = connection.execute(f"SELECT {WHOLE} FROM documents WHERE document_id = ?", (document_id,)).fetchone()
        return _document(row) if row else None

    def page(self, search: str | None = None, *, offset: int = 0, limit: int = 50) -> DocumentPage:
        """`limit` documents from `offset` on, the last added first.

        search: literal text, of any case, that the title or the source holds; blank or None for all.
        """
        folded = (search or "").encode("utf-8", "replace").decode().strip().casefold()
        with self.reading() as connection, self.snapshot(connection):
            total = connection.execute(
                f"SELECT count(*) FROM documents WHERE {MATCHES}", {"folded": folded}
            ).fetchone()[0]
            rows = _summaries(
                connection,
                f"{MATCHES} ORDER BY sequence DESC LIMIT :limit OFFSET :offset",
                {"folded": folded, "limit": limit, "offset": offset},
            )
        return DocumentPage(tuple(rows), total)

    def of_file(self, path: str) -> list[DocumentSummary]:
        """The documents of a file."""
        with self.reading() as connection:
            return _summaries(connection, "file = :path ORDER BY sequence", {"path": path})

    def of_source(self, source: str) -> DocumentSummary | None:
        """The document of a source, if there is one."""
        with self.reading() as connection:
            return next(iter(_summaries(connection, "source = :source", {"source": source})), None)

    def doubtful(self) -> list[DocumentSummary]:
        """The documents of which something could not be read, or not surely; the last added first."""
        with self.reading() as connection:
            return _summaries(connection, "doubts != '' ORDER BY sequence DESC", {})

    def summaries(self, ids: Sequence[str]) -> list[DocumentSummary]:
        """The documents of these ids, the last added first."""
        with self.reading() as connection:
            return _summaries(
                connection,
                "document_id IN (SELECT value FROM json_each(:ids)) ORDER BY sequence DESC",
                {"ids": json.dumps(list(ids))},
            )

    def lengths(self) -> dict[str, int]:
        """The length of every document's text, in characters, by its id; the last added first."""
        with self.reading() as connection:
            return dict(
                connection.execute("SELECT document_id, chars FROM documents ORDER BY sequence DESC").fetchall()
            )

    def doubtful_files(self) -> set[str]:
        """Files that gave a document of which something could not be read, or not surely."""
        with self.reading() as connection:
            return {row[0] for row in connection.execute("SELECT DISTINCT file FROM documents WHERE doubts != ''")}

    def documents(self) -> Iterator[Document]:
        """All documents as they stood when the first was asked for: files of their own, then what lies in others, as they were added.

        Of two with the same text the first answers for it, and a plain file is easier to find than one in an archive.
        """
        with self.reading() as connection, self.snapshot(connection):
            for where in ("source = file", "source != file"):
                for row in connection.execute(f"SELECT {WHOLE} FROM documents WHERE {where} ORDER BY sequence"):
                    yield _document(row)

    def count(self) -> int:
        """How many documents there are."""
        with self.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM documents").fetchone()[0])

    def fingerprint(self) -> str:
        """A hash of the set of documents (ids, titles, texts, parts), whatever the order in which they were added."""
        hasher = hashlib.sha256()
        with self.reading() as connection:
            for (digest,) in connection.execute("SELECT digest FROM documents ORDER BY digest"):
                hasher.update(digest.encode())
        return hasher.hexdigest()


def _put(connection: sqlite3.Connection, document: Document, file: str) -> Added:
    """Keep a document, within a transaction."""
    parts, doubts = pack_parts(document.parts), _packed(document.doubts)
    digest = _digest(document, parts)
    same = connection.execute(
        "SELECT 1 FROM documents WHERE document_id = ? AND source = ? AND digest = ? AND doubts = ? AND file = ?",
        (document.document_id, document.source, digest, doubts, file),
    ).fetchone()
    if same:
        return "unchanged"
    removed = connection.execute(
        "DELETE FROM documents WHERE source = ? OR document_id = ?", (document.source, document.document_id)
    ).rowcount
    connection.execute(
        "INSERT INTO documents (document_id, source, file, title, folded, chars, added_at, digest, doubts, text, parts) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            document.document_id,
            document.source,
            file,
            document.title,
            f"{document.title}\n{document.source}".casefold(),
            len(document.text),
            time.time(),
            digest,
            doubts,
            document.text,
            parts,
        ),
    )
    return "replaced" if removed else "added"


def _summaries(connection: sqlite3.Connection, where: str, values: dict[str, Any]) -> list[DocumentSummary]:
    rows = connection.execute(
        f"SELECT document_id, title, source, chars, added_at, doubts, file FROM documents WHERE {where}", values
    )
    return [replace(DocumentSummary(*row), doubts=_doubts(row[5])) for row in rows]


def _document(row: Sequence[Any]) -> Document:
    document_id, title, text, source, parts, doubts = row
    return Document(document_id, title, text, source, unpack_parts(parts), _doubts(doubts))


def _doubts(kept: str) -> tuple[str, ...]:
    return tuple(json.loads(kept)) if kept else ()


def _packed(doubts: tuple[str, ...]) -> str:
    """Doubts as they are stored; empty for none."""
    return json.dumps(doubts, ensure_ascii=False, separators=(",", ":")) if doubts else ""


def _digest(document: Document, parts: str) -> str:
    """A document without parts has the digest that earlier versions gave it."""
    told = (document.document_id, document.title, document.text, *([parts] if parts else []))
    return hashlib.sha256("\0".join(told).encode()).hexdigest()
