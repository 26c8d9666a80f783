"""Each stage of the deployed stack in turn goes wrong in each way: a typed error, a stored trace with what there was, no retry storm."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import urllib3

from app.asking.questions import Question
from app.config import Settings
from app.services import Services
from pipeline.schema import trace_to_json
from pipeline.types import Trace
from serving.rehearsal.faults import FaultControls
from serving.rehearsal.session import PINECONE_KEY, Rehearsal

QUESTION = "Who proposed that continents drift?"
STAGES = ["embed", "retrieve", "generate"]
MOST_CALLS = 4
"""Three attempts, and one more for a health check that another test may have left under way."""


@pytest.fixture
def services(rehearsal: Rehearsal, tmp_path: Path) -> Iterator[Services]:
    settings = replace(Settings(), data_dir=tmp_path, backend="aws")
    opened = Services(settings, open_backend=lambda name, config: rehearsal.open_backend())
    yield opened
    opened.close()


def controls(rehearsal: Rehearsal, stage: str) -> tuple[FaultControls, str]:
    """Where a stage's faults are asked for, and the path of its calls."""
    if stage == "retrieve":
        return rehearsal.pinecone, ".*/query"
    return rehearsal.sagemaker, rehearsal.endpoint_path("embedder" if stage == "embed" else "generator")


def ask(services: Services, deadline_s: float = 10.0) -> Trace:
    """Ask, and return the trace as it was stored."""
    asked = services.asking.ask(Question(QUESTION, "aws", 3, deadline_s))
    assert asked.not_stored is None
    stored = services.store.get(asked.trace.trace_id)
    assert stored is not None
    assert stored.trace == asked.trace
    return asked.trace


FAULTS: dict[str, tuple[dict[str, Any], tuple[str, ...], float]] = {
    "throttles": ({"kind": "status", "status": 429}, ("Throttled",), 10.0),
    "answers 500": ({"kind": "status", "status": 500}, ("StageFailed",), 10.0),
    "hangs up": ({"kind": "close"}, ("Unavailable", "StageFailed"), 10.0),
    "answers garbage": ({"kind": "garbage"}, ("BadResponse", "StageFailed"), 10.0),
    "answers after the deadline": ({"kind": "delay", "seconds": 6.0}, ("Timeout",), 4.0),
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("fault", FAULTS)
def test_stage_that_fails_is_named_and_the_rest_is_kept(
    rehearsal: Rehearsal, services: Services, stage: str, fault: str
) -> None:
    given, kinds, deadline_s = FAULTS[fault]
    ask(services)  # warm, so that a deadline is spent on the fault and not on a start
    where, path = controls(rehearsal, stage)
    where.clear()
    where.inject(**given, where=path)
    trace = ask(services, deadline_s)
    assert trace.error is not None
    assert trace.error.kind in kinds
    assert trace.error.stage == stage
    assert where.calls(path) <= MOST_CALLS
    [gateway] = [span.span_id for span in trace.spans if span.stage == "gateway"]
    inner = [span.stage for span in trace.spans if span.parent_id == gateway]
    assert inner == STAGES[: STAGES.index(stage) + 1]
    assert trace.spans[-1].error == trace.error
    assert len(trace.chunks) == (3 if stage == "generate" else 0)
    assert PINECONE_KEY not in trace_to_json(trace)


def test_vectors_of_another_dimension_are_noticed(rehearsal: Rehearsal, services: Services) -> None:
    where, path = controls(rehearsal, "embed")
    where.inject("wrong_dimension", where=path)
    trace = ask(services)
    assert trace.error is not None
    assert trace.error.kind == "DimensionMismatch"
    assert trace.error.stage == "retrieve"
    assert "raglass ingest" in trace.error.message


def test_fault_that_passes_is_survived_and_leaves_no_error(rehearsal: Rehearsal, services: Services) -> None:
    for stage in STAGES:
        where, path = controls(rehearsal, stage)
        where.inject("status", where=path, status=503 if stage == "retrieve" else 429, times=1)
    assert ask(services).error is None


def test_nothing_secret_and_no_question_is_in_the_lambdas_log(rehearsal: Rehearsal, services: Services) -> None:
    where, path = controls(rehearsal, "retrieve")
    where.inject("status", where=path, status=401)
    ask(services)
    events = rehearsal.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{rehearsal.stack}-orchestrator")[
        "events"
    ]
    written = "\n".join(event["message"] for event in events)
    assert '"stage":"retrieve"' in written
    assert PINECONE_KEY not in written
    assert QUESTION not in written


def refusals() -> dict[str, tuple[bytes, str, int]]:
    """Requests that are refused before any part is asked: body, content type, status."""
    as_json = "application/json"
    return {
        "body over 6 MB": (b'{"question": "' + b"a" * 6_000_001 + b'"}', as_json, 413),
        "content type": (b"question=a", "text/plain", 415),
        "unknown field": (b'{"question": "a", "sudo": true}', as_json, 400),
        "top_k of 10,000": (b'{"question": "a", "top_k": 10000}', as_json, 400),
        "no JSON": (b"{", as_json, 400),
    }


@pytest.mark.parametrize("name", list(refusals()))
def test_bad_request_is_refused_before_any_part_is_asked(rehearsal: Rehearsal, name: str) -> None:
    body, content_type, status = refusals()[name]
    headers = rehearsal.signed("POST", "/query", body, {"Content-Type": content_type})
    with urllib3.PoolManager(retries=False) as pool:
        reply = pool.request("POST", f"{rehearsal.api_url}/query", timeout=30, body=body, headers=headers)
    assert reply.status == status
    assert reply.json()["error"]["kind"] == "InputError"
    assert rehearsal.sagemaker.calls(".*invocations") == 0


def test_url_of_something_else_is_a_bad_response_that_names_the_setting(rehearsal: Rehearsal, tmp_path: Path) -> None:
    from backends.aws.backend import open_aws
    from backends.registry import BackendConfig

    changes: list[Callable[[str], str]] = [lambda url: url + "/nowhere", lambda url: rehearsal.endpoint_url]
    for change in changes:
        backend = open_aws(BackendConfig(tmp_path, api_url=change(rehearsal.api_url)))
        trace = backend.answer(QUESTION, top_k=3, deadline_s=5)
        backend.close()
        assert trace.error is not None
        assert trace.error.kind in ("BadResponse", "StageFailed")
        assert trace.error.stage == "network"
