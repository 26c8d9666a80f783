"""`raglass eval` in a shell: results and exit statuses; tests/app/processes has what is left after Ctrl-C and kill −9."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from app.services import Services
from backends.fake import Script, ScriptedBackend
from evaluation.runner import MOST_FAILURES
from pipeline.errors import Throttled
from pipeline.types import Trace
from tests.app.runs.labelled_file import write_questions
from tests.metrics.newer_version import as_if_migrated

Make = Callable[..., Services]
Run = Callable[..., Result]


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Twelve questions, every second of which is answered right."""
    return str(write_questions(tmp_path / "questions.csv", 12))


def test_run_ends_where_a_newer_version_migrates_the_store_under_it(
    run: Run, make_services: Make, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = make_services()
    answered: list[object] = []

    class Backend(ScriptedBackend):
        def answer(self, *given: Any, **named: Any) -> Trace:
            answered.append(super().answer(*given, **named))
            if len(answered) == 3:
                migrated.enter_context(as_if_migrated(services.settings.store_url))
            return answered[-1]

    monkeypatch.setattr(services.backends, "open", lambda *_, **__: Backend())
    with ExitStack() as migrated:
        done = run("eval", "run", "--dataset", path, "--workers", "1", services=services)
    assert done.exit_code == 1
    assert "The run stopped, for an answer could not be stored" in done.stderr
    assert "Stop this Raglass and start the newer version" in done.stderr
    assert len(answered) < 12


@pytest.mark.slow
def test_run_prints_its_results_and_is_shown_again_and_listed(run: Run, services: Services, path: str) -> None:
    done = run("eval", "run", "--dataset", path, services=services)
    estimate = "How long 12 questions will take is not known: fake has answered nothing yet.\n"
    assert (done.exit_code, done.stderr) == (0, estimate)
    assert "finished: 12 of 12 questions of questions.csv\nfake, 5 chunks; started" in done.stdout
    assert "\n  Right                     0.500 [" in done.stdout
    assert "\nPERSON           8  " in done.stdout
    assert run("eval", "show", "LAST", services=services).stdout == done.stdout
    assert run("eval", "show", services=services).stdout == done.stdout
    listed = run("eval", "list", services=services).stdout
    assert "finished      12 of     12   50.0 % right  questions.csv on fake, " in listed


@pytest.mark.slow
def test_results_as_json_are_those_of_the_run(run: Run, services: Services, path: str) -> None:
    arguments = ("--limit", "6", "--seed", "2", "--top-k", "3", "--rerank", "--workers", "2")
    done = run("eval", "run", "--dataset", path, *arguments, "--json", services=services)
    assert done.exit_code == 0
    data = json.loads(done.stdout)
    about = data["about"]
    assert (about["limit"], about["seed"], about["top_k"], about["rerank"], about["workers"]) == (6, 2, 3, True, 2)
    assert [result["name"] for result in data["results"]] == ["all", "DATE", "PERSON"]
    assert sum(result["questions"] for result in data["results"][1:]) == data["results"][0]["questions"] == 6
    assert json.loads(run("eval", "show", data["run_id"][:5], "--json", services=services).stdout) == data
    [listed] = json.loads(run("eval", "list", "--json", services=services).stdout)
    assert (listed["run_id"], listed["status"], listed["answers"]) == (data["run_id"], "finished", 6)


@pytest.mark.slow
def test_failed_questions_leave_with_one_and_resuming_asks_them_again(run: Run, make_services: Make, path: str) -> None:
    script = Script(failures={"generate": Throttled("Slow down.")})
    services = make_services(script)
    few = ("--dataset", path, "--limit", str(MOST_FAILURES - 1))
    done = run("eval", "run", *few, services=services)
    assert done.exit_code == 1
    assert f"{MOST_FAILURES - 1} questions failed, counted as not right" in done.stdout
    script.failures.clear()
    again = run("eval", "resume", "LAST", services=services)
    assert (again.exit_code, again.stderr) == (0, "")
    assert "failed" not in again.stdout


def test_run_that_breaks_leaves_with_one_and_says_why_and_how_to_go_on(
    run: Run, make_services: Make, path: str
) -> None:
    services = make_services(Script(failures={"generate": Throttled("Slow down.")}))
    done = run("eval", "run", "--dataset", path, services=services)
    run_id = services.evaluations.find("LAST").run_id
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.endswith(
        f"raglass: 5 questions in a row failed; the run stopped. Slow down. `raglass eval resume {run_id}` goes on from here.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--dataset", "gone.csv"], "cannot be read"),
        (["run", "--dataset", "gone.txt"], "is no dataset"),
        (["run", "--top-k", "0"], "top_k is 0"),
        (["run", "--limit", "0"], "0 is not in the range"),
        (["run", "--workers", "17"], "17 is not in the range"),
        (["resume", "nonsense"], "There is no run 'nonsense'. `raglass eval list` lists them."),
        (["resume"], "Missing argument"),
        (["show", "nonsense"], "There is no run 'nonsense'"),
        (["show"], "There is no run 'LAST'"),
        (["calibrate", "\x00"], "There is no run"),
        (["calibrate", "LAST", "--method", "guess"], "guess"),
    ],
    ids=lambda value: " ".join(value).replace("\x00", "NUL") if isinstance(value, list) else "",
)
def test_misuse_leaves_with_two_and_says_what_to_do(run: Run, arguments: list[str], message: str) -> None:
    done = run("eval", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_no_run_yet_says_how_to_start_one(run: Run) -> None:
    assert run("eval", "list").stdout == "No run yet. `raglass eval run --dataset builtin` starts one.\n"
    assert json.loads(run("eval", "list", "--json").stdout) == []


@pytest.mark.slow
def test_calibration_is_printed_for_people_and_for_programs(run: Run, services: Services, tmp_path: Path) -> None:
    path = write_questions(tmp_path / "many.csv", 80)
    run("eval", "run", "--dataset", str(path), services=services)
    done = run("eval", "calibrate", services=services)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("Fitted on 40 answers of run ")
    assert "judged on 40 about other articles (fake)" in done.stdout
    data = json.loads(run("eval", "calibrate", "LAST", "--method", "temperature", "--json", services=services).stdout)
    assert (data["recalibration"]["kind"], data["fitted"], data["reported"]) == ("temperature", 40, 40)
    too_few = run("eval", "calibrate", "--method", "isotonic", services=services)
    assert (too_few.exit_code, too_few.stdout) == (2, "")
    assert "At least 200 are needed" in too_few.stderr
