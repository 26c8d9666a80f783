"""Datasets of the Hugging Face hub: what is asked of the library, and what is said where that fails."""

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest

from evaluation.datasets import load_dataset, settle
from evaluation.hub import HubSpec
from pipeline.errors import InputError

ROWS = [
    {
        "id": "1",
        "title": "Cologne",
        "context": "The Rhine flows through Cologne.",
        "question": "Which river flows through Cologne?",
        "answers": {"text": ["Rhine", "the Rhine"], "answer_start": [4, 0]},
    },
    {
        "id": "2",
        "title": "Cologne",
        "context": "The Rhine flows through Cologne.",
        "question": "Who?",
        "answers": {"text": []},
    },
    {"id": "3", "title": "Cologne", "context": "", "question": " ", "answers": {"text": ["x"]}},
]
"""As rajpurkar/squad_v2 has them."""


class Library(ModuleType):
    """The part of `datasets` that is used, with its signatures (5.2.0)."""

    def __init__(self, splits: Sequence[str] = ("train", "validation"), fails: Exception | None = None) -> None:
        super().__init__("datasets")
        self.splits, self.fails = list(splits), fails
        self.loaded: list[tuple[str, str | None, str]] = []

    def disable_progress_bars(self) -> None:
        pass

    def get_dataset_config_names(self, path: str) -> list[str]:
        return ["plain", "other"]

    def get_dataset_split_names(self, path: str, config_name: str | None = None) -> list[str]:
        if self.fails is not None:
            raise self.fails
        return self.splits

    def load_dataset(self, path: str, name: str | None = None, *, split: str) -> Any:
        if split not in self.splits:
            raise ValueError(f'Unknown split "{split}".')
        self.loaded.append((path, name, split))
        return ROWS


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    found = Library()
    monkeypatch.setitem(sys.modules, "datasets", found)
    return found


def test_rows_are_read_as_those_of_a_file(library: Library) -> None:
    found = load_dataset("hf:rajpurkar/squad_v2")
    assert library.loaded == [("rajpurkar/squad_v2", None, "validation")]
    assert found.name == "rajpurkar/squad_v2@validation"
    assert [(each.question_id, each.answers, each.article) for each in found.questions] == [
        ("1", ("Rhine", "the Rhine"), "Cologne"),
        ("2", (), "Cologne"),
    ]
    assert [(each.title, each.text) for each in found.documents] == [("Cologne", "The Rhine flows through Cologne.")]
    [problem] = found.problems
    assert problem.startswith("row 3: ")


@pytest.mark.parametrize(
    ("spec", "loaded"),
    [
        ("hf:squad@train", ("squad", None, "train")),
        ("hf:squad:plain", ("squad", "plain", "validation")),
        ("hf:owner/squad:plain@train", ("owner/squad", "plain", "train")),
    ],
)
def test_a_spec_names_configuration_and_split(library: Library, spec: str, loaded: tuple[str, str | None, str]) -> None:
    load_dataset(spec)
    assert library.loaded == [loaded]
    assert settle(spec) == spec


@pytest.mark.parametrize(
    ("splits", "chosen"), [(["train", "test"], "test"), (["train"], "train"), (["dev", "more"], "dev")]
)
def test_without_a_split_the_one_for_judging_is_read(
    monkeypatch: pytest.MonkeyPatch, splits: list[str], chosen: str
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", library := Library(splits))
    load_dataset("hf:squad")
    assert library.loaded[0][2] == chosen


@pytest.mark.parametrize("spec", ["hf:", "hf:a:b:c", "hf:a@b@c", "hf:@train"])
def test_what_is_no_spec_is_refused(spec: str) -> None:
    with pytest.raises(InputError, match="hf:NAME"):
        HubSpec.parse(spec)


def test_a_missing_library_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match="pip install datasets"):
        load_dataset("hf:squad")


@pytest.mark.parametrize(
    ("fails", "message"),
    [
        (ConnectionError("Couldn't reach it"), "cannot be reached"),
        (FileNotFoundError("no such"), "There is no dataset 'squad'"),
        (RuntimeError("Dataset scripts are no longer supported"), "configurations: plain, other"),
    ],
)
def test_what_goes_wrong_says_what_to_do(monkeypatch: pytest.MonkeyPatch, fails: Exception, message: str) -> None:
    monkeypatch.setitem(sys.modules, "datasets", Library(fails=fails))
    with pytest.raises(InputError, match=message):
        load_dataset("hf:squad")


def test_an_unknown_split_is_told_which_there_are(library: Library) -> None:
    with pytest.raises(InputError, match="Its splits are train, validation"):
        load_dataset("hf:squad:plain@dev")
