"""`raglass index` and Ctrl-C, with processes of its own."""

import fcntl
import json
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.app.shell.shells import shell, shell_here, start_shell

ENVIRON = {"RAGLASS_BUILTIN_CORPUS": "0", "RAGLASS_THREADS": "1", "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of three short files, one of them in a folder `sub`."""
    made = tmp_path / "texts"
    (made / "sub").mkdir(parents=True)
    for name in ("policy.md", "pump.md", "sub/README.md"):
        (made / name).write_text(f"What {name} says.")
    return made


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
