from pathlib import Path

import pytest

from pipeline.errors import Unavailable
from serving.rehearsal import environments
from serving.rehearsal.environments import LOCKS, make_environment


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "empty.lock"
    path.write_text("# nothing\n")
    monkeypatch.setitem(environments.LOCKS, "empty", path)  # type: ignore[misc]
    return path


def test_an_environment_is_made_once_and_again_when_its_lock_changes(tmp_path: Path, lock: Path) -> None:
    told: list[str] = []
    python = make_environment("empty", cache=tmp_path / "cache", on_start=told.append)
    assert python.is_file()
    assert make_environment("empty", cache=tmp_path / "cache", on_start=told.append) == python
    assert len(told) == 1
    lock.write_text("# nothing, but otherwise\n")
    make_environment("empty", cache=tmp_path / "cache", on_start=told.append)
    assert len(told) == 2


def test_packages_that_cannot_be_installed_are_explained_and_tried_again(tmp_path: Path, lock: Path) -> None:
    lock.write_text("no-hash==1.0\n")
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"empty\.lock cannot be installed.*hash"):
            make_environment("empty", cache=tmp_path / "cache")


def test_a_missing_lock_file_says_that_a_checkout_is_needed(tmp_path: Path, lock: Path) -> None:
    lock.unlink()
    with pytest.raises(Unavailable, match="from a checkout"):
        make_environment("empty", cache=tmp_path / "cache")


@pytest.mark.parametrize("name", ["emulator", "lambda"])
def test_lock_files_pin_hashes_and_name_no_index(name: str) -> None:
    text = LOCKS[name].read_text("utf-8")
    assert "--hash=sha256:" in text
    assert "://" not in text
    assert "--index-url" not in text
