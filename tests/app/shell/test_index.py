"""`raglass index`: what it says for people and for programs, how it leaves, and what Ctrl-C does."""

import fcntl
import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from click.testing import Result

from app.services import Services
from app.shell import command
from tests.app.shell.shells import shell, shell_here, start_shell

Make = Callable[..., Services]
Run = Callable[..., Result]


@pytest.fixture
def services(make_services: Make) -> Services:
    return make_services(corpus=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "texts"
    (made / "sub").mkdir(parents=True)
    (made / "policy.md").write_text("Dogs may enter.")
    (made / "pump.md").write_text("# Pumps\n\nThe pump is reset with the red key.")
    (made / "sub" / "README.md").write_text("Read me.")
    (made / "program.exe").write_text("MZ")
    return made


@pytest.mark.slow
def test_a_folder_is_indexed_and_what_is_passed_over_is_named(run: Run, services: Services, folder: Path) -> None:
    done = run("index", str(folder), services=services)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "3 new"
    assert "The index holds 3 chunks of 3 documents" in done.stdout
    assert "A few seconds for 3 files, 67 bytes." in done.stderr
    assert f"passed over {folder / 'program.exe'}: of a kind that is not read" in done.stderr


@pytest.mark.slow
def test_what_a_program_reads_has_every_file(run: Run, services: Services, folder: Path) -> None:
    data = json.loads(run("index", str(folder), "--json", services=services).stdout)
    assert (data["phase"], data["unchanged"], data["documents"], data["errors"]) == ("done", 0, 3, [])
    assert {(each["change"], Path(each["path"]).name) for each in data["changes"]} == {
        ("new", "policy.md"),
        ("new", "pump.md"),
        ("new", "README.md"),
    }
    assert data["passed_over"] == [{"file": str(folder / "program.exe"), "reason": "unknown kind"}]
    assert data["index"]["documents"] == 3


@pytest.mark.slow
def test_a_deleted_file_is_told_and_answers_no_more(run: Run, services: Services, folder: Path) -> None:
    run("index", str(folder), services=services)
    (folder / "policy.md").unlink()
    for arguments in ([str(folder)], []):
        said = run("index", *arguments, "--dry-run", services=services).stdout
        assert f"gone     {folder / 'policy.md'}" in said
    said = run("index", services=services).stdout
    assert said.splitlines()[0] == "1 gone (policy.md), 2 unchanged"
    assert "The index holds 2 chunks of 2 documents" in said


@pytest.mark.slow
def test_a_dry_run_says_what_each_file_would_give_and_keeps_nothing(run: Run, services: Services, folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(b"nonsense")
    done = run("index", str(folder), "--dry-run", services=services)
    assert done.exit_code == 1
    assert f"new      {folder / 'pump.md'}\n         “Pumps”: 35 characters, 1 chunk" in done.stdout
    assert "cannot be read: broken.pdf is not a PDF" in done.stdout
    assert "3 new, 1 failed" in done.stdout
    data = json.loads(run("index", str(folder), "--dry-run", "--json", services=services).stdout)
    assert {len(each["documents"]) for each in data["files"]} == {0, 1}
    assert data["estimate"]["files"] == 4
    corpus = services.backends.corpus("fake", build=False)
    assert corpus is not None
    assert (corpus.library.count(), corpus.library.sources.all(), corpus.library.sources.files()) == (0, [], {})


@pytest.mark.slow
def test_a_dry_run_calls_a_file_that_failed_and_is_as_it_was_failed_again(
    run: Run, services: Services, folder: Path
) -> None:
    broken = folder / "broken.pdf"
    broken.write_bytes(b"nonsense")
    run("index", str(folder), services=services)
    assert f"failed again {broken}" in run("index", "--dry-run", services=services).stdout
    broken.write_bytes(b"other nonsense")
    said = run("index", "--dry-run", services=services).stdout
    assert f"changed  {broken}" in said
    assert "failed again" not in said


@pytest.mark.slow
def test_bad_file_leaves_with_one_and_the_rest_are_indexed(run: Run, services: Services, folder: Path) -> None:
    (folder / "zip.pdf").write_bytes(b"PK\x03\x04")
    done = run("index", str(folder), services=services)
    assert done.exit_code == 1
    assert "3 new, 1 failed" in done.stdout
    assert "raglass: zip.pdf is not a PDF" in done.stderr


@pytest.mark.slow
def test_a_folder_that_is_not_there_leaves_with_one_and_says_how_to_remove_it(
    run: Run, services: Services, folder: Path
) -> None:
    run("index", str(folder), services=services)
    folder.rename(folder.with_name("away"))
    done = run("index", str(folder), services=services)
    assert done.exit_code == 1
    assert f"{folder} is not there; 3 documents of it stay in the corpus." in done.stderr
    assert f"raglass corpus remove {folder}" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["nowhere"], "nowhere does not exist"), (["--include", "*.md"], "belong to a PATH")],
    ids=" ".join,
)
def test_misuse_leaves_with_two(run: Run, services: Services, arguments: list[str], message: str) -> None:
    done = run("index", *arguments, services=services)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.slow
def test_asking_says_when_the_index_does_not_cover_the_documents(run: Run, services: Services, folder: Path) -> None:
    run("index", str(folder), services=services)
    assert "raglass index" not in run("ask", "Who may enter?", services=services).stderr
    corpus = services.backends.corpus("fake")
    assert corpus is not None
    corpus.library.sources.forget(str(folder / "policy.md"))
    done = run("ask", "Who may enter?", "--json", services=services)
    assert "run `raglass index`" in done.stderr
    assert json.loads(done.stdout)["question"] == "Who may enter?"


def test_progress_is_a_line_now_and_then_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(command.time, "monotonic", lambda: now[0])
    with command.progress_line(5) as tell:
        for second in range(12):
            now[0] = second
            tell(f"at {second}")
    assert capsys.readouterr().err == "at 5\nat 10\n"


# Ctrl-C, with real processes

ENVIRON = {"RAGLASS_BUILTIN_CORPUS": "0", "RAGLASS_THREADS": "1", "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A folder that takes much longer to embed than a test waits."""
    made = tmp_path / "ledger"
    made.mkdir()
    lines = (f"Entry {n}: the warden of Quorvale counted {n * 7 + 3} lanterns on bridge {n}." for n in range(2_000))
    (made / "ledger.txt").write_text("\n\n".join(lines))
    return made


def stopped(process: "subprocess.Popen[str]") -> str:
    """What a process that was interrupted said, having left as it should."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, (process.returncode, out, err)
    assert "Stopped." in err
    assert "Traceback" not in err
    return out


@pytest.mark.slow
def test_ctrl_c_before_the_work_begins_and_in_the_middle_of_it_ends_with_130(ledger: Path, tmp_path: Path) -> None:
    said: list[str] = []
    for number in range(3):
        data_dir = tmp_path / str(number)
        process = start_shell("index", str(ledger), RAGLASS_DATA_DIR=str(data_dir), **ENVIRON)
        assert process.stderr is not None
        if number == 0:
            wait_until_it_opens_its_parts(process.pid)
        else:
            while "for 1 file" not in process.stderr.readline():
                assert process.poll() is None
        if number == 2:
            wait_until_it_has_embedded(data_dir)
        process.send_signal(signal.SIGINT)
        said.append(stopped(process))
    assert "1 new" in said[2]
    assert "run `raglass index` to go on from here" in said[2]


@pytest.mark.slow
def test_ctrl_c_while_another_build_is_waited_for_ends_with_130_and_its_files_are_stored(
    folder: Path, tmp_path: Path
) -> None:
    environ = {"RAGLASS_DATA_DIR": str(tmp_path / "data"), **ENVIRON}
    assert shell("index", str(folder / "sub"), **environ).returncode == 0
    (lock,) = (tmp_path / "data" / "indexes").glob("*/.lock")
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = start_shell("index", str(folder), **environ)
        assert process.stderr is not None
        while "Another build of this index is running; waiting for it to end" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        stopped(process)
        listed = json.loads(shell_here("corpus", "list", "--json", **environ).stdout)
    assert sorted(each["state"] for each in listed["documents"]) == ["indexed", "pending", "pending"]


@pytest.mark.slow
def test_a_second_ctrl_c_ends_at_once(ledger: Path, tmp_path: Path) -> None:
    process = start_shell("index", str(ledger), RAGLASS_DATA_DIR=str(tmp_path / "data"), **ENVIRON)
    wait_until_it_opens_its_parts(process.pid)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "Stopping" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    stopped(process)


def wait_until_it_opens_its_parts(pid: int) -> None:
    """Wait until a process has loaded numpy, which the command does first of all once Ctrl-C is seen to."""
    until = time.monotonic() + 60
    while "numpy" not in Path(f"/proc/{pid}/maps").read_text():
        assert time.monotonic() < until
        time.sleep(0.02)


def wait_until_it_has_embedded(data_dir: Path) -> None:
    """Wait until the first vectors are on the disk."""
    until = time.monotonic() + 60
    while not any(stored_vectors(path) for path in data_dir.glob("vectors/*.sqlite")):
        assert time.monotonic() < until
        time.sleep(0.02)


def stored_vectors(path: Path) -> int:
    """How many vectors a cache holds; none where it is only just being made."""
    with closing(sqlite3.connect(path)) as connection, suppress(sqlite3.OperationalError):
        [(count,)] = connection.execute("SELECT count(*) FROM vectors")
        return int(count)
    return 0
