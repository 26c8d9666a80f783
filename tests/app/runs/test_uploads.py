"""Datasets that were uploaded."""

from pathlib import Path

import pytest

from app.kit.premises import UPLOADS
from app.runs.uploads import keep_dataset
from pipeline.errors import InputError

GOOD = b"question,answer\nWhy?,Because\n"


def test_dataset_is_kept_under_its_name_alone(tmp_path: Path) -> None:
    path = keep_dataset(tmp_path, "..\\..\\x/q.csv", GOOD)
    assert path.name == "q.csv"
    assert path.parent.parent == tmp_path / UPLOADS
    assert path.read_bytes() == GOOD


def test_refused_dataset_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        keep_dataset(tmp_path, "q.csv", b"nothing,of,use\n")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert list((tmp_path / UPLOADS).iterdir()) == []


def test_refusal_under_another_name_leaves_the_good_one(tmp_path: Path) -> None:
    path = keep_dataset(tmp_path, "q.csv", GOOD)
    with pytest.raises(InputError):
        keep_dataset(tmp_path, "q.json", GOOD)
    assert path.read_bytes() == GOOD
    assert [each.name for each in path.parent.iterdir()] == ["q.csv"]
