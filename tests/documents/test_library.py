"""The users' documents: nothing added is lost, and what goes wrong says what to do."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from backends.local.documents import Document, DocumentLibrary, library
from pipeline.errors import StoreError

ROOT = Path(__file__).parents[2]


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
    monkeypatch.setattr(library, "LOCK_WAIT_S", 0.05)
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
