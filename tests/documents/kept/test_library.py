"""The users' documents: nothing added is lost, and what goes wrong says what to do."""

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from backends.local.documents import Document, DocumentLibrary, KnownFile, Part, Place, Source
from backends.local.documents.kept import library_file
from pipeline.errors import StoreError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "documents.db"


def a_document(number: int = 1, *, source: str | None = None, title: str = "Title", text: str = "Text.") -> Document:
    return Document(f"doc-{number}", title, text, source or f"{number}.txt")


def test_what_was_added_is_there_for_the_next_library(path: Path) -> None:
    assert DocumentLibrary(path).add(a_document(text="Shalom \u05e9\u05dc\u05d5\u05dd \U0001f600")) == "added"
    again = DocumentLibrary(path)
    assert again.get("doc-1") == a_document(text="Shalom \u05e9\u05dc\u05d5\u05dd \U0001f600")
    assert again.count() == 1
    assert again.get("doc-2") is None


def test_adding_twice_changes_nothing(path: Path) -> None:
    documents = DocumentLibrary(path)
    documents.add(a_document())
    before = documents.fingerprint()
    assert documents.add(a_document()) == "unchanged"
    assert (documents.count(), documents.fingerprint()) == (1, before)


def test_a_changed_file_replaces_the_document_of_its_source(path: Path) -> None:
    documents = DocumentLibrary(path)
    documents.add(a_document(1, source="a.txt"))
    assert documents.add(a_document(2, source="a.txt", text="New.")) == "replaced"
    assert [document.document_id for document in documents.documents()] == ["doc-2"]


def test_a_removed_document_is_gone(path: Path) -> None:
    documents = DocumentLibrary(path)
    documents.add(a_document())
    assert documents.remove("doc-1")
    assert not documents.remove("doc-1")
    assert documents.count() == 0


def test_pages_show_the_last_added_first_and_say_of_how_many(path: Path) -> None:
    documents = DocumentLibrary(path)
    for number in range(5):
        documents.add(a_document(number, text="x" * (number + 1)))
    page = documents.page(offset=1, limit=2)
    assert [summary.document_id for summary in page.documents] == ["doc-3", "doc-2"]
    assert page.total == 5
    assert page.documents[0].chars == 4
    assert page.documents[0].added_at > 1_700_000_000  # Seconds since 1970, in 2023.


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("100%", ["doc-1"]),
        ("_", ["doc-2"]),
        ("ÜBER", ["doc-3"]),
        ("what is (a", []),
        ("  ", ["doc-3", "doc-2", "doc-1"]),
    ],
)
def test_search_is_literal_and_knows_no_case(path: Path, search: str, found: list[str]) -> None:
    documents = DocumentLibrary(path)
    documents.add(a_document(1, title="100% sure"))
    documents.add(a_document(2, source="snake_case.md"))
    documents.add(a_document(3, title="Alles über Oslo"))
    page = documents.page(search)
    assert [summary.document_id for summary in page.documents] == found
    assert page.total == len(found)


def test_a_search_for_characters_that_cannot_be_stored_finds_nothing(path: Path) -> None:
    assert DocumentLibrary(path).page("\ud800\0").total == 0


def test_the_fingerprint_knows_the_set_but_not_its_order(path: Path, tmp_path: Path) -> None:
    first, second = DocumentLibrary(path), DocumentLibrary(tmp_path / "other.db")
    empty = first.fingerprint()
    for number in (1, 2, 3):
        first.add(a_document(number))
        second.add(a_document(4 - number))
    assert first.fingerprint() == second.fingerprint() != empty
    second.add(a_document(3, text="Changed."))
    assert first.fingerprint() != second.fingerprint()
    for number in (1, 2, 3):
        first.remove(f"doc-{number}")
    assert first.fingerprint() == empty


def test_a_closed_library_leaves_one_file_and_can_still_be_used(path: Path) -> None:
    documents = DocumentLibrary(path)
    documents.add(a_document(1))
    documents.close()
    documents.close()
    assert [file.name for file in path.parent.iterdir()] == ["documents.db"]
    assert documents.add(a_document(2)) == "added"


def test_documents_can_be_read_while_others_are_added(path: Path) -> None:
    documents = DocumentLibrary(path)
    for number in range(3):
        documents.add(a_document(number))
    seen = []
    for document in documents.documents():
        seen.append(document.document_id)
        documents.add(a_document(int(document.document_id[4:]) + 10))
    assert seen == ["doc-0", "doc-1", "doc-2"]
    assert documents.count() == 6


def test_threads_add_at_the_same_time_and_lose_nothing(path: Path) -> None:
    documents = DocumentLibrary(path)

    def add(start: int) -> None:
        for number in range(start, start + 10):
            documents.add(a_document(number))

    threads = [threading.Thread(target=add, args=(start,)) for start in range(0, 40, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert documents.count() == 40


ADD_FOREVER = """
import sys
from pathlib import Path
from backends.local.documents import Document, DocumentLibrary
library = DocumentLibrary(Path(sys.argv[1]))
for number in range(100_000):
    library.add(Document(f"doc-{number}", "Title", "Text " * 500, f"{sys.argv[2]}-{number}.txt"))
    print(number, flush=True)
"""


@pytest.mark.slow
def test_a_killed_process_loses_no_document_whose_add_returned(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ADD_FOREVER, str(path), "one"], stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 20:
                os.kill(process.pid, signal.SIGKILL)
                break
        added = int((process.stdout.read().split() or [line])[-1])
    documents = DocumentLibrary(path)
    assert documents.count() >= added + 1
    assert all(document.text == "Text " * 500 for document in documents.documents())
    assert documents.add(a_document(10**6)) == "added"


@pytest.mark.slow
def test_processes_that_start_together_share_a_new_library(path: Path) -> None:
    program = ADD_FOREVER.replace("100_000", "10").replace('f"doc-', 'f"{sys.argv[2]}-')
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(path), name], stdout=subprocess.DEVNULL, cwd=ROOT)
        for name in ("one", "two")
    ]
    assert [process.wait() for process in started] == [0, 0]
    assert DocumentLibrary(path).count() == 20


# What goes wrong


def test_a_locked_library_says_so_and_keeps_what_it_has(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_file, "LOCK_WAIT_S", 0.05)
    documents = DocumentLibrary(path)
    documents.add(a_document(1))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="in use by another program"):
        documents.add(a_document(2))
    assert documents.count() == 1  # Reading goes on.
    other.close()
    assert documents.add(a_document(2)) == "added"


class FullDisk(DocumentLibrary):
    """A library whose file may not grow beyond 20 pages."""

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.execute("PRAGMA max_page_count = 20")
        return connection


def test_a_full_disk_says_so_and_keeps_what_was_there(path: Path) -> None:
    documents = FullDisk(path)
    documents.add(a_document(1))
    with pytest.raises(StoreError, match="the disk is full"):
        documents.add(a_document(1, text="x" * 1_000_000))
    assert documents.get("doc-1") == a_document(1)


class ReadOnly(DocumentLibrary):
    """A library that this process may only read."""

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection


def test_a_read_only_library_can_be_read_and_says_why_it_cannot_be_written(path: Path) -> None:
    DocumentLibrary(path).add(a_document(1))
    documents = ReadOnly(path)
    assert documents.count() == 1
    with pytest.raises(StoreError, match="RAGLASS_DATA_DIR"):
        documents.add(a_document(2))


def test_a_data_directory_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be made or read"):
        DocumentLibrary(tmp_path / "file" / "data" / "documents.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        DocumentLibrary(tmp_path / "folder.db")


def test_a_file_that_is_no_database_is_left_untouched(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 1_000)
    with pytest.raises(StoreError, match="left as it is"):
        DocumentLibrary(path)
    assert path.read_bytes() == b"not a database" * 1_000


def test_a_damaged_library_is_left_untouched(path: Path) -> None:
    documents = DocumentLibrary(path)
    for number in range(50):
        documents.add(a_document(number, text="x" * 5_000))
    documents.close()
    damaged = bytearray(path.read_bytes())
    damaged[4096 : 4096 * 20] = b"\xaa" * (4096 * 19)
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match="damaged and was left as it is"):
        list(documents.documents())
    assert path.read_bytes() == bytes(damaged)


@pytest.mark.parametrize(("version", "words"), [(99, "made by a newer Raglass"), (0, "not a library of documents")])
def test_another_programs_or_a_newer_database_is_left_untouched(path: Path, version: int, words: str) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE accounts (id INTEGER)")
    other.execute(f"PRAGMA user_version = {version}")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=words):
        DocumentLibrary(path)
    assert path.read_bytes() == before


# Files and their documents


def a_whole_document(source: str, text: str = "Head\nText.") -> Document:
    parts = (
        Part(0, 4, "heading", ("Head",)),
        Part(5, len(text), "row", ("Head",), Place("row", 7)),
    )
    return Document(f"id-of-{source}", "Title", text, source, parts, ("Page 2 is a picture: install tesseract.",))


def test_parts_and_doubts_come_back_as_they_were(path: Path) -> None:
    documents = DocumentLibrary(path)
    documents.add(a_whole_document("a.pdf"))
    assert documents.get("id-of-a.pdf") == a_whole_document("a.pdf")
    assert documents.page().documents[0].doubts == a_whole_document("a.pdf").doubts


def test_other_parts_of_the_same_text_make_another_set_of_documents(path: Path) -> None:
    documents = DocumentLibrary(path)
    documents.add(Document("d", "Title", "Head\nText.", "a.pdf"))
    before = documents.fingerprint()
    parts = (Part(0, 10, "text", ("Head",)),)
    assert documents.add(Document("d", "Title", "Head\nText.", "a.pdf", parts)) == "replaced"
    assert documents.fingerprint() != before


def test_what_a_file_gives_takes_the_place_of_what_it_gave(path: Path) -> None:
    documents = DocumentLibrary(path)
    first, second, third = (a_whole_document(f"a.zip!/{name}.md") for name in "abc")
    assert documents.keep(KnownFile("a.zip"), [first, second]) == "added"
    assert documents.keep(KnownFile("a.zip"), [first, second]) == "unchanged"
    assert documents.keep(KnownFile("a.zip"), [second, third]) == "replaced"
    assert [each.source for each in documents.of_file("a.zip")] == ["a.zip!/b.md", "a.zip!/c.md"]
    assert documents.sources.forget("a.zip") == 2
    assert (documents.count(), documents.sources.files()) == (0, {})


def test_a_moved_file_takes_its_documents_along(path: Path) -> None:
    documents = DocumentLibrary(path)
    documents.keep(KnownFile("/a/x.zip", "/a"), [a_whole_document("/a/x.zip!/b.md")])
    documents.move("/a/x.zip", KnownFile("/c/x.zip", "/c"))
    (moved,) = documents.of_file("/c/x.zip")
    assert moved.source == "/c/x.zip!/b.md"
    assert moved.document_id != "id-of-/a/x.zip!/b.md"  # An id is of its source and text.
    found = documents.get(moved.document_id)
    assert found is not None
    assert (found.text, found.parts) == ("Head\nText.", a_whole_document("").parts)
    assert set(documents.sources.files()) == {"/c/x.zip"}


def test_a_removed_file_of_a_source_is_remembered_as_removed_and_an_uploaded_one_is_not(path: Path) -> None:
    documents = DocumentLibrary(path)
    for file in (KnownFile("/a/x.md", "/a"), KnownFile("x.md")):
        documents.keep(file, [a_whole_document(file.path)])
        assert documents.remove(f"id-of-{file.path}")
    assert {name: file.removed for name, file in documents.sources.files().items()} == {"/a/x.md": True}


def test_a_source_is_removed_with_its_files_and_documents_and_nothing_else(path: Path) -> None:
    documents = DocumentLibrary(path)
    documents.sources.put(Source("/a", ("*.md",), ("drafts",), 7, 1.5))
    assert documents.sources.all() == [Source("/a", ("*.md",), ("drafts",), 7, 1.5)]
    documents.keep(KnownFile("/a/x.md", "/a"), [a_whole_document("/a/x.md")])
    documents.keep(KnownFile("/ab/x.md", "/ab"), [a_whole_document("/ab/x.md")])
    assert documents.sources.counts() == {"/a": (1, 1), "/ab": (1, 1)}
    assert documents.sources.remove("/a") == 1
    assert (documents.sources.all(), documents.count()) == ([], 1)


def test_an_upload_waits_until_it_is_done_and_its_content_is_known_by_then(path: Path) -> None:
    uploads = DocumentLibrary(path).uploads
    assert uploads.put("b.txt", b"longer", keep_both=False) == "b.txt"
    assert uploads.put("folder/a.txt", b"short", keep_both=False) == "a.txt"
    assert uploads.put("a.txt", b"short", keep_both=False) is None
    first, second = uploads.waiting()
    assert (first.name, first.size, second.name) == ("a.txt", 5, "b.txt")
    assert uploads.content(first.sequence) == b"short"
    assert uploads.done(first.sequence)
    assert not uploads.done(first.sequence)
    assert uploads.content(first.sequence) is None


def test_a_name_that_is_there_is_replaced_or_numbered_as_asked(path: Path) -> None:
    uploads = DocumentLibrary(path).uploads
    uploads.put("README.md", b"one", keep_both=False)
    assert uploads.differs("README.md", b"two")
    assert not uploads.differs("README.md", b"one")
    assert not uploads.differs("OTHER.md", b"two")
    uploads.put("README.md", b"two", keep_both=True)
    uploads.put("README.md", b"three", keep_both=True)
    assert {file.path for file in uploads.waiting()} == {"README.md", "README.md (2)", "README.md (3)"}
    assert not uploads.differs("README.md", b"three")
    uploads.put("README.md", b"four", keep_both=False)
    assert [uploads.content(file.sequence) for file in uploads.waiting() if file.path == "README.md"] == [b"four"]


VERSION_1 = """
    CREATE TABLE documents (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, document_id TEXT NOT NULL UNIQUE, source TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
        folded TEXT NOT NULL, chars INTEGER NOT NULL, added_at REAL NOT NULL, digest TEXT NOT NULL, text TEXT NOT NULL
    );
    CREATE INDEX documents_by_digest ON documents (digest);
    INSERT INTO documents VALUES
        (3, 'a-1', '/texts/a.txt', 'A', 'a', 5, 1700000000.0, 'digest a', 'Text.'),
        (5, 'b-1', 'b.txt', 'B', 'b', 5, 1700000001.0, 'digest b', 'More.');
    PRAGMA user_version = 1;
"""
"""A library as version 1 of the schema made it."""


def test_a_library_of_version_1_is_brought_up_to_date_and_keeps_every_document(path: Path) -> None:
    path.parent.mkdir()
    old = sqlite3.connect(path)
    old.executescript(VERSION_1)
    old.close()
    documents = DocumentLibrary(path)
    assert list(documents.documents()) == [
        Document("a-1", "A", "Text.", "/texts/a.txt"),
        Document("b-1", "B", "More.", "b.txt"),
    ]
    assert documents.sources.files() == {
        "/texts/a.txt": KnownFile("/texts/a.txt", read_at=1_700_000_000.0),
        "b.txt": KnownFile("b.txt", read_at=1_700_000_001.0),
    }
    assert [each.document_id for each in documents.of_file("b.txt")] == ["b-1"]
    documents.add(a_document(1))
    assert [each.document_id for each in documents.page().documents] == ["doc-1", "b-1", "a-1"]
    assert DocumentLibrary(path).count() == 3


def test_a_document_without_parts_has_the_digest_that_version_1_gave_it(path: Path) -> None:
    """Else every index would be built anew. The hash is SHA-256 of that of id, title and text, in hexadecimal, joined by NUL."""
    documents = DocumentLibrary(path)
    documents.add(Document("d", "Title", "Text.", "a.txt"))
    own = hashlib.sha256(b"d\0Title\0Text.").hexdigest()
    assert documents.fingerprint() == hashlib.sha256(own.encode()).hexdigest()
