"""Files are read in processes of their own, and nothing that a file does there reaches this one."""

import json
import math
import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backends.local.documents import Extractor, ReadLimits, ReadStopped, allowance, read_documents, read_path
from pipeline.errors import InputError
from tests.documents.extraction import rough

LIMITS = ReadLimits(memory_mb=400, time_s=30)
NARROW = ReadLimits(memory_mb=400, time_s=30, chars=1_000, documents=3, max_bytes=10_000)

MARKDOWN = b"# Pump manual\n\n## 1. Reset\n\nHold the *green* button.\n\n* One.\n* Two.\n"
CSV = b"name,colour\nLena,blue\nOmar,red\n"


@pytest.fixture(scope="module")
def extractor() -> Iterator[Extractor]:
    with Extractor(LIMITS) as opened:
        yield opened


@pytest.fixture(scope="module")
def roughly() -> Iterator[Extractor]:
    """One whose children do what the file says."""
    with Extractor(NARROW, reads=rough.READS) as opened:
        yield opened


def said(extractor: Extractor, content: bytes | Path, name: str = "a.txt") -> str:
    with pytest.raises(InputError) as caught:
        extractor.read(name, content)
    return str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("manual.md", MARKDOWN),
        ("people.csv", CSV),
        ("latin.txt", "Größe: 3 µm".encode("cp1252")),
        (
            "long.txt",
            ("Zwölf Boxkämpfer jagen Viktor. " * 20 + "\n\n").encode() * 2_500,
        ),  # 1.5 million characters, 2,500 parts
    ],
)
def test_a_file_gives_the_same_documents_as_in_this_process(extractor: Extractor, name: str, data: bytes) -> None:
    assert extractor.read(name, data) == read_documents(name, data, max_bytes=LIMITS.max_bytes)


@pytest.mark.slow
def test_parts_and_doubts_come_back(extractor: Extractor) -> None:
    (manual,) = extractor.read("manual.md", MARKDOWN)
    assert ("1. Reset",) in {part.section for part in manual.parts}
    (people,) = extractor.read("people.csv", CSV)
    assert [part.place.number for part in people.parts if part.place] == [2, 3]
    (latin,) = extractor.read("latin.txt", "Größe".encode("cp1252"))
    assert len(latin.doubts) == 1


@pytest.mark.slow
def test_a_file_is_read_where_it_lies_and_its_path_is_its_source(extractor: Extractor, tmp_path: Path) -> None:
    path = tmp_path / "manual.md"
    path.write_bytes(MARKDOWN)
    assert extractor.read("manual.md", path) == read_path(path, max_bytes=LIMITS.max_bytes)
    (named,) = extractor.read("manual.md", path, source="upload/manual.md")
    assert named.source == "upload/manual.md"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.xyz", b"Text."),
        ("a.txt", b""),
        ("a.txt", b"\0\1\2" * 100),
        ("a.pdf", b"no PDF"),
        ("a.pdf", b"%PDF-1.4 broken"),
    ],
)
def test_a_bad_file_is_refused_with_the_same_words(extractor: Extractor, name: str, data: bytes) -> None:
    with pytest.raises(InputError) as here:
        read_documents(name, data, max_bytes=LIMITS.max_bytes)
    assert said(extractor, data, name) == str(here.value)


def test_what_is_too_large_is_refused_wherever_it_lies(tmp_path: Path) -> None:
    with Extractor(replace(LIMITS, max_bytes=100)) as extractor, (tmp_path / "a.txt").open("wb") as file:
        assert "a.txt has 101 bytes; files up to 100 bytes are read" in said(extractor, b"x" * 101)
        file.truncate(10**11)
        assert "a.txt has 100,000.0 MB" in said(extractor, tmp_path / "a.txt")


def test_a_file_that_grows_while_it_is_read_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 100)
    begin = Extractor._begin

    def grow_first(*args: object) -> object:
        path.write_bytes(b"x" * 200)
        return begin(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(Extractor, "_begin", grow_first)
    with Extractor(replace(LIMITS, max_bytes=100)) as extractor:
        assert "files up to 100 bytes are read" in said(extractor, path)


def test_what_is_no_file_is_named_and_waited_for_in_vain_by_nobody(
    extractor: Extractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "device.txt").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as served:
        served.bind("socket.txt")  # A socket's path holds a hundred characters.
        for what in ("pipe", "folder", "device", "socket"):
            assert f"{what}.txt cannot be read: it is a {what}" in said(
                extractor, tmp_path / f"{what}.txt", f"{what}.txt"
            )
    assert "No such file" in said(extractor, tmp_path / "none.txt")
    assert "not a readable file" in said(extractor, tmp_path / "nul\0byte.txt")


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        ("exit 3", r"ended the process that read it \(exit code 3\)"),
        ("leave", r"ended the process that read it \(exit code 1\)"),
        ("crash", r"ended the process that read it \(signal 11, SIGSEGV\)"),
        ("kill child", r"ended the process that read it \(signal 9, SIGKILL\)"),
        ("fail badly", "ended the process that read it"),
        ("forge", "ended the process that read it"),
        ("allocate", r"a\.txt needed more than 400 MB of memory to read; .* RAGLASS_READ_MEMORY_MB"),
        ("abort Whatever.", r"ended the process that read it \(signal 6, SIGABRT\)"),
        # What Rust's standard library writes before it aborts.
        ("abort memory allocation of 412316860416 bytes failed", r"a\.txt needed more than 400 MB of memory to read"),
        ("repeat 1001", r"a\.txt holds more than 1,000 characters of text"),
        ("documents 4", r"a\.txt holds more than 3 documents"),
        ("refuse Because.", r"^Because\.$"),
    ],
)
def test_a_file_that_ends_its_process_is_named_and_the_next_is_read(roughly: Extractor, deed: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        roughly.read("a.txt", deed.encode())
    (after,) = roughly.read("b.txt", b"Good.")
    assert (after.text, after.source) == ("Good.", "b.txt")


@pytest.mark.slow
def test_a_file_that_takes_too_long_is_given_up() -> None:
    with Extractor(replace(LIMITS, time_s=0.5), reads=rough.READS) as extractor:
        assert "a.txt took longer than 0.5 s to read; it was left out." in said(extractor, b"sleep")


def test_a_reader_knows_how_much_time_it_has(roughly: Extractor) -> None:
    assert allowance.seconds_left() == math.inf
    (document,) = roughly.read("a.txt", b"time-left")
    assert 0 < float(document.text) <= NARROW.time_s


def test_a_large_file_has_more_time() -> None:
    assert [LIMITS.seconds(size) for size in (1, 10_000_000, 10_000_001)] == [30, 30, 60]


@pytest.mark.slow
def test_a_nursery_that_was_killed_is_replaced(roughly: Extractor) -> None:
    assert roughly.read("a.txt", b"kill nursery")[0].text == "Done."
    assert roughly.read("b.txt", b"Good.")[0].text == "Good."


def test_a_document_cannot_take_the_id_of_another(roughly: Extractor) -> None:
    (document,) = roughly.read("a.txt", b"Text.")
    assert document.document_id.startswith("a-")


def test_what_a_library_prints_is_no_part_of_the_reply(roughly: Extractor, capfd: pytest.CaptureFixture[str]) -> None:
    (document,) = roughly.read("a.txt", b"speak loudly")
    assert document.text == "Done."
    assert capfd.readouterr() == ("", "")


def test_what_a_library_complains_of_is_logged(roughly: Extractor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    said(roughly, b"abort xref table is broken")
    said(roughly, b"fail badly")
    assert "reading a.txt: xref table is broken" in caplog.text
    assert "ZeroDivisionError: badly" in caplog.text


@pytest.mark.slow
def test_a_child_knows_no_secrets_and_holds_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "RAGLASS_API_KEY", "PINECONE_API_KEY"):
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    with Extractor(LIMITS, reads=rough.READS) as extractor:
        (document,) = extractor.read("a.txt", b"surroundings")
    found = json.loads(document.text)
    assert "hunter2" not in document.text
    assert found["environ"]["LC_ALL"] == "C.UTF-8"
    assert (
        len(found["descriptors"]) == 5
    )  # three that lead nowhere, the reply, and what tells the nursery that it lives
    assert Path(found["folder"]).name.startswith("raglass-read-")
    assert not Path(found["folder"]).exists()


def test_what_a_child_starts_ends_with_it(roughly: Extractor) -> None:
    (document,) = roughly.read("a.txt", b"offspring")
    wait_until_gone(int(document.text))


@pytest.mark.slow
def test_stopping_ends_the_child_and_the_extractor_goes_on() -> None:
    with Extractor(LIMITS, reads=rough.READS) as extractor:
        with pytest.raises(ReadStopped):
            extractor.read("a.txt", b"sleep", stopping=lambda: True)
        assert extractor.read("b.txt", b"Good.")[0].text == "Good."


@pytest.mark.slow
def test_an_interrupt_ends_the_child_and_the_extractor_goes_on() -> None:
    def interrupt() -> bool:
        raise KeyboardInterrupt

    with Extractor(LIMITS, reads=rough.READS) as extractor:
        with pytest.raises(KeyboardInterrupt):
            extractor.read("a.txt", b"sleep", stopping=interrupt)
        assert extractor.read("b.txt", b"Good.")[0].text == "Good."


@pytest.mark.slow
def test_closing_leaves_no_process_behind() -> None:
    before = children()
    extractor = Extractor(LIMITS)
    extractor.read("a.txt", b"Text.")
    assert len(children() - before) == 1
    extractor.close()
    assert children() == before


@pytest.mark.slow
def test_an_extractor_that_nobody_closed_leaves_no_process_behind() -> None:
    before = children()
    Extractor(LIMITS).read("a.txt", b"Text.")
    assert children() == before


@pytest.mark.slow
def test_a_nursery_ends_with_the_process_that_started_it() -> None:
    # A process that starts one and is killed, as by the kernel for want of memory.
    reading, writing = os.pipe()
    pid = os.posix_spawn(
        os.sys.executable,  # type: ignore[attr-defined]
        [os.sys.executable, "-c", PARENT],  # type: ignore[attr-defined]
        {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        file_actions=[(os.POSIX_SPAWN_DUP2, writing, 1)],
    )
    os.close(writing)
    with os.fdopen(reading) as told:
        nursery = int(told.readline())
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    wait_until_gone(nursery)


PARENT = """
import os, time
from backends.local.documents import Extractor, ReadLimits
extractor = Extractor(ReadLimits())
extractor.read("a.txt", b"Text.")
print(extractor._nursery._process.pid, flush=True)
time.sleep(60)
"""


def children() -> set[int]:
    """The processes that this one has started, ended ones included that nobody has waited for. Linux."""
    return {int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if _parent(stat) == os.getpid()}


def _parent(stat: Path) -> int | None:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])  # proc_pid_stat(5), field 4
    except OSError:
        return None


def wait_until_gone(pid: int) -> None:
    """Wait for the end of a process that is no child of this one."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        state = Path(f"/proc/{pid}/stat")
        try:
            if state.read_text().rpartition(")")[2].split()[0] in "ZX":  # left to whoever reaps orphans
                return
        except OSError:
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} goes on")
