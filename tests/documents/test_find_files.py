"""Which files of a folder are read."""

import os
from pathlib import Path

import pytest

from backends.local.documents import FoundFiles, find_files
from backends.local.documents.files import matches
from pipeline.errors import InputError


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("Text.")


def reasons(found: FoundFiles) -> dict[str, str]:
    return {each.path.name: each.reason for each in found.passed_over}


def test_known_files_of_all_folders_are_found_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b.md", "a.TXT", "sub/deep/c.pdf", "sub/b.csv")
    found = find_files(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in found.files] == [
        "a.TXT",
        "b.md",
        "sub/b.csv",
        "sub/deep/c.pdf",
    ]


def test_hidden_and_unknown_files_are_named_and_left_out(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", ".secret.txt", ".git/config.txt", ".git/notes.md", "photo.jpg", "Makefile")
    found = find_files(tmp_path)
    assert [path.name for path in found.files] == ["a.txt"]
    assert reasons(found) == {
        ".git": "hidden",
        ".secret.txt": "hidden",
        "Makefile": "unknown kind",
        "photo.jpg": "unknown kind",
    }


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
    assert reasons(found) == {"gone.txt": "no file", "loop": "link to a folder", "pipe.txt": "no file"}


def test_a_link_is_read_where_it_leads_to_a_file_in_the_folder_and_not_where_it_leads_out(tmp_path: Path) -> None:
    make(tmp_path, "secret.txt", "folder/.data/a.txt")
    (tmp_path / "folder" / "a.txt").symlink_to(tmp_path / "folder" / ".data" / "a.txt")
    (tmp_path / "folder" / "out.txt").symlink_to(tmp_path / "secret.txt")
    found = find_files(tmp_path / "folder")
    assert [path.name for path in found.files] == ["a.txt"]
    assert reasons(found)["out.txt"] == "link out of the folder"


@pytest.mark.parametrize(
    ("page", "source"),
    [("guide/start.html", "start"), ("guide/start/index.html", "start"), ("guide/3.11.html", "3.11")],
)
def test_what_a_page_was_made_of_is_not_read_beside_the_page(tmp_path: Path, page: str, source: str) -> None:
    make(tmp_path, page, f"_sources/guide/{source}.rst.txt", "_sources/alone.rst.txt")
    found = find_files(tmp_path)
    assert {path.name for path in found.files} == {Path(page).name, "alone.rst.txt"}
    assert reasons(found) == {f"{source}.rst.txt": "source of a page"}


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("drafts", True),
        ("drafts/", True),
        ("*.md", True),
        ("PLAN.MD", True),
        ("old/*.md", True),
        ("old/**/*.md", True),
        ("old/drafts", True),
        ("*.txt", False),
        ("draft", False),
        ("drafts/*", False),
        ("new/*.md", False),
    ],
)
def test_a_pattern_means_names_on_the_path_or_the_whole_path(pattern: str, meant: bool) -> None:
    assert matches(Path("old/drafts/plan.md"), pattern) is meant


def test_patterns_say_what_is_read_and_the_rest_is_named(tmp_path: Path) -> None:
    make(tmp_path, "a.md", "b.txt", "drafts/c.md")
    found = find_files(tmp_path, include=["*.md"], exclude=["drafts"])
    assert [path.name for path in found.files] == ["a.md"]
    assert reasons(found) == {"b.txt": "left out", "c.md": "left out"}


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
