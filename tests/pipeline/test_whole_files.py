"""Files that are written whole or not at all."""

import os
from pathlib import Path

import pytest

from pipeline.whole_files import write_whole


def refuse(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_text_and_bytes_take_the_place_of_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "report.md"
    write_whole(file, "“ü”")
    assert file.read_text("utf-8") == "“ü”"
    file.chmod(0o640)
    write_whole(file, b"\xff")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"\xff", 0o640)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_what_fails_leaves_the_file_as_it_was_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    file = tmp_path / "report.md"
    write_whole(file, "old")
    with monkeypatch.context() as patch:
        patch.setattr(os, step, refuse)
        with pytest.raises(OSError, match="No space left"):
            write_whole(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_stays_one_and_a_folder_is_not_made(tmp_path: Path) -> None:
    file, link = tmp_path / "report.md", tmp_path / "link"
    link.symlink_to(file)
    write_whole(link, "through it")
    assert link.is_symlink()
    assert file.read_text() == "through it"
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "none" / "report.md", "")
