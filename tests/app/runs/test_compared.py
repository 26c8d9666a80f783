"""`raglass eval compare` and `raglass eval gate`: figures for people and programs, a summary for a pull request, exit codes."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from app.runs.compared import ComparedRuns
from app.runs.compared_words import MOST_FLIPS, comparison_text, gate_markdown, markdown_cell
from app.services import Services
from app.shell.compare import compare, gate
from app.views.kit.table import status_cell
from app.views.runs.tables import flip_row
from evaluation.scoring import Scored
from evaluation.verdict import MAX_DROP
from tests.evaluation.labelled import make_scored

Run = Callable[..., Result]
ROOT = Path(__file__).resolve().parents[3]

ABOUT = {
    "dataset": "builtin",
    "name": "builtin",
    "fingerprint": "f00",
    "questions": 60,
    "backend": "local/embedded",
    "top_k": 5,
    "rerank": False,
    "limit": None,
    "seed": 0,
}


def store(services: Services, run_id: str, scores: list[Scored], status: Any = "finished", **about: Any) -> str:
    """A run as the store has it."""
    log = services.store.runs
    log.start(run_id, {**ABOUT, **about})
    for each in scores:
        log.keep(run_id, [(each.question_id, each.trace_id, each.to_dict())])
    log.set_status(run_id, status)
    return run_id


def scored(run: str, wrong: int = 0, questions: int = 60, **overrides: Any) -> list[Scored]:
    """Right answers but for the first `wrong`."""
    return [
        make_scored(
            number,
            **{
                "trace_id": f"{run}-{number}",
                "correct": number >= wrong,
                "answer": "Alfred Wegener" if number >= wrong else "Charles | <b>Darwin</b>",
                "type": "DATE" if number < 2 else "PERSON",
                **overrides,
            },
        )
        for number in range(questions)
    ]


@pytest.fixture
def baseline(services: Services) -> str:
    return store(services, "aaaa0001", scored("a", wrong=1))


@pytest.fixture
def worse(services: Services, baseline: str) -> str:
    return store(services, "bbbb0002", scored("b", wrong=30), top_k=1)


@pytest.fixture
def same(services: Services, baseline: str) -> str:
    return store(services, "cccc0003", scored("c", wrong=1))


def test_comparison_is_printed_with_its_verdict_tests_types_and_flips(
    run: Run, services: Services, baseline: str, worse: str
) -> None:
    done = run("eval", "compare", baseline, worse, services=services)
    assert done.exit_code == 0
    assert done.stdout.startswith(
        "May the newer run take the older one’s place? No.\n"
        "Not safe: 50.0 % of 60 questions right, 98.3 % before (−48.3 points, 95 % interval −"
    )
    assert "Set differently (older / newer): chunks 5 / 1." in done.stdout
    assert "29 questions changed sides: 29 no longer right, 0 now right" in done.stdout
    assert "“Alfred Wegener” (trace a-1)" in done.stdout
    assert "Another answer over the same rank of the first chunk with the right answer, 1." in done.stdout
    assert f"and {29 - MOST_FLIPS} more" in done.stdout
    date = next(line for line in done.stdout.splitlines() if line.startswith("DATE"))
    assert date.endswith("fewer than 5 articles")


def test_runs_may_be_named_by_how_they_begin_and_last(run: Run, services: Services, baseline: str, same: str) -> None:
    done = run("eval", "compare", "aaaa", "LAST", services=services)
    assert done.exit_code == 0
    assert "Safe to ship" in done.stdout
    assert "Both runs gave the same answer to every question; they are so few that on" in done.stdout
    assert "No question changed sides." in done.stdout


def test_comparison_for_programs_holds_every_flip(run: Run, services: Services, baseline: str, worse: str) -> None:
    found = json.loads(run("eval", "compare", baseline, worse, "--json", services=services).stdout)
    assert (found["first"]["run_id"], found["second"]["run_id"]) == (baseline, worse)
    assert found["settings"] == [{"name": "chunks", "first": 5, "second": 1}]
    assert found["verdict"]["outcome"] == "not safe"
    assert (found["blocks"], found["regressions"]) == (True, ["correct"])
    assert len(found["flips"]) == 29
    assert found["flips"][0]["second"]["trace_id"] == "b-1"


def test_gate_lets_a_run_like_the_baseline_pass(run: Run, services: Services, baseline: str, same: str) -> None:
    done = run("eval", "gate", "--baseline", baseline, services=services)
    assert done.exit_code == 0
    assert done.stdout.startswith("### Evaluation gate: passed\n\nSafe to ship")


def test_gate_leaves_with_1_on_a_regression_and_writes_its_summary(
    run: Run, services: Services, baseline: str, worse: str, tmp_path: Path
) -> None:
    file = tmp_path / "summary.md"
    done = run("eval", "gate", "--baseline", baseline, "--run", worse, "--markdown", str(file), services=services)
    assert done.exit_code == 1
    assert done.stdout.startswith("### Evaluation gate: failed\n\nNot safe")
    assert file.read_text(encoding="utf-8") in done.stdout


def test_gate_passes_what_cannot_be_told_and_says_so(run: Run, services: Services, baseline: str) -> None:
    store(services, "dddd0004", scored("d", wrong=3))
    done = run("eval", "gate", "--baseline", baseline, services=services)
    assert done.exit_code == 0
    assert "Cannot be told" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["compare", "aaaa0001", "ffff"], "There is no run 'ffff'."),
        (["gate", "--baseline", "ffff"], "There is no run 'ffff'."),
        (["compare", "aaaa0001", "LAST"], "cannot be held against itself"),
        (["gate", "--baseline", "aaaa0001", "--max-drop", "1.5"], "1.5 is not in the range"),
        (["gate"], "Missing option '--baseline'"),
    ],
)
def test_misuse_leaves_with_2_and_says_what_is_wrong(
    run: Run, services: Services, baseline: str, arguments: list[str], complaint: str
) -> None:
    done = run("eval", *arguments, services=services)
    assert done.exit_code == 2
    assert complaint in done.stderr


def test_run_without_answers_and_runs_without_a_shared_question_are_refused(
    run: Run, services: Services, baseline: str
) -> None:
    store(services, "eeee0005", [], status="running")
    done = run("eval", "compare", baseline, "eeee", services=services)
    assert (done.exit_code, "has no answers yet" in done.stderr) == (2, True)
    store(services, "eeee0006", [make_scored(1000)])
    done = run("eval", "compare", baseline, "eeee0006", services=services)
    assert (done.exit_code, "share no question" in done.stderr) == (2, True)


def test_summary_that_cannot_be_written_is_said(
    run: Run, services: Services, baseline: str, same: str, tmp_path: Path
) -> None:
    file = tmp_path / "none" / "summary.md"
    done = run("eval", "gate", "--baseline", baseline, "--markdown", str(file), services=services)
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr


def test_what_is_left_out_or_half_done_is_said(services: Services, baseline: str) -> None:
    second = scored("s", questions=50)
    second[0] = replace(second[0], question="Reworded?")
    second[1] = replace(second[1], failed=True, correct=False, problem="Out of time.")
    second[2] = replace(second[2], answerable=False)
    store(services, "abcd0007", second, status="stopped", fingerprint="bar")
    found = services.evaluations.compare(baseline, "abcd0007")
    assert found.notes == [
        "Run abcd0007 is stopped, with 50 of 60 questions answered.",
        "49 questions are compared; 10 that only the older run has and 0 that only the newer one has are left out.",
        "1 question left out, for the same id has another text.",
        "1 question answerable by the labels of one run alone.",
        "Failed, which counts as not right: 0 questions of the older run, 1 of the newer one.",
    ]
    assert found.settings == [("questions", "f00", "bar")]
    assert "It failed now: Out of time." in comparison_text(found)


def compared(services: Services, baseline: str, worse: str) -> ComparedRuns:
    return services.evaluations.compare(baseline, worse)


def test_no_text_of_a_dataset_or_a_model_is_markup_in_a_pull_request(
    services: Services, baseline: str, worse: str
) -> None:
    text = gate_markdown(compared(services, baseline, worse))
    assert "Charles \\| &lt;b&gt;Darwin&lt;/b&gt;" in text
    assert "<b>" not in text
    rows = [line for line in text.splitlines() if line.startswith("| now wrong")]
    assert len(rows) == MOST_FLIPS
    assert {row.replace("\\|", "").count("|") for row in rows} == {6}


def test_measures_are_called_as_on_pages_and_types_as_the_dataset_calls_them(services: Services, baseline: str) -> None:
    both = (
        [replace(each, type=("recall", "WHEN")[place % 2]) for place, each in enumerate(scored(run_id, wrong))]
        for run_id, wrong in (("e", 1), ("f", 30))
    )
    first, second = (store(services, f"{each[0].trace_id[0] * 4}0006", each) for each in both)
    found = compared(services, first, second)
    text, table = comparison_text(found), gate_markdown(found)
    assert "Significantly worse: Right (" in text
    names = [line[:25].strip() for line in text.splitlines()]
    assert {"Right", "Expected in answer", "Abstained, rightly or not"} <= set(names)
    assert "| Expected in answer |" in table
    assert "| gold in answer |" not in table
    assert "| recall |" in table
    assert any(line.startswith("recall  ") for line in text.splitlines())


def test_a_question_that_is_abstained_from_now_is_not_called_wrong(services: Services, baseline: str) -> None:
    silent = [each if each.correct else replace(each, abstained=True) for each in scored("e", wrong=30)]
    found = compared(services, baseline, store(services, "eeee0005", silent))
    assert "29 questions changed sides: 29 no longer right, 0 now right" in comparison_text(found)
    assert "now abstained wrongly" in gate_markdown(found)
    assert "now wrong" not in gate_markdown(found)
    assert "\N{NO-BREAK SPACE}" not in comparison_text(found) + gate_markdown(
        found
    )  # what is taken away has plain spaces
    assert flip_row(found.comparison.flips[0]).cells["now"] == status_cell("abstained wrongly", "warn")


def test_markdown_of_a_text_reads_as_the_text() -> None:
    assert markdown_cell("a_b *c* [d](e)\n# `f` @octocat a@1") == (
        "a\\_b \\*c\\* \\[d\\](e) \\# \\`f\\` @<!-- -->octocat a@<!-- -->1"
    )


def test_drop_put_up_with_in_the_shell_is_the_librarys() -> None:
    for command in (compare, gate):
        assert next(each for each in command.params if each.name == "max_drop").default == MAX_DROP


def test_example_workflow_calls_commands_that_are_there_and_pins_what_ci_pins() -> None:
    example = (ROOT / "docs/examples/eval-gate.yml").read_text(encoding="utf-8")
    (called,) = re.findall(r"raglass eval gate ((?:.|\n)*)$", example)
    assert set(re.findall(r"(?<= )--[a-z-]+(?= \S)", called)) - {"--raw-output"} <= {
        option for each in gate.params for option in each.opts
    }
    pinned = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert all(line in pinned for line in re.findall(r"uses: .+", example))


def test_three_runs_are_held_against_each_other_with_the_oldest_as_the_baseline(
    run: Run, services: Services, baseline: str, worse: str, same: str
) -> None:
    done = run("eval", "compare", worse, same, baseline, services=services)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith("C may take A’s place; B may not take A’s place. A is the oldest, builtin on")
    assert "  C of A  yes: 0.0 points [−6.0, +6.0]" in lines
    assert any(line.startswith("  B of A  no: −48.3 points [") and "p " in line for line in lines)
    assert "The runs part on 29 of 60 questions." in lines
    assert "  B wrong             “Charles | <b>Darwin</b>”" in lines
    found = json.loads(run("eval", "compare", baseline, worse, same, "--json", services=services).stdout)
    assert [each["run_id"] for each in found["runs"]] == [baseline, worse, same]
    assert (baseline, worse, "not safe") in {
        (each["before"], each["after"], each["verdict"]["outcome"]) for each in found["pairs"]
    }
    assert len(found["parted"]) == 29


@pytest.mark.parametrize("more", [(), ("aaaa0001", "aaaa0001"), ("x",) * 5])
def test_one_run_one_named_twice_and_too_many_are_refused(
    run: Run, services: Services, baseline: str, more: tuple[str, ...]
) -> None:
    done = run("eval", "compare", baseline, *more, services=services)
    assert (done.exit_code, done.stdout) == (2, "")


def test_runs_are_named_noted_tagged_and_listed_by_tag(run: Run, services: Services, baseline: str, same: str) -> None:
    assert " A better index" in run("eval", "name", "LAST", "A better index", services=services).stdout
    run("eval", "note", same, "Twice the chunks.", services=services)
    assert run("eval", "tag", same, "new", "mine", services=services).stdout.rstrip().endswith("index #new #mine")
    listed = run("eval", "list", "--tag", "new", services=services).stdout
    assert listed.startswith(same)
    assert baseline not in listed
    [found] = json.loads(run("eval", "list", "--tag", "new", "--json", services=services).stdout)
    assert (found["name"], found["about"]["note"]) == ("A better index", "Twice the chunks.")
    assert run("eval", "name", "nowhere", "x", services=services).exit_code == 2
