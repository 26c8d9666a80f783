"""What a visitor of a page may name on the server."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from app.config import Settings
from app.kit.premises import UPLOADS, Premises
from pipeline.errors import InputError


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A folder that the operator listed, with a file in it, beside one that is not listed."""
    (tmp_path / "listed").mkdir()
    (tmp_path / "listed" / "a.csv").write_text("question,answer\n", "utf-8")
    (tmp_path / "secret.csv").write_text("question,answer\n", "utf-8")
    return tmp_path / "listed"


def premises(tmp_path: Path, listed: object = "", **changes: object) -> Premises:
    settings = replace(Settings(), data_dir=tmp_path / "data", allowed_folders=str(listed), **changes)  # type: ignore[arg-type]
    return Premises(settings)


@pytest.mark.parametrize(
    "place", ["/etc/passwd", "/etc", "~", "~root", "../..", "/dev/stdin", "/nowhere", "a\0b", "/proc/self/environ"]
)
def test_without_a_list_no_place_may_be_named_whether_it_is_there_or_not(tmp_path: Path, place: str) -> None:
    with pytest.raises(InputError, match="a page may not name"):
        premises(tmp_path).check_path(place)


def test_files_of_a_listed_folder_may_be_named_and_nothing_beside_it(tmp_path: Path, listed: Path) -> None:
    kept = premises(tmp_path, listed)
    assert kept.check_path(f" {listed}/a.csv ") == (listed / "a.csv").resolve()
    for place in (f"{listed}/../secret.csv", f"{listed}2", str(tmp_path)):
        with pytest.raises(InputError, match="RAGLASS_ALLOWED_FOLDERS"):
            kept.check_path(place)
    with pytest.raises(InputError, match="There is no file or folder"):
        kept.check_path(f"{listed}/missing.csv")


def test_link_that_leads_out_of_a_listed_folder_is_refused(tmp_path: Path, listed: Path) -> None:
    (listed / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(InputError, match="a page may not name"):
        premises(tmp_path, listed).check_path(str(listed / "link.csv"))


def test_pipe_in_a_listed_folder_is_not_opened(tmp_path: Path, listed: Path) -> None:
    os.mkfifo(listed / "pipe.csv")
    with pytest.raises(InputError, match="There is no file or folder"):
        premises(tmp_path, listed).check_path(str(listed / "pipe.csv"))


def test_several_folders_are_listed(tmp_path: Path, listed: Path) -> None:
    (tmp_path / "other").mkdir()
    both = os.pathsep.join((str(listed), str(tmp_path / "other")))
    assert premises(tmp_path, both).check_path(str(tmp_path / "other")).name == "other"


@pytest.mark.parametrize(
    "name",
    [
        "builtin",
        "rajpurkar/squad_v2@validation",
        "hf:rajpurkar/squad_v2",
        "heading:800:0",
        "1/2",
        "google/flan-t5-base",
        "usual",
        "",
        "openai:m",
    ],
)
def test_names_that_are_no_places_may_be_said(tmp_path: Path, name: str) -> None:
    premises(tmp_path).check_name(name)


@pytest.mark.parametrize(
    "name", ["hf:/etc", "hf:~/data", "hf:../x", "/models/e5", "..\\x", "C:\\models", "tests/factories.py", "hf:tests"]
)
def test_names_that_would_be_taken_for_places_may_not(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="a page may not name"):
        premises(tmp_path).check_name(name)


def test_uploads_and_what_the_operator_set_may_be_named_again(tmp_path: Path) -> None:
    upload = tmp_path / "data" / UPLOADS / "0123" / "a.csv"
    upload.parent.mkdir(parents=True)
    upload.write_text("", "utf-8")
    kept = premises(tmp_path, embedder="/models/e5", generator="openai:m@https://llm.internal/v1")
    kept.check_name(str(upload))
    kept.check_name("/models/e5")
    kept.check_name("openai:other@https://llm.internal/v1/")


def test_visitor_names_no_server_so_that_the_key_goes_nowhere_else(tmp_path: Path) -> None:
    kept = premises(tmp_path, generator="openai:m@https://llm.internal/v1")
    for word in ("openai:m@https://evil.example/v1", "openai-completion:m@http://127.0.0.1:80"):
        for written in (word, f" {word}", f"\t{word}\n"):  # studies take blanks away
            with pytest.raises(InputError, match="names a server"):
                kept.check_name(written)


def test_plan_is_looked_through_however_deep_but_for_its_texts(tmp_path: Path) -> None:
    kept = premises(tmp_path)
    kept.check_plan(
        {"dataset": "builtin", "factors": {"top_k": [1, 3]}, "prompts": {"p@1": "/ is a slash"}, "limit": None}
    )
    for plan in (
        {"dataset": "/etc/passwd"},
        {"factors": {"prompt": ["usual", "~/.ssh/id_rsa"]}},
        {"embedders": ["hf:/x"]},
    ):
        with pytest.raises(InputError, match="a page may not name"):
            kept.check_plan(plan)
