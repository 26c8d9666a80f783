"""`raglass prompt`, and `--prompt` of other commands."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from app.services import Services
from backends.fake import Script
from pipeline.prompts import DEFAULT, PromptTemplate
from tests.app.runs.labelled_file import write_questions

Run = Callable[..., Result]
TEXT = "{context}\n\nShort: {question}"
SHORT = PromptTemplate("short", TEXT)


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services(Script(prompt=DEFAULT))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text(TEXT + "\n")
    return path


def test_prompt_is_saved_listed_shown_and_deleted(run: Run, services: Services, file: Path) -> None:
    assert "No prompt is saved" in run("prompt", "list", services=services).stdout
    saved = run("prompt", "save", "short", str(file), services=services)
    assert saved.stdout == f"{SHORT.version} is version 1 of short.\n"
    listed = run("prompt", "list", services=services).stdout
    assert SHORT.version in listed
    assert "Short: {question}" in listed
    [told] = json.loads(run("prompt", "list", "--json", services=services).stdout)
    assert (told["name"], told["number"], told["text"]) == ("short", 1, TEXT)
    assert run("prompt", "show", "short", services=services).stdout == f"{TEXT}\n"
    assert run("prompt", "show", "default", services=services).stdout == f"{DEFAULT.text}\n"
    assert json.loads(run("prompt", "show", SHORT.version, "--json", services=services).stdout)["text"] == TEXT
    assert run("prompt", "delete", "short", services=services).stdout == "1 version deleted.\n"
    again = run("prompt", "delete", "short", services=services)
    assert (again.exit_code, "no prompt 'short' to delete" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    ("name", "text", "said"), [("p", "no place", "lacks {question}"), ("a b", TEXT, "called 'a b'")]
)
def test_what_is_no_prompt_is_refused(
    run: Run, services: Services, file: Path, name: str, text: str, said: str
) -> None:
    file.write_text(text)
    refused = run("prompt", "save", name, str(file), services=services)
    assert (refused.exit_code, said in refused.stderr) == (2, True)
    assert not services.store.prompts.all()


@pytest.mark.parametrize("by", ["name", "version", "file"])
def test_question_is_asked_with_a_prompt(run: Run, services: Services, file: Path, by: str) -> None:
    services.store.prompts.save(SHORT)
    word = {"name": "short", "version": SHORT.version, "file": str(file)}[by]
    asked = run("ask", "Who?", "--prompt", word, "--json", services=services)
    assert asked.exit_code == 0, asked.output
    trace = json.loads(asked.stdout)
    assert trace["settings"]["prompt_text"] == TEXT
    assert trace["generation"]["prompt"].endswith("Short: Who?")


def test_unknown_prompt_is_refused_with_those_that_there_are(run: Run, services: Services) -> None:
    services.store.prompts.save(SHORT)
    refused = run("ask", "Who?", "--prompt", "long", services=services)
    assert refused.exit_code == 2
    assert "no prompt 'long'. Saved are: short" in refused.stderr


def test_generator_that_reads_no_prompt_refuses_one(run: Run, make_services: Callable[..., Services]) -> None:
    refused = run("ask", "Who?", "--prompt", "default", services=make_services())
    assert (refused.exit_code, "reads no prompt" in refused.stderr) == (2, True)


@pytest.mark.slow
def test_run_is_asked_with_a_prompt_and_says_so(run: Run, services: Services, tmp_path: Path) -> None:
    services.store.prompts.save(SHORT)
    questions = str(write_questions(tmp_path / "questions.csv", 12))
    done = run("eval", "run", "--dataset", questions, "--prompt", "short", services=services)
    assert done.exit_code == 0, done.output
    assert f"prompt {SHORT.version}" in done.output
    assert services.evaluations.find("LAST").about["prompt_text"] == TEXT
