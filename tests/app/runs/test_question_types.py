"""Types of questions: what a person decides is kept, holds in every dataset, and may be applied to a run."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from app.runs.question_types import FILE, QuestionTypes, read_decisions
from app.runs.record import TYPES, RunPlan
from app.runs.types_words import changed, count_pages, editable, on_page, types_words
from app.services import Services
from evaluation.datasets import BUILTIN, load_dataset
from evaluation.question_types import label
from pipeline.errors import InputError, StoreError

SURE, UNSURE = "When was the treaty signed?", "What did the committee of the club in Norwich do about the lake?"
OTHER = "Which river did the town in the east get its name from?"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Questions without types: one that is sure, one that is not, and one with a type of its own."""
    path = tmp_path / "mine.csv"
    path.write_text(f"id,question,answer,type\na,{SURE},1648,\nb,{UNSURE},drained it,\nc,{OTHER},Oder,opinion\n")
    return path


@pytest.fixture
def types(tmp_path: Path) -> QuestionTypes:
    return QuestionTypes(lambda: tmp_path)


def test_decisions_are_kept_and_taken_back(types: QuestionTypes, path: Path, tmp_path: Path) -> None:
    dataset = load_dataset(str(path))
    assert [(each.how, each.type) for each in types.of(dataset)] == [
        ("agreed", "DATE"),
        ("unsure", ""),
        ("given", "OPINION"),
    ]
    assert types.decide(dataset, {"b": "process", "a": "FACT"}) == 2
    again = QuestionTypes(lambda: tmp_path)
    assert [each.type for each in again.fill(dataset).questions] == ["FACT", "PROCESS", "OPINION"]
    assert again.decide(dataset, {"b": "PROCESS"}) == 0
    assert again.decide(dataset, {"a": ""}) == 1
    assert [each.how for each in again.of(dataset)] == ["agreed", "edited", "given"]
    assert json.loads((tmp_path / FILE).read_text()) == {UNSURE: "PROCESS"}


def test_a_decision_holds_for_the_same_question_in_another_dataset(types: QuestionTypes, path: Path) -> None:
    types.decide(load_dataset(str(path)), {"b": "PROCESS"})
    other = path.with_name("other.csv")
    other.write_text(f"question,answer\n{UNSURE},it was drained\n")
    assert [each.how for each in types.of(load_dataset(str(other)))] == ["edited"]


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        ({"z": "FACT"}, "no question 'z'"),
        ({"b": "COLOUR"}, "COLOUR"),
        ({"b": "FACT", "c": "FACT"}, "says that question 'c'"),
    ],
)
def test_what_cannot_be_decided_changes_nothing(
    types: QuestionTypes, path: Path, decisions: dict[str, str], message: str
) -> None:
    dataset = load_dataset(str(path))
    with pytest.raises(InputError, match=message):
        types.decide(dataset, decisions)
    assert [each.how for each in types.of(dataset)] == ["agreed", "unsure", "given"]


@pytest.mark.parametrize("damage", ["{", "[1]", '{"Who?": "COLOUR"}', "\x00"])
def test_a_damaged_file_is_said_and_left_as_it_is(
    types: QuestionTypes, path: Path, tmp_path: Path, damage: str
) -> None:
    (tmp_path / FILE).write_text(damage)
    with pytest.raises(StoreError, match="left as it is"):
        types.of(load_dataset(str(path)))
    with pytest.raises(StoreError):
        types.decide(load_dataset(str(path)), {"b": "FACT"})
    assert (tmp_path / FILE).read_text() == damage


def test_a_folder_that_cannot_be_written_is_said(path: Path) -> None:
    types = QuestionTypes(lambda: path.parent / "missing")
    with pytest.raises(StoreError, match="could not be kept"):
        types.decide(load_dataset(str(path)), {"b": "FACT"})


def test_the_built_in_dataset_is_the_same_to_its_older_runs(types: QuestionTypes) -> None:
    dataset = load_dataset(BUILTIN)
    assert types.fill(dataset) == dataset
    assert {each.how for each in types.of(dataset)} == {"given"}


def last_run(services: Services, path: Path) -> str:
    *_, step = services.evaluations.run(RunPlan(str(path), "fake", 5, 30.0))
    return step.run_id


def types_of(services: Services, run_id: str) -> dict[str, str]:
    return {each.question_id: each.type for each in services.evaluations.scores(run_id)}


def test_a_run_counts_by_the_types_and_can_be_counted_anew(services: Services, path: Path) -> None:
    run_id = last_run(services, path)
    evaluations = services.evaluations
    assert types_of(services, run_id) == {"a": "DATE", "b": "", "c": "OPINION"}
    run = evaluations.find(run_id)
    assert run.about[TYPES] == {"given": 1, "agreed": 1, "unsure": 1}
    assert evaluations.leaves_types_open(run)
    evaluations.types.decide(evaluations.dataset_of(run_id), {"b": "PROCESS"})
    assert types_of(services, run_id)["b"] == ""  # until it is asked for
    before = run.version
    assert evaluations.retype(run_id) == 1
    assert types_of(services, run_id) == {"a": "DATE", "b": "PROCESS", "c": "OPINION"}
    assert evaluations.find(run_id).version != before
    assert evaluations.find(run_id).about[TYPES] == {"given": 1, "edited": 1, "agreed": 1}
    assert evaluations.retype(run_id) == 0


def test_deciding_keeps_no_run_from_being_gone_on_with(services: Services, path: Path) -> None:
    run_id = last_run(services, path)
    services.evaluations.types.decide(load_dataset(str(path)), {"a": "FACT"})
    *_, step = services.evaluations.resume(run_id)
    assert step.progress is not None
    assert step.progress.done == 3
    path.write_text(path.read_text().replace("1648", "1649"))
    with pytest.raises(InputError, match="another one"):
        services.evaluations.retype(run_id)


def test_a_run_whose_dataset_says_all_types_leaves_none_open(services: Services, path: Path) -> None:
    path.write_text(f"id,question,answer,type\nc,{OTHER},Oder,opinion\n")
    run = services.evaluations.find(last_run(services, path))
    assert not services.evaluations.leaves_types_open(run)
    assert types_words(run.about[TYPES]) == ""
    assert not services.evaluations.leaves_types_open(replace(run, about={}))  # of a version that knew of none


def test_decisions_are_read_from_a_table() -> None:
    assert read_decisions("ID, Type\na,date\nb,none\n") == {"a": "DATE", "b": ""}
    with pytest.raises(InputError, match="`id` and `type` are needed"):
        read_decisions("name,kind\na,date\n")
    with pytest.raises(InputError, match=r"Nothing was changed. row 3: .*'colour'.*row 4: .*'size'"):
        read_decisions("id,type\na,date\nb,colour\nc,size\n")


def test_a_table_has_pages_and_what_is_changed_in_it_is_a_decision(types: QuestionTypes, path: Path) -> None:
    typed = types.of(load_dataset(str(path)))
    assert [each.question.question_id for each in editable(typed, unsure=True)] == ["b"]
    shown = editable(typed, unsure=False)
    assert [each.question.question_id for each in shown] == ["a", "b"]
    assert changed(shown, ["DATE", None]) == {}
    assert changed(shown, ["FACT", "PROCESS"]) == {"a": "FACT", "b": "PROCESS"}
    assert changed(shown, [None, None]) == {"a": ""}
    many = shown * 150
    assert [count_pages(rows) for rows in ([], shown, many)] == [1, 1, 2]
    assert [len(on_page(many, page)) for page in (1, 2)] == [200, 100]


def test_types_in_a_shell(run: Callable[..., Result], services: Services, path: Path, tmp_path: Path) -> None:
    shown = run("eval", "types", str(path), services=services)
    assert shown.exit_code == 0, shown.stderr
    assert (
        "3 questions of mine.csv. Question types: 1 from the dataset, 1 that rules and classifier agree on, 1 unsure."
        in shown.stdout
    )
    guesses = label(UNSURE)
    assert f"unsure      {guesses.by_rules:<11} {guesses.by_classifier:<11} b " in shown.stdout
    assert SURE not in shown.stdout
    last_run(services, path)
    done = run("eval", "types", str(path), "--set", "b=process", "--run", "LAST", services=services)
    assert (done.exit_code, done.stderr) == (0, "1 answer of the run now counts under another type.\n")
    table = tmp_path / "types.csv"
    table.write_text("id,type\na,FACT\nb,none\n")
    told = json.loads(
        run("eval", "types", str(path), "--from", str(table), "--all", "--json", services=services).stdout
    )
    assert told["counts"] == {"given": 1, "edited": 1, "unsure": 1}
    assert {each["id"]: each["type"] for each in told["questions"]} == {"a": "FACT", "b": None, "c": "OPINION"}
    for arguments, message in (
        (["--set", "b"], "--set ID=TYPE"),
        (["--set", "z=FACT"], "no question 'z'"),
        (["--from", str(tmp_path / "missing.csv")], "cannot be read"),
    ):
        failed = run("eval", "types", str(path), *arguments, services=services)
        assert failed.exit_code != 0
        assert message in failed.stderr
