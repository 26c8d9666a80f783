"""Each script of docs/examples, run as a reader runs it, against a dashboard that asks for keys. `make clients` installs what they need."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from pipeline.schema import trace_from_dict
from pipeline.types import Trace
from tests.otlp.recordings import ANSWER, EXAMPLES, STAND_IN, told_of_senders, what_arrived
from tests.served_dashboard import Dashboard, start

RUN_S = 300.0
"""How long an example may take, imports included."""

SETTLE_S = 30.0
"""How long the dashboard may take to list what it has accepted."""

TEXTS = {name: text for name, _, text in STAND_IN.DOCUMENTS}
ROWS = told_of_senders()
SENDS_TEXTS = [name for name, (_, texts, *_) in ROWS.items() if texts == "yes"]


@dataclass(frozen=True, slots=True)
class Ran:
    """An example that was run."""

    printed: str
    """What it said."""
    began_s: float
    """When, in seconds since the epoch."""
    ended_s: float
    """When it was over."""
    trace: Trace
    """The one of the link that it printed, as the dashboard exports it."""


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of the frameworks' environment."""
    named = os.environ.get("RAGLASS_FRAMEWORKS")
    assert named, "RAGLASS_FRAMEWORKS must name the Python of an environment with the frameworks: run `make clients`"
    return Path(named).absolute()


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    process, served = start(tmp_path_factory.mktemp("data"), RAGLASS_REQUIRE_KEYS="1")
    yield served
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def headers(dashboard: Dashboard) -> dict[str, str]:
    """The header with a key, by its scope."""
    return {scope: f"Bearer {create_key(dashboard, scope)}" for scope in ("ingest", "read")}


@pytest.fixture(scope="module")
def ran(python: Path, dashboard: Dashboard, headers: dict[str, str]) -> Callable[[str], Ran]:
    """Runs an example, once."""
    known: dict[str, Ran] = {}

    def run(name: str) -> Ran:
        if name not in known:
            known[name] = run_example(python, dashboard, headers, name)
        return known[name]

    return run


def create_key(dashboard: Dashboard, scope: str) -> str:
    """A new key's secret, from the shell."""
    command = [sys.executable, "-m", "app.shell", "keys", "create", f"{scope}-tests", "--scope", scope, "--json"]
    own = {"RAGLASS_DATA_DIR": str(dashboard.data_dir)}
    done = subprocess.run(command, env=os.environ | own, check=True, capture_output=True, text=True)
    secret: str = json.loads(done.stdout)["secret"]
    return secret


def run_example(python: Path, dashboard: Dashboard, headers: dict[str, str], name: str) -> Ran:
    """Run an example by the frameworks' Python, in its own folder's company, and read its trace back."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "OPENAI_", "RAGLASS_"))}
    key = headers["ingest"].replace(" ", "%20")
    own = {"OTEL_EXPORTER_OTLP_ENDPOINT": dashboard.url, "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization={key}"}
    began_s = time.time()
    done = subprocess.run(
        [python, EXAMPLES / f"{name}.py"],
        env=kept | own,
        cwd=dashboard.data_dir,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    ended_s = time.time()
    assert done.returncode == 0, done.stderr[-2_000:]
    linked = re.search(rf"{re.escape(dashboard.url)}/traces\?trace=([0-9a-f]{{32}})", done.stdout)
    assert linked, done.stdout
    return Ran(done.stdout, began_s, ended_s, await_trace(dashboard, headers["read"], linked[1]))


def await_trace(dashboard: Dashboard, key: str, trace_id: str) -> Trace:
    """A trace out of the export, once it is there."""
    until = time.monotonic() + SETTLE_S
    while time.monotonic() < until:
        reply = requests.get(f"{dashboard.url}/export/traces.jsonl", headers={"Authorization": key}, timeout=30)
        reply.raise_for_status()
        for line in reply.text.splitlines():
            told = json.loads(line)["trace"]
            if told["trace_id"] == trace_id:
                return trace_from_dict(told)
        time.sleep(0.2)
    raise AssertionError(f"trace {trace_id} is not listed")


@pytest.mark.parametrize("name", ROWS)
def test_question_and_answer_are_those_of_the_application(ran: Callable[[str], Ran], name: str) -> None:
    found = ran(name)
    assert found.trace.question == STAND_IN.QUESTION
    assert found.trace.generation is not None
    assert found.trace.generation.answer == found.printed.splitlines()[0] == ANSWER
    assert (found.trace.origin, found.trace.error) == ("application", None)


@pytest.mark.parametrize("name", SENDS_TEXTS)
def test_documents_are_those_that_the_question_is_about(ran: Callable[[str], Ran], name: str) -> None:
    assert {chunk.text for chunk in ran(name).trace.chunks} == {TEXTS["refunds"], TEXTS["cards"]}


@pytest.mark.parametrize("name", ROWS)
def test_prompt_is_what_the_model_was_sent(ran: Callable[[str], Ran], name: str) -> None:
    trace = ran(name).trace
    assert trace.generation is not None
    assert trace.generation.prompt is not None
    assert all(text in trace.generation.prompt for text in (STAND_IN.QUESTION, TEXTS["refunds"], TEXTS["cards"]))
    # The stand-in answers from the prompt alone: of another it would have said something else.
    assert STAND_IN.answer(trace.generation.prompt) == trace.generation.answer


@pytest.mark.parametrize("name", ROWS)
def test_times_lie_within_the_run(ran: Callable[[str], Ran], name: str) -> None:
    found = ran(name)
    trace = found.trace
    assert found.began_s < trace.asked_at
    assert trace.asked_at + trace.duration_ms / 1e3 < found.ended_s
    assert all(-1e-3 <= span.start_ms <= span.end_ms <= trace.duration_ms + 1e-3 for span in trace.spans)
    assert {"retrieve", "generate"} <= {span.stage for span in trace.spans}


@pytest.mark.parametrize("name", ROWS)
def test_each_sender_sends_what_the_page_says(ran: Callable[[str], Ran], name: str) -> None:
    assert ROWS[name] == what_arrived(ran(name).trace)


def test_list_in_the_shell_has_them_all(ran: Callable[[str], Ran], dashboard: Dashboard) -> None:
    wanted = {ran(name).trace.trace_id for name in ROWS}
    command = [sys.executable, "-m", "app.shell", "traces", "--origin", "application", "--limit", "100", "--json"]
    own = {"RAGLASS_DATA_DIR": str(dashboard.data_dir)}
    done = subprocess.run(command, env=os.environ | own, check=True, capture_output=True, text=True)
    rows = {row["trace_id"]: row["question"] for row in json.loads(done.stdout)}
    assert {rows[trace_id] for trace_id in wanted} == {STAND_IN.QUESTION}


def test_without_a_key_nothing_is_taken(dashboard: Dashboard) -> None:
    header = {"Content-Type": "application/x-protobuf"}
    assert requests.post(f"{dashboard.url}/v1/traces", b"", headers=header, timeout=30).status_code == 401
    assert requests.get(f"{dashboard.url}/export/traces.jsonl", timeout=30).status_code == 401
