"""`raglass backend`, and asking an endpoint and a function in a process of its own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.shell.shells import shell, shell_here
from tests.backends.application import ANSWER, ENDPOINTS, KEY, Application, serving_application

FUNCTION = "def answer(question, top_k):\n    return {'answer': question.upper(), 'chunks': ['a text']}\n"


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    with serving_application() as running:
        yield running


@pytest.fixture
def environ(application: Application, tmp_path: Path) -> dict[str, str]:
    application.config(tmp_path)
    (tmp_path / "shouting_rag.py").write_text(FUNCTION)
    return {
        "RAGLASS_DATA_DIR": str(tmp_path / "data"),
        "RAGLASS_BACKENDS_FILE": str(tmp_path / "backends.toml"),
        "APPLICATION_KEY": KEY,
        "PYTHONPATH": str(tmp_path),
    }


def test_trying_a_file_shows_what_each_endpoint_made_of_its_reply(environ: dict[str, str]) -> None:
    done = shell_here("backend", "try", environ["RAGLASS_BACKENDS_FILE"], "--question", "Who?", **environ)
    assert done.exit_code == 0, done.stderr
    assert "http/told at 127.0.0.1" in done.stdout
    assert "http/streamed at 127.0.0.1" in done.stdout
    assert done.stdout.count(f"Answer: {ANSWER}") == 2
    assert "no error, as it should be" in done.stdout


def test_trying_a_wrong_expression_shows_the_nearest_key(environ: dict[str, str], application: Application) -> None:
    path = Path(environ["RAGLASS_BACKENDS_FILE"])
    application.config(path.parent, ENDPOINTS.replace('answer = "said"', 'answer = "sayd"'))
    done = shell_here("backend", "try", "told", "--question", "Who?", **environ)
    assert done.exit_code == 1
    assert "sayd: nothing there; the nearest key is said" in done.stdout


def test_trying_something_unknown_names_what_there_is(environ: dict[str, str]) -> None:
    done = shell_here("backend", "try", "nothing", "--question", "Who?", **environ)
    assert done.exit_code == 1
    assert "http/told, http/streamed" in done.stderr


def test_list_masks_what_headers_hold(environ: dict[str, str]) -> None:
    done = shell_here("backend", "list", **environ)
    assert "http/told: POST 127.0.0.1" in done.stdout
    assert "Authorization: ********" in done.stdout
    assert KEY not in done.stdout
    assert (
        shell_here("backend", "list", **{**environ, "APPLICATION_KEY": ""}).stdout.count("needs APPLICATION_KEY") == 1
    )


@pytest.mark.slow
def test_an_endpoint_is_asked_and_a_function_is(environ: dict[str, str]) -> None:
    told = json.loads(shell("ask", "Who?", "--backend", "http/told", "--json", **environ).stdout)
    assert (told["backend"], told["generation"]["answer"]) == ("http/told", ANSWER)
    shouted = shell("ask", "Who?", "--backend", "shouting_rag:answer", **environ)
    assert shouted.stdout.startswith("WHO?")
    assert "Documents (their application's scores)" in shouted.stdout


@pytest.mark.slow
def test_a_run_over_an_endpoint_is_finished(environ: dict[str, str]) -> None:
    done = shell_here("eval", "run", "--backend", "http/told", "--limit", "8", "--workers", "4", "--json", **environ)
    assert done.exit_code == 0, done.stderr
    [run] = json.loads(shell_here("eval", "list", "--json", **environ).stdout)
    assert (run["status"], run["answers"]) == ("finished", 8)
