"""The factorial from its plan to its tables, over models that cost nothing."""

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from app.kit.wording import when
from app.lab import cells as lab_cells
from app.lab.catalogue import Lab
from app.lab.factorial_plan import EXAMPLE, check_plan, find_prompts, plan_cells, read_plan
from app.lab.records import LabRecord
from app.lab.tables import to_plain
from app.runs.record import CELL, STUDY
from app.runs.rows import run_label
from app.services import Services
from backends.fake import Script
from metrics.queries import TraceQuery
from pipeline.errors import InputError
from pipeline.prompts import DEFAULT, PromptTemplate, recorded_prompt
from tests.app.lab.planted_models import FakeModels, write_cities
from tests.app.runs.labelled_file import write_questions

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


@pytest.fixture(autouse=True)
def fake_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_cells, "LocalModels", FakeModels)


@pytest.fixture
def plan(tmp_path: Path) -> dict[str, Any]:
    """Eight cells over twelve questions."""
    return {
        "dataset": str(write_cities(tmp_path / "cities.json")),
        "backend": "local/embedded",
        "factors": {
            "chunking": ["paragraph:200:0", "sentence:100:0"],
            "top_k": [1, 3],
            "index": ["exact", "ivf:1"],
        },
    }


def carry_out(lab: Lab, plan: dict[str, Any]) -> LabRecord:
    return lab.begin("study", plan).work()


def titles(lab: Lab, record: LabRecord) -> list[str]:
    return [table.name for table in lab.tables(record)]


@pytest.mark.slow
def test_every_cell_is_a_run_that_the_runs_page_names(services: Services, plan: dict[str, Any]) -> None:
    record = carry_out(services.lab, plan)
    assert (record.status, record.problem) == ("finished", "")
    assert record.result is not None
    runs = [services.evaluations.find(cell["run"]) for cell in record.result["cells"]]
    assert [(run.status, run.answers) for run in runs] == [("finished", 12)] * 8
    assert len({run.run_id for run in runs}) == 8
    assert {run.about[STUDY] for run in runs} == {record.plan["study"]}
    assert "chunking sentence:100:0, top_k 3, index ivf:1" in run_label(runs[-1])
    assert services.evaluations.compare(runs[0].run_id, runs[-1].run_id).comparison.questions == 12


@pytest.mark.slow
def test_tables_say_what_each_choice_accounts_for_and_which_cell_to_take(
    services: Services, plan: dict[str, Any]
) -> None:
    record = carry_out(services.lab, plan)
    tables = {table.name: table for table in services.lab.tables(record)}
    assert {"cells", "errors", "levels", "passages", "shares-latency"} <= set(tables)
    assert len(tables["cells"].rows) == 8
    text = "\n".join(to_plain(table) for table in tables.values())
    assert "Best is " in text
    for form in ("csv", "json", "md", "html"):
        assert services.lab.export(record, form)
    for form in ("md", "html"):
        report = services.lab.export(record, form)
        assert f"{record.record_id}, started {when(record.started_at)}" in report
        assert re.search(r"The study is finished. This file was made at \d{4}-\d\d-\d\d ", report)


@pytest.mark.slow
def test_cell_that_fails_is_noted_and_the_rest_goes_on(services: Services, plan: dict[str, Any]) -> None:
    plan["factors"] = {"embedder": ["embedded", "broken"], "top_k": [1, 3]}
    record = carry_out(services.lab, plan)
    assert record.status == "finished"
    assert record.result is not None
    assert [cell["status"] for cell in record.result["cells"]] == ["finished", "finished", "failed", "failed"]
    missing = next(table for table in services.lab.tables(record) if table.name == "missing")
    assert "2 cells of 4" in missing.title
    assert "cannot be found" in str(missing.rows[0][3])


def test_study_of_which_every_cell_fails_fails_with_the_reason(services: Services, plan: dict[str, Any]) -> None:
    plan["factors"] = {"embedder": "broken", "top_k": [1, 3]}
    record = carry_out(services.lab, plan)
    assert record.status == "failed"
    assert "The model broken cannot be found" in record.problem


@pytest.mark.slow
def test_stopped_study_goes_on_and_asks_nothing_twice(services: Services, plan: dict[str, Any]) -> None:
    job = services.lab.begin("study", plan)
    study, stop = services.lab.study("study"), threading.Event()
    for step in study.run(services.lab.parts, job.record.plan, None, stop):
        if step.done >= 30:
            stop.set()
    begun = [run.run_id for run in services.evaluations.newest() if run.status == "finished"]
    asked = sum(run.answers for run in services.evaluations.newest())
    assert 24 <= asked < 96
    record = services.lab.resume(job.record.record_id).work()
    assert record.status == "finished"
    assert len(services.evaluations.newest()) == 8
    assert set(begun) < {cell["run"] for cell in (record.result or {})["cells"]}
    ids = [each.trace_id for run in services.evaluations.newest() for each in services.evaluations.scores(run.run_id)]
    kept = [services.store.get(each) for each in ids]
    assert len(ids) == 96
    assert None not in kept
    assert services.store.page(TraceQuery(), limit=1).total.value == 96


@pytest.mark.slow
def test_killed_study_finds_its_runs_in_the_store(services: Services, plan: dict[str, Any]) -> None:
    """What kill -9 leaves: a record without a result, and a run that is `running` for ever."""
    job = services.lab.begin("study", plan)
    cell = plan_cells(job.record.plan)[0]
    study = services.lab.study("study")
    steps = study.run(services.lab.parts, job.record.plan, None, threading.Event())
    while next(steps).done < 12:
        pass
    [run] = services.evaluations.newest()
    steps.close()
    services.store.runs.set_status(run.run_id, "running")
    record = services.lab.resume(job.record.record_id).work()
    assert record.result is not None
    assert (record.result["cells"][0]["name"], record.result["cells"][0]["run"]) == (cell.name, run.run_id)
    assert len(services.evaluations.newest()) == 8


@pytest.mark.slow
def test_cells_run_is_gone_on_with_by_its_study_alone(services: Services, plan: dict[str, Any]) -> None:
    record = carry_out(services.lab, plan)
    run_id = (record.result or {})["cells"][0]["run"]
    assert services.evaluations.find(run_id).about[CELL]
    with pytest.raises(InputError, match="a cell of a study"):
        next(services.evaluations.resume(run_id))
    with pytest.raises(InputError, match="would explain what it did not answer"):
        next(services.evaluations.label(run_id))


@pytest.mark.slow
def test_backend_that_is_put_together_elsewhere_has_chunks_and_reranking_as_factors(
    make_services: Callable[..., Services], tmp_path: Path
) -> None:
    services = make_services(Script())
    plan = {
        "dataset": str(write_questions(tmp_path / "questions.csv", 12)),
        "factors": {"top_k": [1, 3], "rerank": [False, True]},
    }
    record = carry_out(services.lab, plan)
    assert record.status == "finished"
    assert [cell["answers"] for cell in (record.result or {})["cells"]] == [12] * 4
    untold = next(table for table in services.lab.tables(record) if table.name == "untold")
    assert (
        "Right chunk retrieved",
        "It is the same for every question in every cell (0), so there is nothing to account for.",
    ) in (untold.rows)
    assert check_plan(services.settings, record.plan) == record.plan
    with pytest.raises(InputError, match="'index' is no factor of fake"):
        services.lab.begin("study", {**plan, "factors": {"index": ["exact", "hnsw"]}})


LAST = "Say the last sentence.\n\n{context}\n\n{question}"


@pytest.mark.slow
def test_prompt_is_a_factor_that_shares_retrieval_and_changes_answers(
    services: Services, plan: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "last.txt"
    path.write_text(f"{LAST}\n")
    plan["factors"] = {
        "generator": ["told"],
        "prompt": ["default", str(path)],
        "chunking": ["paragraph:200:0"],
        "top_k": [1, 3],
    }
    job = services.lab.begin("study", plan)
    path.unlink()  # the study holds the text
    record = job.work()
    assert (record.status, record.problem) == ("finished", "")
    version = PromptTemplate("last", LAST).version
    cells = (record.result or {})["cells"]
    assert [cell["levels"]["prompt"] for cell in cells] == ["default", "default", version, version]
    assert check_plan(services.settings, record.plan) == record.plan
    usual, last = (
        {scored.question: scored for scored in services.evaluations.scores(cell["run"])}
        for cell in (cells[0], cells[2])
    )
    assert all(usual[text].answer != last[text].answer for text in usual)
    trace = services.store.get(next(iter(last.values())).trace_id)
    assert trace is not None
    assert recorded_prompt(trace.trace.settings) == PromptTemplate("last", LAST)
    assert {span.stage for span in trace.trace.spans if span.attributes.get("shared")} == {"embed", "retrieve"}
    right = (record.result or {})["outcomes"]["right"]
    assert set(right["factors"]) == {"prompt", "top_k"}
    compared = services.evaluations.compare(cells[0]["run"], cells[2]["run"])
    assert ("prompt", DEFAULT.version, version) in compared.settings


@pytest.mark.slow
def test_reader_that_is_told_nothing_answers_alike_beside_one_that_is(
    services: Services, plan: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "last.txt").write_text(LAST)
    plan["factors"] = {
        "generator": ["embedded", "told", "other"],
        "prompt": ["default", str(tmp_path / "last.txt")],
        "chunking": ["paragraph:200:0"],
    }
    record = carry_out(services.lab, plan)
    cells = (record.result or {})["cells"]
    by = {(cell["levels"]["generator"], cell["levels"]["prompt"] == "default"): cell for cell in cells}
    answers = [
        [scored.answer for scored in services.evaluations.scores(by["embedded", usual]["run"])]
        for usual in (True, False)
    ]
    assert answers[0] == answers[1]
    assert by["other", True]["status"] == "finished"
    assert "takes no prompt from here" in by["other", False]["problem"]


def test_prompts_are_looked_for_beside_the_plan(tmp_path: Path) -> None:
    (tmp_path / "last.txt").write_text(LAST)
    found = find_prompts({"factors": {"prompt": ["default", "last.txt", "saved"]}}, tmp_path)
    assert found["factors"]["prompt"] == ["default", str(tmp_path / "last.txt"), "saved"]
    assert find_prompts({"factors": 3}, tmp_path) == {"factors": 3}


def test_same_prompt_twice_is_refused(services: Services, plan: dict[str, Any], tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "last.txt").write_text(LAST)
    plan["factors"] = {"generator": ["told"], "prompt": [str(tmp_path / each / "last.txt") for each in ("a", "b")]}
    with pytest.raises(InputError, match=r"last@[0-9a-f]{8} twice"):
        services.lab.begin("study", plan)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"factors": {}}, "one cell"),
        ({"factors": {"top_k": [3, 3]}}, "has 3 twice"),
        ({"factors": {"top_k": []}}, "has no level"),
        ({"factors": {"top_k": [0, 3]}}, "whole number of 1 or more"),
        ({"factors": {"index": ["exact", "annoy"]}}, "'annoy' is none"),
        ({"factors": {"chunking": ["word:1"]}}, "A chunking is 'word:1'"),
        ({"factors": {"prompt": ["default", "b.txt"]}}, "one generator quotes sentences and is told nothing"),
        ({"factors": {"prompt": ["default", "b.txt"], "generator": ["told"]}}, "b.txt cannot be read"),
        ({"factors": {"prompt": ["default"], "generator": ["told"]}}, "one cell"),
        ({"factors": {"colour": ["a", "b"]}}, "'colour' is no factor"),
        ({"factors": {"embedder": ["a", 3]}}, "Write it as text"),
        ({"factors": {"top_k": [1, 3]}, "fraction": "2/0"}, "`fraction` is '2/0'"),
        ({"factors": {"top_k": [1, 2, 3], "index": ["exact", "hnsw"]}, "fraction": 0.1}, None),
        ({"question": 3}, "means nothing"),
        ({"questions": 0}, "whole number of 1 or more"),
        ({"dataset": "nowhere.csv"}, "nowhere.csv"),
    ],
)
def test_plan_that_cannot_be_carried_out_is_refused_with_the_reason(
    services: Services, plan: dict[str, Any], changed: dict[str, Any], said: str | None
) -> None:
    if said is None:
        assert len(plan_cells(check_plan(services.settings, {**plan, **changed}))) == 6
        return
    with pytest.raises(InputError, match=said):
        services.lab.begin("study", {**plan, **changed})
    assert services.lab.records.newest() == []


def test_plans_that_are_shown_can_be_carried_out(services: Services) -> None:
    for text, cells in ((EXAMPLE, 12), ((EXAMPLES / "study.toml").read_text(), 24)):
        checked = check_plan(services.settings, {**read_plan(text, "it"), "backend": "local/embedded"})
        assert len(plan_cells(checked)) == cells


@pytest.mark.slow
def test_the_estimate_says_how_often_documents_are_cut_and_where_less_is_asked(
    services: Services, plan: dict[str, Any]
) -> None:
    parts, study = services.lab.parts, services.lab.study("study")
    for chunkings, said in (["paragraph:200:0"], "once"), (["paragraph:200:0", "sentence:100:0"], "2 times"):
        factors = {**plan["factors"], "chunking": chunkings}
        words = study.estimate(parts, study.check(parts, {**plan, "factors": factors}))
        assert f"Documents are cut and embedded {said}, less what has a vector already" in words
        assert words.endswith("Less is asked where two cells find the same chunks.")
        assert "no more than" not in words
    words = study.estimate(parts, study.check(parts, {**plan, "questions": 99_999}))
    assert re.search(r"The plan asks for 99,999 questions, and the dataset has no more than \d+\.", words)


@pytest.mark.slow
def test_shell_plans_carries_out_and_refuses(
    run: Callable[..., Result], make_services: Callable[..., Services], plan: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "plan.toml"
    factors = "\n".join(f"{name} = {json.dumps(levels)}" for name, levels in plan["factors"].items())
    path.write_text(f'dataset = "{plan["dataset"]}"\nbackend = "local/embedded"\n\n[factors]\n{factors}\n')
    planned = run("lab", "study", str(path), "--dry-run")
    assert planned.exit_code == 0, planned.output
    assert "8 cells, 12 questions each: 96 answers" in planned.output
    services = make_services()
    done = run("lab", "study", str(path), "--out", str(tmp_path / "out.csv"), services=services)
    assert done.exit_code == 0, done.output
    assert "Best is " in done.output
    written = (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()
    assert written[1].startswith("source,")
    assert written.count("") > 0
    path.write_text("factors = [")
    refused = run("lab", "study", str(path))
    assert refused.exit_code == 2
    assert "is no TOML" in refused.output
