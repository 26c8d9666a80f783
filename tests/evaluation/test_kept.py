"""Datasets that are kept in versions."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.curated import DatasetRow
from evaluation.datasets import load_dataset
from evaluation.kept import KeptDatasets
from pipeline.errors import InputError, StoreError

ROW = DatasetRow("a", "Who proposed drift?", ("Wegener",), True)
OPEN = DatasetRow("b", "When?", trace="t1")


@pytest.fixture
def kept(tmp_path: Path) -> KeptDatasets:
    return KeptDatasets(tmp_path / "kept")


def test_every_save_is_a_version_that_can_be_asked_by_name(kept: KeptDatasets) -> None:
    first = kept.save("life", [ROW], "One.")
    second = kept.save("life", [ROW, OPEN], "Two.", after=1)
    assert [(each.spec, each.questions, each.labelled) for each in kept.versions("life")] == [
        ("life@2", 2, 1),
        ("life@1", 1, 1),
    ]
    assert kept.find("life") == second
    assert kept.find("life@1") == first
    assert kept.rows("life@1") == (ROW,)
    dataset = load_dataset(kept.resolve("life@1"))
    assert (dataset.name, dataset.version, dataset.fingerprint) == ("life@1", 1, first.fingerprint)


def test_the_same_rows_again_are_no_new_version(kept: KeptDatasets) -> None:
    assert kept.save("life", [ROW], "One.") == kept.save("life", [ROW], "Again.")


def test_an_edit_of_an_older_version_than_the_newest_is_refused(kept: KeptDatasets) -> None:
    kept.save("life", [ROW], "One.")
    kept.save("life", [ROW, OPEN], "Somebody else's.", after=1)
    with pytest.raises(InputError, match="Version 2 of life was saved since you began with version 1"):
        kept.save("life", [OPEN], "Mine.", after=1)
    assert len(kept.versions("life")) == 2


def test_adding_keeps_what_is_there_and_takes_a_question_once(kept: KeptDatasets) -> None:
    kept.save("life", [ROW], "One.")
    kept.add("life", [DatasetRow("other id", ROW.question, suggestion="x"), OPEN], "More.")
    assert kept.rows("life") == (ROW, OPEN)


@pytest.mark.parametrize("name", ["", "builtin", "../up", "a/b", "a.csv", "a@1", "x" * 61, ".hidden"])
def test_what_is_no_name_is_refused(kept: KeptDatasets, name: str) -> None:
    with pytest.raises(InputError, match="cannot be called"):
        kept.save(name, [ROW], "No.")


def test_what_is_not_there_is_told_with_what_is(kept: KeptDatasets) -> None:
    with pytest.raises(InputError, match="None is kept yet"):
        kept.find("life")
    kept.save("life", [ROW], "One.")
    with pytest.raises(InputError, match="There are: life"):
        kept.resolve("love")
    with pytest.raises(InputError, match="no version '7'; it has 1 to 1"):
        kept.resolve("life@7")


@pytest.mark.parametrize("spec", ["builtin", "hf:some/set", "rows.csv", "folder/rows.jsonl"])
def test_other_datasets_are_named_as_before(kept: KeptDatasets, spec: str) -> None:
    assert kept.resolve(spec) == spec


@pytest.mark.parametrize("dies_at", [0, 1])
def test_a_process_that_dies_while_saving_loses_nothing_that_was_saved(
    kept: KeptDatasets, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    kept.save("life", [ROW], "One.")
    real: Callable[..., None] = os.replace
    calls = []

    def die(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) > dies_at:
            raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            kept.save("life", [ROW, OPEN], "Two.")
    assert [each.spec for each in kept.versions("life")] == ["life@1"]
    assert kept.rows("life") == (ROW,)
    assert kept.save("life", [OPEN], "Two, at last.").number == 2
    assert kept.rows("life@2") == (OPEN,)


def test_a_damaged_index_is_told_and_not_written_over(kept: KeptDatasets) -> None:
    kept.save("life", [ROW], "One.")
    (kept.folder / "life" / "index.json").write_text('[{"name"')
    with pytest.raises(StoreError, match="The versions beside it are whole"):
        kept.save("life", [OPEN], "Two.")


def test_rows_of_deleted_traces_are_taken_out_of_every_version(kept: KeptDatasets) -> None:
    kept.save("life", [ROW, OPEN], "One.")
    kept.save("life", [ROW, OPEN, DatasetRow("c", "Where?", trace="t2")], "Two.")
    assert kept.forget(lambda ids: ids - {"t2"}) == 2
    assert [row.row_id for row in kept.rows("life@1")] == ["a"]
    assert [row.row_id for row in kept.rows("life@2")] == ["a", "c"]
    assert [each.questions for each in kept.versions("life")] == [2, 1]
    assert b"When?" not in b"".join(path.read_bytes() for path in kept.folder.rglob("*") if path.is_file())


def test_a_deleted_dataset_is_gone_with_all_versions(kept: KeptDatasets) -> None:
    kept.save("life", [ROW], "One.")
    assert kept.delete("life") == 1
    assert kept.names() == []
    assert kept.save("life", [ROW], "Anew.").number == 1


def test_the_index_says_what_a_version_is(kept: KeptDatasets) -> None:
    kept.save("life", [ROW, DatasetRow("s", "What is a moraine?", ("a ridge",), True, synthetic=True)], "One.")
    [told] = json.loads((kept.folder / "life" / "index.json").read_text())
    assert (told["number"], told["questions"], told["synthetic"], told["about"]) == (1, 2, 1, "One.")
