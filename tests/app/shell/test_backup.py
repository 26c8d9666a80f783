"""`raglass backup` and `raglass restore` in a shell."""

import json
from pathlib import Path

import pytest

from metrics.store import TraceStore
from tests.app.shell.shells import shell, shell_here
from tests.factories import make_trace


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data folder with three traces."""
    folder = tmp_path / "data"
    folder.mkdir()
    with TraceStore.open(f"sqlite:///{folder / 'traces.sqlite'}") as store:
        store.put_all([make_trace() for _ in range(3)])
    return folder


def count(folder: Path) -> int:
    with TraceStore.open(f"sqlite:///{folder / 'traces.sqlite'}") as store:
        return store.count()


@pytest.mark.slow
def test_a_store_is_backed_up_and_comes_back_in_another_folder(data_dir: Path, tmp_path: Path) -> None:
    file = str(tmp_path / "all.backup")
    made = shell("backup", file, RAGLASS_DATA_DIR=str(data_dir))
    assert made.returncode == 0
    assert "3 traces, 0 runs" in made.stdout
    assert "Not in it: documents of the corpus" in made.stdout
    checked = shell_here("restore", file, "--check", "--json", RAGLASS_DATA_DIR=str(tmp_path / "other"))
    assert json.loads(checked.stdout)["counts"]["traces"] == 3
    restored = shell_here("restore", file, RAGLASS_DATA_DIR=str(tmp_path / "other"))
    assert restored.stdout == f"3 traces came from {file}.\n"
    assert count(tmp_path / "other") == 3


@pytest.mark.slow
def test_a_store_is_replaced_only_once_that_is_confirmed(data_dir: Path, tmp_path: Path) -> None:
    file = str(tmp_path / "all.backup")
    shell_here("backup", file, RAGLASS_DATA_DIR=str(data_dir))
    with TraceStore.open(f"sqlite:///{data_dir / 'traces.sqlite'}") as store:
        store.put(make_trace())
    assert shell_here("restore", file, RAGLASS_DATA_DIR=str(data_dir)).exit_code == 2
    assert shell_here("restore", file, "--replace", RAGLASS_DATA_DIR=str(data_dir)).exit_code != 0
    assert count(data_dir) == 4
    assert shell_here("restore", file, "--merge", RAGLASS_DATA_DIR=str(data_dir)).exit_code == 0
    assert count(data_dir) == 4
    assert shell_here("restore", file, "--replace", "--yes", RAGLASS_DATA_DIR=str(data_dir)).exit_code == 0
    assert count(data_dir) == 3
    [entry] = json.loads(shell_here("audit", "--json", RAGLASS_DATA_DIR=str(data_dir)).stdout)
    assert (entry["did"], entry["subject"]) == ("restored a backup (replace)", "all.backup")


def test_what_cannot_be_is_said_in_our_words(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("precious")
    for arguments, why in (
        (["backup", str(tmp_path / "there")], "is there already"),
        (["restore", str(tmp_path / "none")], "There is no file"),
        (["restore", str(tmp_path / "there")], "is no backup"),
        (["restore", str(tmp_path / "there"), "--merge", "--replace"], "Give one of"),
    ):
        done = shell_here(*arguments, RAGLASS_DATA_DIR=str(data_dir))
        assert done.exit_code == 2
        assert why in done.stderr
        assert "Traceback" not in done.stderr
