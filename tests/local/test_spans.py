"""The span reader as it ships, and its input."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from backends.local.spans.input import MAX_QUESTION_CHARS, MAX_TOKENS, encode_pair
from backends.local.spans.model import CARD, FOLDER, TOKENIZER, WEIGHTS, Marks, SpanModel
from backends.local.spans.remembered import RememberedMarks
from pipeline.deadline import Deadline
from pipeline.errors import Timeout, Unavailable
from pipeline.types import Chunk

TEXT = (
    "The Mona Lisa hangs in the Louvre. Leonardo da Vinci painted it in Florence. Vincenzo Peruggia stole it in 1911."
)


def make_chunk(text: str, title: str = "The Mona Lisa", rank: int = 1) -> Chunk:
    return Chunk(f"c{rank}", "d", title, text, 0.8, rank)


@pytest.fixture(scope="module")
def model() -> SpanModel:
    return SpanModel(threads=1)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Who painted the Mona Lisa?", "Leonardo da Vinci"),
        ("When was the Mona Lisa stolen?", "1911"),
        ("Who stole the Mona Lisa?", "Vincenzo Peruggia"),
    ],
)
def test_words_that_answer_are_found(model: SpanModel, question: str, answer: str) -> None:
    [marks] = model.read(question, [make_chunk(TEXT)])
    place = marks.best_within(0, len(TEXT))
    assert place is not None
    assert TEXT[slice(*place)] == answer


def test_question_that_the_chunk_does_not_answer_has_no_words(model: SpanModel) -> None:
    [marks] = model.read("How many people live in Iceland?", [make_chunk(TEXT)])
    assert marks.best_within(0, len(TEXT)) is None


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Why?" * 500, "Bees dance. " * 100),
        ("Who?", "x" * 5_000),
        ("", ""),
        ("מי צייר?", "לאונרדו צייר את המונה ליזה."),
        ("谁画的?", "列奥纳多·达·芬奇画了蒙娜丽莎。"),
        ("\ud800?", "a\0b \ud800 c"),
    ],
    ids=["long question", "one long word", "empty", "right to left", "chinese", "no text"],
)
def test_any_question_and_chunk_can_be_read(model: SpanModel, question: str, text: str) -> None:
    [marks] = model.read(question, [make_chunk(text)])
    assert np.isfinite(marks.starts).all()
    assert ((marks.offsets >= 0) & (marks.offsets <= len(text))).all()


def test_chunk_keeps_its_room_beside_a_long_question(model: SpanModel) -> None:
    pair = encode_pair(model._tokenizer, "why " * 600, "T", "bees " * 600)
    assert len(pair.ids) == MAX_TOKENS
    assert sum(kind == 0 for kind in pair.type_ids) <= MAX_QUESTION_CHARS // 4 + 2


def test_tokens_are_counted_past_what_is_read(model: SpanModel) -> None:
    short, long = make_chunk("He painted it in 1503."), make_chunk("paint " * 900)
    pair = encode_pair(model._tokenizer, "Who painted it?", short.heading, short.text)
    counted = model.count_prompt("Who painted it?", [short, long])
    assert counted[0] == len(pair.ids) < model.prompt_window == MAX_TOKENS
    assert counted[1] > 900
    assert len(encode_pair(model._tokenizer, "Who painted it?", long.heading, long.text).ids) == MAX_TOKENS


@pytest.mark.slow
def test_fifty_chunks_are_read_as_each_alone(model: SpanModel) -> None:
    chunks = [make_chunk(f"Bee {n} dances. It is {n} days old.", rank=n) for n in range(1, 51)]
    together = model.read("How old is bee 7?", chunks)
    [alone] = model.read("How old is bee 7?", chunks[6:7])
    assert len(together) == 50
    np.testing.assert_array_equal(together[6].starts, alone.starts)


def test_offsets_count_from_the_chunks_first_letter(model: SpanModel) -> None:
    [with_title], [without] = (model.read("Who?", [make_chunk(TEXT, title)]) for title in ("A long title", ""))
    np.testing.assert_array_equal(with_title.offsets, without.offsets)
    assert TEXT[slice(*with_title.offsets[0])] == "The"


def test_passed_deadline_stops_the_reading(model: SpanModel) -> None:
    with pytest.raises(Timeout):
        model.read("Who?", [make_chunk(TEXT)], deadline=Deadline(0))


@pytest.mark.parametrize("name", [WEIGHTS, TOKENIZER, CARD])
@pytest.mark.parametrize("damage", ["missing", "cut short", "foreign"])
def test_damaged_or_foreign_files_are_refused_with_what_to_do(name: str, damage: str, tmp_path: Path) -> None:
    for path in FOLDER.iterdir():
        if path.name != name:
            (tmp_path / path.name).symlink_to(path)
        elif damage == "cut short":
            (tmp_path / name).write_bytes(path.read_bytes()[:1_000])
        elif damage == "foreign":
            (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(Unavailable, match="Install Raglass again"):
        SpanModel(tmp_path)


def test_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(Unavailable, match="onnxruntime cannot be loaded"):
        SpanModel()


def test_card_names_base_data_and_licences() -> None:
    card = json.loads((FOLDER / CARD).read_text(encoding="utf-8"))
    assert set(card["training"]["taken"]) == set(card["licences"])
    assert set(card["training"]["taken"]) <= set(card["training"]["sources"])
    assert card["base"]["licence"] == "Apache-2.0"
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 36e6


def test_the_readme_has_figures_with_their_command_and_limits() -> None:
    _, *parts = (FOLDER / "README.md").read_text(encoding="utf-8").split("\n## ")
    told = {heading: " ".join(text.split()) for heading, _, text in (part.partition("\n") for part in parts)}
    assert "`python -m benchmarks.bench_quality --builtin`" in told["How good"]
    for figure in ("best sentence", "span F1", "AUROC", "right", "ECE"):
        assert re.search(rf"\| {figure}[^|]*\| 0\.\d{{3}}\b", told["How good"]), figure
    for limit in ("English", "up to 30 tokens", "documents of yours"):
        assert limit in told["Limits"], limit


def test_weights_travel_as_plain_arrays() -> None:
    with np.load(FOLDER / WEIGHTS, allow_pickle=False) as arrays:
        assert "layer.11.outer.matrix" in arrays.files


@pytest.mark.slow
def test_copied_folder_is_as_good(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "model")
    assert SpanModel(tmp_path / "model", threads=1).fingerprint == SpanModel(threads=1).fingerprint


def make_marks(starts: list[float], ends: list[float]) -> Marks:
    offsets = np.array([(4 * n, 4 * n + 3) for n in range(len(starts))], np.intp)
    return Marks(offsets, np.array(starts, np.float32), np.array(ends, np.float32))


def test_likeliest_words_end_where_or_after_they_begin() -> None:
    # End before start would sum to 8 + 9; the best that may be is 8 + 1.
    marks = make_marks([-5, -5, 8, -5], [9, -5, -5, 1])
    assert marks.best_within(0, 16) == (8, 15)


def test_likeliest_words_stay_within_the_part_that_is_asked_for() -> None:
    marks = make_marks([8, -1, 2, -5], [8, -1, -5, 1])
    assert marks.best_within(4, 16) == (8, 15)
    assert marks.best_within(4, 7) is None
    assert marks.best_within(100, 120) is None


def test_marks_are_kept_and_made_once_for_equal_chunks() -> None:
    asked: list[str] = []

    class Counting:
        name, fingerprint = "counting", "1"

        def read(self, question: str, chunks: list[Chunk], *, deadline: Deadline | None = None) -> list[Marks]:
            asked.extend(chunk.text for chunk in chunks)
            return [make_marks([float(len(chunk.text))], [0.0]) for chunk in chunks]

    kept = RememberedMarks(Counting(), kept=2)  # type: ignore[arg-type]
    chunks = [make_chunk("a", rank=1), make_chunk("bb", rank=2), make_chunk("a", rank=3)]
    assert [marks.starts[0] for marks in kept.read("q", chunks)] == [1, 2, 1]
    kept.read("q", chunks[:1])
    kept.read("q", [make_chunk("ccc")])
    kept.read("q", chunks[1:2])
    assert asked == ["a", "bb", "ccc", "bb"]


@pytest.mark.slow
def test_a_question_whose_letters_are_several_tokens_each_leaves_the_chunk_room(model: SpanModel) -> None:
    pair = encode_pair(model._tokenizer, '욥"\x7f' * 100, "T", "bees " * 600)
    assert len(pair.ids) <= MAX_TOKENS
    assert pair.type_ids.count(1) > 50
