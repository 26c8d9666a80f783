"""The latency study of the Lab, over this machine's backend and the rehearsed stack, as a shell carries it out."""

from pathlib import Path

import pytest

from app.lab.latency_words import latency_tables
from benchmarks.bench_serverless import study_latency
from serving.rehearsal.session import Rehearsal

QUESTIONS = 3


@pytest.mark.slow
def test_both_targets_are_timed_and_the_stacks_own_times_are_read(rehearsal: Rehearsal, tmp_path: Path) -> None:
    targets = ("--target", "local/embedded", "--target", "aws")
    record = study_latency(rehearsal.environ, tmp_path, *targets, "--questions", str(QUESTIONS), "--warm-up", "1")
    assert (record["status"], record["problem"]) == ("finished", "")
    here, stack = record["result"]["targets"]
    for target in (here, stack):
        measured = [each for each in target["asked"] if not each["warm_up"]]
        assert [each["error"] for each in measured] == [""] * QUESTIONS
        assert all(each["ms"]["end to end"] > 0 for each in measured)
    assert stack.get("said", "") == ""
    tables = {table.name: table for table in latency_tables(record["result"])}
    rows = {row[0]: row for row in tables["latency"].rows}
    for stage in ("end to end", "embed", "retrieve", "generate"):
        assert all(value is not None and value > 0 for value in rows[stage][1:5]), rows[stage]
    assert [row[1] for row in tables["stack"].rows] == [f"{rehearsal.stack}-embedder", f"{rehearsal.stack}-generator"]
    assert "ModelLatency, mean" in [column.name for column in tables["stack"].columns]
    for row in tables["stack"].rows:
        mean, p50, p95 = row[2:5]
        assert 0 < p50 <= p95
        assert mean > 0
        counted, measured = row[-2:]
        assert measured == QUESTIONS <= counted
