"""The profile of a dataset: its parts, going on, its tables and its command."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from app.lab import profile as profile_module
from app.lab.profile import PARTS, ProfileStudy, profile_now
from app.services import Services
from pipeline.errors import InputError

Make = Callable[..., Services]
Run = Callable[..., Result]

ROWS = """question,type,answer,context,article
Who proposed drift?,PERSON,Alfred Wegener,"Alfred Wegener proposed that continents drift.",Drift
Who proposed drift ?,PERSON,Marie Tharp,"Alfred Wegener proposed that continents drift.",Drift
When did he propose it?,DATE,,"Alfred Wegener proposed that continents drift.",Drift
Where does lava come from?,,a volcano,"Lava comes out of a volcano <b>very</b> hot, and cools to rock within days.",Lava
"""


@pytest.fixture
def dataset(tmp_path: Path) -> str:
    path = tmp_path / "questions.csv"
    path.write_text(ROWS)
    return str(path)


def test_profile_of_a_dataset_with_contexts_has_every_part(services: Services, dataset: str) -> None:
    found = profile_now(services.lab.parts, {"dataset": dataset})
    assert set(found) == {"about", "spent_s", *PARTS}
    assert (found["about"]["questions"], found["about"]["answerable"]) == (4, 3)
    assert (found["about"]["documents"], found["about"]["whose"]) == (2, "dataset")
    assert {each["name"]: each["texts"] for each in found["questions"]["lengths"]} == {"question": 4, "answer": 3}
    assert found["repeats"]["disagreeing"] == 2
    assert {each["name"]: each["exact"] for each in found["repeats"]["kinds"]} == {
        "question": 1,
        "document": 0,
        "chunk": 0,
    }
    read_back = json.loads(json.dumps(found, allow_nan=False))
    assert ProfileStudy().tables(read_back) == ProfileStudy().tables(found)


def test_questions_of_a_corpus_are_held_against_that_corpus(make_services: Make, tmp_path: Path) -> None:
    services = make_services(corpus=True)
    corpus = services.backends.open("fake").corpus  # type: ignore[attr-defined]
    from tests.local.conftest import make_document

    corpus.library.add(make_document("drift", "Alfred Wegener proposed that continents drift."))
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps({"question": "Who proposed drift?", "answer": "Alfred Wegener", "article": "drift"}))
    found = profile_now(services.lab.parts, {"dataset": str(path)})
    assert (found["about"]["documents"], found["about"]["whose"]) == (1, "corpus")
    assert found["overlap"][0]["gold"]["value"] == 1.0


@pytest.mark.slow
def test_a_backend_whose_documents_are_elsewhere_gives_a_profile_of_the_questions(services: Services) -> None:
    found = profile_now(services.lab.parts, {"dataset": "builtin"})
    assert (found["about"]["documents"], found["overlap"]) == (0, [])
    assert [each["what"] for each in found["windows"]] == ["question"]
    assert "kept elsewhere" in ProfileStudy().tables(found)[0].note


def test_tokens_are_estimated_and_said_to_be_where_no_tokenizer_is_at_hand(services: Services, dataset: str) -> None:
    found = profile_now(services.lab.parts, {"dataset": dataset, "top_k": 2})
    assert {each["counted"] for each in found["windows"]} == {False}
    assert {each["what"] for each in found["windows"]} == {
        "question",
        "chunk",
        "whole document",
        "question and 2 chunks",
    }
    [table] = [each for each in ProfileStudy().tables(found) if each.name == "windows"]
    assert "4 characters are taken for a token" in table.note


def test_a_model_with_a_tokenizer_counts_for_itself(services: Services, dataset: str) -> None:
    class Reader:
        name = "reader"
        prompt_window = 9

        def count_prompt(self, question: str, chunks: list[object]) -> list[int]:
            return [len(question.split()) + 3 * len(chunks)]

    class Embedder:
        name = "embedder"
        window = 5

        def count_tokens(self, texts: list[str], kind: str) -> list[int]:
            return [len(text.split()) for text in texts]

    backend = services.backends.open("fake")
    backend.embedder, backend.generator = Embedder(), Reader()  # type: ignore[attr-defined]
    found = {
        each["what"]: each for each in profile_now(services.lab.parts, {"dataset": dataset, "top_k": 2})["windows"]
    }
    assert (found["question"]["most"], found["question"]["beyond"]) == (5, 0.0)
    assert found["chunk"]["beyond"] == 1.0
    assert (found["question and 2 chunks"]["window"], found["question and 2 chunks"]["most"]) == (9, 11)
    assert all(each["counted"] for each in found.values())


def test_a_stopped_profile_goes_on_without_looking_a_second_time(
    services: Services, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, stop = ProfileStudy(), threading.Event()
    plan = study.check(services.lab.parts, {"dataset": dataset})
    known = None
    for step in study.run(services.lab.parts, plan, None, stop):
        known = step.result or known
        if known is not None and "corpus" in known:
            stop.set()
    assert known is not None
    assert set(known) == {"about", "questions", "corpus", "spent_s"}
    assert [table.name for table in study.tables(known)][:2] == ["lengths", "types"]
    made: list[str] = []
    for name in PARTS:

        def make(looked: object, name: str = name) -> object:
            made.append(name)
            return []

        monkeypatch.setitem(profile_module.MAKERS, name, make)  # type: ignore[arg-type]
    list(study.run(services.lab.parts, plan, known, threading.Event()))
    assert made == ["repeats", "overlap", "windows"]


def test_a_dataset_that_changed_since_is_profiled_from_the_start(services: Services, dataset: str) -> None:
    study = ProfileStudy()
    before = profile_now(services.lab.parts, {"dataset": dataset})
    Path(dataset).write_text(ROWS + "Who drew maps?,PERSON,Marie Tharp,Marie Tharp drew maps.,Maps\n")
    plan = study.check(services.lab.parts, {"dataset": dataset})
    last = [step.result for step in study.run(services.lab.parts, plan, before, threading.Event())][-1]
    assert last is not None
    assert last["questions"]["lengths"][0]["texts"] == 5


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"dataset": "missing.csv"}, "missing.csv"),
        ({"dataset": "notes.txt"}, "is no dataset"),
        ({"top_k": 101}, "101 chunks"),
        ({"colour": "red"}, "knows no colour"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(services: Services, plan: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        services.lab.begin("profile", plan)
    assert services.lab.records.newest() == []


def test_command_prints_tables_writes_files_and_keeps_the_study(run: Run, dataset: str, tmp_path: Path) -> None:
    page = tmp_path / "profile.html"
    done = run("lab", "profile", "--dataset", dataset, "--out", str(page))
    assert done.exit_code == 0, done.output
    assert "4 questions: half of the questions have 4 words or fewer" in done.output
    assert "1 question word for word" in done.output
    assert "<b>very" not in page.read_text()
    shown = run("lab", "show")
    assert "4 questions" in shown.output


def test_command_says_what_is_wrong_with_a_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("question,answer\n")
    refused = run("lab", "profile", "--dataset", str(path))
    assert refused.exit_code == 2
    assert "holds no question" in refused.output
