"""Where studies work."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.lab.workplace import check_names, config_over, drawn, find_gold
from app.services import Services
from evaluation.datasets import Dataset, LabelledQuestion, load_dataset
from pipeline.errors import InputError
from pipeline.types import Chunk

Make = Callable[..., Services]


def test_two_studies_have_folders_of_their_own_and_what_a_killed_one_left_is_removed(lab_services: Make) -> None:
    parts = lab_services().lab.parts
    left = parts.settings.data_dir / "lab" / "work" / "left"
    left.mkdir(parents=True)
    (left / "vectors.faiss").write_text("half")
    nothing = Dataset("none", ())
    with config_over(parts, nothing, chunking="page:800:0") as one, config_over(parts, nothing) as other:
        assert not left.exists()
        assert one.index_dir is not None
        assert other.index_dir is not None
        assert one.index_dir != other.index_dir
        assert one.index_dir.is_dir()
        assert (one.chunking, one.data_dir) == ("page:800:0", parts.settings.data_dir)
    assert not one.index_dir.exists()
    assert not other.index_dir.exists()


def test_a_datasets_own_documents_are_taken_instead_of_the_users(lab_services: Make, questions: Path) -> None:
    parts = lab_services().lab.parts
    dataset = load_dataset(str(questions))
    with config_over(parts, dataset) as config:
        assert config.data_dir == parts.settings.data_dir / "datasets" / dataset.documents_fingerprint
        assert not config.builtin_corpus


def test_gold_chunks_are_of_the_named_article_and_hold_the_answer() -> None:
    def chunk(title: str, text: str) -> Chunk:
        return Chunk(text, title, title, text, 0.0, 0)

    chunks = [chunk("Alpha", "It is Paris."), chunk("Beta", "It is Paris."), chunk("Alpha", "It is Rome.")]
    asked = [
        LabelledQuestion("1", "Where?", ("Paris",), "Alpha"),
        LabelledQuestion("2", "Where?", ("Paris",)),
        LabelledQuestion("3", "Where?", (), "Alpha"),
        LabelledQuestion("4", "Where?", ("Paris",), "Gamma"),
    ]
    assert find_gold(asked, chunks) == [[0], [0, 1], [], []]


def test_the_same_ones_are_drawn_for_the_same_number() -> None:
    assert drawn(range(100), 5) == drawn(range(100), 5)
    assert len(set(drawn(range(100), 5))) == 5
    assert drawn([1, 2], 5) == [1, 2]


def test_names_are_taken_once_and_blank_ones_refused() -> None:
    assert check_names([" a", "b", "a"], "one") == ["a", "b"]
    with pytest.raises(InputError, match="Name one; none is named"):
        check_names([], "one")
