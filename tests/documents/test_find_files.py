"""Which files of a folder are read."""

import os
from pathlib import Path

import pytest

from backends.local.documents import find_files
from pipeline.errors import InputError


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("Text.")


def test_known_files_of_all_folders_are_found_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b.md", "a.TXT", "sub/deep/c.pdf", "sub/b.csv")
    found = find_files(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in found.files] == [
        "a.TXT",
        "b.md",
        "sub/b.csv",
        "sub/deep/c.pdf",
    ]


def test_hidden_and_unknown_files_are_counted_and_left_out(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", ".secret.txt", ".git/config.txt", ".git/notes.md", "photo.jpg", "Makefile")
    found = find_files(tmp_path)
    assert [path.name for path in found.files] == ["a.txt"]
    assert (found.hidden, found.unknown) == (2, 2)  # .secret.txt and .git; photo.jpg and Makefile.


def test_a_named_file_is_found_whatever_its_name(tmp_path: Path) -> None:
    make(tmp_path, ".odd.docx")
    assert find_files(tmp_path / ".odd.docx").files == (tmp_path / ".odd.docx",)


def test_links_to_folders_and_pipes_and_dangling_links_cannot_stop_the_search(tmp_path: Path) -> None:
    make(tmp_path, "a.txt")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.txt")
    found = find_files(tmp_path)
    assert [path.name for path in found.files] == ["a.txt"]
    assert found.unknown == 2


def test_a_missing_path_and_a_pipe_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere does not exist"):
        find_files(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        find_files(tmp_path / "pipe")
    with pytest.raises(InputError):
        find_files(tmp_path / ("x" * 5_000))
    with pytest.raises(InputError):
        find_files(Path("nul\0byte"))


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    assert find_files(tmp_path).files == ()
