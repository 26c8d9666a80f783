"""`raglass dataset`, and `--dataset NAME` of other commands."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from app.services import Services
from app.stability import far
from tests.factories import make_generation, make_trace

Run = Callable[..., Result]


@pytest.fixture
def stored(services: Services) -> Services:
    """Three traces, one of low confidence, one with feedback."""
    for name, confidence in (("First", 0.9), ("Second", 0.2), ("Third", 0.9)):
        generation = make_generation("Sentence 1", confidence=make_generation().confidence)
        services.store.put(
            make_trace(
                trace_id=name.lower(), question=f"{name}?", generation=generation, duration_ms=100.0 * confidence
            )
        )
    services.store.annotate("third", rating=1, note="")
    return services


def test_filtered_traces_are_made_a_dataset_that_is_listed_shown_and_asked(run: Run, stored: Services) -> None:
    made = run("dataset", "make", "life", "--where", "latency_ms > 50", services=stored)
    assert made.stdout == (
        "life@1: 2 questions; 2 traces gave 2 questions. 1 of them has no expected answer yet and will not be asked before it has one.\n"
    )
    assert "Picked from traces: expression latency_ms > 50." in run("dataset", "list", services=stored).stdout
    assert "no expected answer yet" in run("dataset", "show", "life", services=stored).stdout
    asked = run("eval", "run", "--dataset", "life@1", "--json", services=stored)
    assert json.loads(asked.stdout)["about"]["name"] == "life@1"


def test_rated_traces_and_a_bound(run: Run, stored: Services) -> None:
    run("dataset", "make", "up", "--rated", "up", services=stored)
    assert [row.question for row in stored.evaluations.datasets.rows("up")] == ["Third?"]
    run("dataset", "make", "one", "--limit", "1", services=stored)
    assert len(stored.evaluations.datasets.rows("one")) == 1


def test_drifted_traces_are_those_that_are_far(run: Run, stored: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far, "find_far_traces", lambda *_: ["second"])
    run("dataset", "make", "far", "--drifted", "--backend", stored.store.backends()[0], services=stored)
    assert [row.question for row in stored.evaluations.datasets.rows("far")] == ["Second?"]
    monkeypatch.setattr(far, "find_far_traces", lambda *_: [])
    refused = run("dataset", "make", "none", "--drifted", services=stored)
    assert (refused.exit_code, "is far from what was asked before" in refused.stderr) == (2, True)


def test_a_file_goes_in_and_out_and_versions_are_compared(run: Run, services: Services, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("id,question,answer,answerable,notes\na,Who?,Wegener,yes,\nb,When?,,,\nc,,x,,\n")
    taken = run("dataset", "import", "life", str(file), services=services)
    assert "row 4: The question is blank" in taken.stderr
    assert "life@1" in taken.stdout
    run("dataset", "export", "life", str(tmp_path / "out.csv"), services=services)
    edited = (tmp_path / "out.csv").read_text().replace("Wegener", "Wegener|Alfred Wegener")
    (tmp_path / "out.csv").write_text(edited)
    run("dataset", "import", "life", str(tmp_path / "out.csv"), services=services)
    compared = run("dataset", "compare", "life@1", "life@2", services=services).stdout
    assert compared.splitlines() == [
        "0 questions added, 0 removed, 1 changed.",
        "Who?: answers",
        "  - Wegener",
        "  + Wegener|Alfred Wegener",
    ]
    refused = run("dataset", "export", "life", str(tmp_path / "out.csv"), services=services)
    assert (refused.exit_code, "--force" in refused.stderr) == (2, True)


def test_rows_of_deleted_traces_are_forgotten_and_a_dataset_deleted(run: Run, stored: Services) -> None:
    run("dataset", "make", "life", services=stored)
    run("traces", "delete", "--where", "latency_ms < 50", "--yes", services=stored)
    assert run("dataset", "forget", services=stored).stdout == "1 question taken out.\n"
    assert {row.question for row in stored.evaluations.datasets.rows("life")} == {"First?", "Third?"}
    assert run("dataset", "delete", "life", services=stored).stdout == "1 version deleted.\n"
    assert run("dataset", "list", services=stored).stdout.startswith("No dataset is kept yet")


def test_a_name_that_is_none_is_told(run: Run, services: Services) -> None:
    for arguments in (("eval", "run", "--dataset", "love"), ("dataset", "show", "love"), ("dataset", "delete", "love")):
        refused = run(*arguments, services=services)
        assert (refused.exit_code, "There is no dataset 'love'" in refused.stderr) == (2, True)
