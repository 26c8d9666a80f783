"""The real `datasets` library on a folder of plain data: what the hub holds, without the hub."""

import json
from pathlib import Path

import pytest

from evaluation.datasets import load_dataset
from pipeline.errors import InputError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("datasets")
    import datasets.config

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "rivers"
    folder.mkdir()
    rows = [
        {
            "id": "1",
            "title": "Cologne",
            "context": "The Rhine flows there.",
            "question": "Which river?",
            "answers": {"text": ["Rhine"]},
        },
        {
            "id": "2",
            "title": "Cologne",
            "context": "The Rhine flows there.",
            "question": "Whose?",
            "answers": {"text": []},
        },
    ]
    (folder / "validation.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_a_folder_is_read_as_the_hub_would_be(folder: Path) -> None:
    found = load_dataset(f"hf:{folder}")
    assert [(each.question_id, each.answers, each.article) for each in found.questions] == [
        ("1", ("Rhine",), "Cologne"),
        ("2", (), "Cologne"),
    ]
    assert load_dataset(f"hf:{folder}@validation").fingerprint == found.fingerprint


def test_what_it_does_not_have_is_said(folder: Path) -> None:
    with pytest.raises(InputError, match="Its splits are validation"):
        load_dataset(f"hf:{folder}@dev")
    with pytest.raises(InputError, match="configurations: default"):
        load_dataset(f"hf:{folder}:other")
    with pytest.raises(InputError, match="There is no dataset"):
        load_dataset(f"hf:{folder / 'missing'}")
