"""The way to serverless endpoints and back: made by the real `raglass deploy`, measured by the real latency study, and seen undone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.lab.latency_words import latency_tables
from app.lab.tables import Table
from benchmarks.bench_serverless import Transition, make_transition
from serving.rehearsal.session import stand_ins

pytestmark = pytest.mark.slow

QUESTIONS = 6

ROLES = ("embedder", "generator")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report") / "serverless.md"


@pytest.fixture(scope="module")
def made(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transition]:
    with stand_ins(auth=False, tell=lambda line: None) as there:
        yield make_transition(there, tmp_path_factory.mktemp("data"), QUESTIONS, lambda line: None, (written,))


@pytest.fixture
def tables(made: Transition) -> dict[str, Table]:
    return {table.name: table for table in latency_tables(made.after["result"])}


def asked(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls of a study's own target."""
    return [each for target in record["result"]["targets"] if not target["record"] for each in target["asked"]]


def test_endpoints_become_serverless_cost_by_what_is_asked_and_are_on_instances_again(made: Transition) -> None:
    on_instances, serverless, back = made.kinds
    assert list(on_instances.endpoints) == [f"demo-{role}" for role in ROLES]
    assert list(serverless.endpoints) == [f"demo-{role}-serverless" for role in ROLES]
    sizes = [each["CurrentServerlessConfig"] for each in serverless.endpoints.values()]
    assert sizes == [{"MemorySizeInMB": 3072, "MaxConcurrency": 2}] * 2
    assert all(each["CurrentInstanceCount"] == 1 for each in back.endpoints.values())
    assert [kind.answered_by for kind in made.kinds] == [
        f"sagemaker:demo-embedder{kind}" for kind in ("", "-serverless", "")
    ]
    assert serverless.usd_per_month < on_instances.usd_per_month
    assert back == on_instances


def test_the_same_questions_are_held_against_each_other_with_an_interval(
    made: Transition, tables: dict[str, Table], written: Path
) -> None:
    measured = [
        [each["question"] for each in asked(record) if not each["warm_up"]] for record in (made.before, made.after)
    ]
    assert measured[0] == measured[1]
    assert len(measured[0]) == QUESTIONS
    rows = {row[0]: row for row in tables["latency"].rows}
    for stage in ("end to end", "models", "embed", "retrieve", "generate"):
        before_p50, before_p95, p50, p95, ratio, p, low, high = rows[stage][1:]
        assert 0 < before_p50 <= before_p95
        assert 0 < p50 <= p95
        assert low <= ratio <= high
        assert 0 < p <= 1
    assert "in these two sittings" in tables["latency"].title or "could be chance" in tables["latency"].title
    assert "| end to end |" in written.read_text("utf-8")


def test_the_cold_start_is_told_apart_and_counts_in_no_time(made: Transition, tables: dict[str, Table]) -> None:
    assert [each["cold"] for each in asked(made.before)] == ["warm-up"] * 2 + [""] * QUESTIONS
    first, *others = asked(made.after)
    assert [each["cold"] for each in (first, *others)] == ["SageMaker"] + [""] * (QUESTIONS - 1)
    slowest_ms = max(each["ms"]["end to end"] for each in others)
    assert first["ms"]["end to end"] > slowest_ms
    assert tables["latency"].rows[0][4] <= slowest_ms
    before, now = tables["cold"].rows
    assert before[-1] == "neither Lambda nor SageMaker tells of one"
    assert now[1:4] == (1, first["ms"]["end to end"], first["ms"]["end to end"])
    assert now[-1] == "1 by SageMaker"


def test_measured_once_more_the_stack_is_held_against_what_it_was_at_first(made: Transition) -> None:
    first, last = made.back["result"]["targets"]
    assert (first["record"], last["record"]) == (made.before["record_id"], "")
    assert [each["question"] for each in last["asked"]] == [each["question"] for each in first["asked"]]
    assert [each["cold"] for each in last["asked"]] == ["warm-up"] * 2 + [""] * QUESTIONS
    assert [each["endpoint"] for each in last["cloud"]] == [each["endpoint"] for each in first["cloud"]]


def test_cloudwatch_tells_of_both_kinds_and_has_the_start_in_what_sagemaker_adds(tables: dict[str, Table]) -> None:
    rows = {row[1]: row[2:] for row in tables["stack"].rows}
    assert list(rows) == [f"demo-{role}{kind}" for kind in ("", "-serverless") for role in ROLES]
    for role in ROLES:
        for kind in ("", "-serverless"):
            mean_ms, p50_ms, p95_ms, *_, counted, measured = rows[f"demo-{role}{kind}"]
            assert mean_ms > 0
            assert 0 < p50_ms <= p95_ms
            assert counted == measured == QUESTIONS
        assert rows[f"demo-{role}-serverless"][4] > rows[f"demo-{role}"][4]
