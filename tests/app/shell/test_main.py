"""The shell: output for people and for programs, exit codes, and what `--help` must not import."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from app.services import Services
from app.shell.serve import check_port, shown_host
from backends.fake import Script
from metrics.store import TraceStore
from pipeline.errors import StoreError, Throttled
from pipeline.schema import json_schema, trace_from_dict
from pipeline.types import Chunk
from tests.app.shell.shells import shell
from tests.foreign import make_foreign_chunks, make_foreign_trace

Make = Callable[..., Services]
Run = Callable[..., Result]
ESCAPE = "\x1b[31mred\x9b2J"


@pytest.mark.parametrize("module", ["app.shell", "app.shell.main"])
def test_the_shell_is_a_module_to_run(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "index", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"Usage: python -m {module} index")
    assert "PDF" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["serve"],
        ["ask"],
        ["index"],
        ["corpus"],
        ["corpus", "list"],
        ["traces"],
        ["traces", "import"],
        ["status"],
        ["ingest"],
        ["keys"],
        ["explain"],
        ["stability"],
        ["eval"],
        ["eval", "run"],
    ],
    ids=str,
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom app.shell.main import main\n"
        f"main([*{arguments!r}, '--help'], standalone_mode=False)\nprint('LOADED', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    text, _, loaded = done.stdout.partition("LOADED")
    assert "Usage:" in text
    heavy = {"torch", "streamlit", "numpy", "faiss", "sqlalchemy", "plotly", "boto3", "pinecone", "requests"}
    assert not set(loaded.split()) & (heavy | {"app.services", "serving.ingest"})


def test_help_names_every_command(run: Run) -> None:
    for name in ("serve", "ask", "corpus", "index", "ingest", "traces", "explain", "eval", "status"):
        assert re.search(rf"^  {name} ", run("--help").output, re.M)


def test_answer_is_printed_for_people(run: Run) -> None:
    done = run("ask", "Who?")
    assert done.exit_code == 0
    assert done.stdout.startswith("Sentence 1 of the script.\nHigh confidence, 80 %.")
    assert "unaccounted" in done.stdout


def test_answer_as_json_is_a_trace_whose_stages_add_up(run: Run) -> None:
    done = run("ask", "Who? 😀", "--json", "--top-k", "2", "--deadline", "9")
    data = json.loads(done.stdout)
    trace = trace_from_dict(data)
    assert (trace.question, len(trace.chunks), trace.settings["deadline_s"]) == ("Who? 😀", 2, 9.0)
    spent = sum(span.duration_ms for span in trace.spans) + data["unaccounted_ms"]
    assert spent == pytest.approx(trace.duration_ms)
    assert set(json_schema()["required"]) <= set(data)


def test_reranking_is_off_unless_asked_for(run: Run) -> None:
    assert json.loads(run("ask", "Who?", "--json").stdout)["settings"]["rerank"] is False
    assert json.loads(run("ask", "Who?", "--json", "--rerank").stdout)["settings"]["rerank"] is True


def test_failed_stage_leaves_with_one_and_still_prints_the_trace(run: Run, make_services: Make) -> None:
    done = run("ask", "Who?", services=make_services(Script(failures={"generate": OSError("secret")})))
    assert done.exit_code == 1
    assert "StageFailed in generate" in done.stdout
    assert "Document 1" in done.stdout
    assert "secret" not in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ask", " "], "blank"),
        (["ask", "x" * 10_000], "10,000"),
        (["ask", "Who?", "--top-k", "0"], "top_k is 0"),
        (["ask", "Who?", "--top-k", "101"], "top_k is 101"),
        (["ask", "Who?", "--deadline", "nan"], "deadline is nan"),
        (["traces", "--id", "nonsense"], "no trace 'nonsense'"),
        (["traces", "--search", "x" * 5_000], "Shorten it"),
        (["index"], "keeps its documents elsewhere"),
        (["ask"], "Missing argument"),
        (["traces", "--limit", "0"], "0 is not in the range"),
    ],
    ids=lambda value: " ".join(value)[:24] if isinstance(value, list) else "",
)
def test_misuse_leaves_with_two_and_says_what_to_do(run: Run, arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.output


def test_unknown_backend_leaves_with_one(run: Run) -> None:
    done = run("ask", "Who?", "--backend", "cloud")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "raglass: There is no backend 'cloud'." in done.stderr


def test_trace_that_could_not_be_stored_is_printed_and_the_reason_too(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("The disk is full. Free some space.")

    monkeypatch.setattr(TraceStore, "put_all", fail)
    done = run("ask", "Who?", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["question"] == "Who?"
    assert "the trace was not stored. The disk is full." in done.stderr


def test_traces_are_listed_newest_first_with_n_of_m(run: Run, make_services: Make) -> None:
    services = make_services()
    for question in ("First?", "Second?"):
        run("ask", question, services=services)
    text = run("traces", "--limit", "1", services=services).stdout
    assert "Second?" in text
    assert "First?" not in text
    assert "1 of 2 matching, 2 stored" in text
    rows = json.loads(run("traces", "--json", services=services).stdout)
    assert [row["question"] for row in rows] == ["Second?", "First?"]


def test_search_is_literal(run: Run, make_services: Make) -> None:
    services = make_services()
    for question in ("What is (a thing", "What is another thing"):
        run("ask", question, services=services)
    assert "1 of 1 matching, 2 stored" in run("traces", "--search", "what is (a", services=services).stdout


def test_one_trace_is_printed_by_its_id(run: Run, make_services: Make) -> None:
    services = make_services()
    asked = json.loads(run("ask", "Who?", "--json", services=services).stdout)
    stored = json.loads(run("traces", "--id", asked["trace_id"], "--json", services=services).stdout)
    assert stored == {name: value for name, value in asked.items() if name != "unaccounted_ms"}
    assert "Sentence 1" in run("traces", "--id", asked["trace_id"], services=services).stdout


def test_answer_is_explained_for_people_and_for_programs(run: Run, make_services: Make) -> None:
    services = make_services()
    trace_id = json.loads(run("ask", "Who?", "--json", services=services).stdout)["trace_id"]
    said = run("explain", trace_id, services=services).stdout
    assert "The answer stands on chunk 1, “Document 1”: 100 % of what the chunks did for it." in said
    assert "Linear datamodeling score 1.00" in said
    found = json.loads(run("explain", trace_id, "--json", services=services).stdout)
    assert found["chunks"][0]["shapley_nats"] == pytest.approx(5 * 2.9)
    assert found["attributable"]
    assert found["complete"]


def test_answer_of_another_application_is_explained_with_a_backend_that_stands_in(
    run: Run, make_services: Make
) -> None:
    services = make_services(Script(chunks=make_foreign_chunks()))
    trace = make_foreign_trace()
    services.store.put(trace)
    refused = run("explain", trace.trace_id, services=services)
    assert (refused.exit_code, "shop is another application" in refused.output) == (1, True)
    said = run("explain", trace.trace_id, "--stand-in", "fake", "--gold", "1912", services=services).output
    assert "Explained with fake, not with the model that answered" in said
    assert "Asked again with fake" in " ".join(said.split())
    found = json.loads(run("explain", trace.trace_id, "--stand-in", "fake", "--json", services=services).stdout)
    assert (found["answered_by"], found["scored_by"], found["diagnosis"]["correct"]) == ("otlp/shop", "fake", True)


def test_diagnosis_is_kept_with_its_trace_and_shown_without_being_asked_for(run: Run, make_services: Make) -> None:
    services = make_services()
    trace_id = json.loads(run("ask", "Who?", "--json", services=services).stdout)["trace_id"]
    assert "diagnosis" not in json.loads(run("explain", trace_id, "--json", services=services).stdout)
    first = run("explain", trace_id, "--gold", "script", services=services).stdout
    assert "Given as right: “script”." in first
    assert run("explain", trace_id, services=services).stdout == first
    run("explain", trace_id, "--no-answer", services=services)
    found = json.loads(run("explain", trace_id, "--json", services=services).stdout)
    assert found["diagnosis"]["label"] == "unanswerable answered"


@pytest.mark.slow
def test_trace_of_a_run_is_diagnosed_by_what_its_dataset_says(run: Run, make_services: Make, tmp_path: Path) -> None:
    services = make_services()
    questions = tmp_path / "questions.csv"
    questions.write_text("question,answer\nWho?,Sentence 1\n", "utf-8")
    run("eval", "run", "--dataset", str(questions), "--backend", "fake", services=services)
    (scored,) = services.evaluations.scores(services.evaluations.find("LAST").run_id)
    said = run("explain", scored.trace_id, services=services).stdout
    assert "Given as right: “Sentence 1”." in said


def test_what_cannot_be_explained_is_said(run: Run, make_services: Make) -> None:
    services = make_services(Script(failures={"score": Throttled("Slow down.")}))
    trace_id = json.loads(run("ask", "Who?", "--json", services=services).stdout)["trace_id"]
    done = run("explain", trace_id, services=services)
    assert (done.exit_code, done.stderr) == (1, "raglass: Slow down.\n")
    unknown = run("explain", "f" * 32, services=services)
    assert unknown.exit_code == 2
    assert "There is no trace" in unknown.stderr


@pytest.mark.slow
def test_attention_is_printed_beside_reliance_of_one_layer_or_head(run: Run, make_services: Make) -> None:
    services = make_services(attentive=True)
    trace_id = json.loads(run("ask", "Who?", "--json", services=services).stdout)["trace_id"]
    assert "Attention" not in run("explain", trace_id, services=services).stdout
    said = run("explain", trace_id, "--attention", services=services).stdout
    assert "The answer stands on chunk 1" in said
    assert "Attention (diagnostic, not evidence), mean of 2 layers with 3 heads each" in said
    assert "Layer 2  Document 1 20.0 %" in said
    assert "1 · Document 1" in said
    assert "+14.5" in said
    one = run("explain", trace_id, "--layer", "2", "--head", "3", "--json", services=services)
    found = json.loads(one.stdout)["attention"]
    assert found["attention"] == [[0.5, *[0.0] * 9]] * 5
    assert found["reliance_nats"] == pytest.approx([14.5, *[0.0] * 9])
    beyond = run("explain", trace_id, "--layer", "3", services=services)
    assert beyond.exit_code == 2
    assert "There is no layer 3. Choose one from 1 to 2" in beyond.stderr


def test_backend_without_attention_is_explained_all_the_same_and_says_so(run: Run, make_services: Make) -> None:
    services = make_services()
    trace_id = json.loads(run("ask", "Who?", "--json", services=services).stdout)["trace_id"]
    done = run("explain", trace_id, "--attention", services=services)
    assert done.exit_code == 1
    assert "The answer stands on chunk 1" in done.stdout
    assert "has no attention to show" in done.stderr


def test_traces_are_exported_as_lines_of_json_and_as_a_table(run: Run, make_services: Make) -> None:
    services = make_services()
    for question in ("First?", "Second?", "=SUM(A1)"):
        run("ask", question, services=services)
    lines = run("traces", "--export", "jsonl", "--search", "?", services=services).stdout.splitlines()
    assert {json.loads(line)["trace"]["question"] for line in lines} == {"First?", "Second?"}
    table = run("traces", "--export", "csv", services=services).stdout
    assert len(table.splitlines()) == 4
    assert table.startswith("trace_id,")


def test_status_for_people_and_for_programs(run: Run, make_services: Make) -> None:
    done = run("status")
    assert done.exit_code == 0
    assert done.stdout.startswith("All is well: fake can answer, and traces are stored.\n")
    data = json.loads(run("status", "--json").stdout)
    assert data["ready"] is True
    assert {part["name"] for part in data["parts"]} >= {"embed", "trace store"}
    failing = run("status", "--json", services=make_services(Script(failures={"embed": OSError()})))
    assert failing.exit_code == 1
    assert json.loads(failing.stdout)["ready"] is False


@pytest.mark.slow
def test_no_text_of_a_document_or_file_name_acts_on_the_terminal(run: Run, make_services: Make, tmp_path: Path) -> None:
    chunk = Chunk("c", "d", ESCAPE, ESCAPE, 0.5, 1)
    services = make_services(Script(chunks=[chunk], tokens=[ESCAPE]))
    bad = tmp_path / f"{ESCAPE}.pdf"
    bad.write_bytes(b"nonsense")
    outputs = [
        run("ask", f"Who {ESCAPE}?", services=services).output,
        run("ask", f"Who {ESCAPE}?", "--json", services=services).output,
        run("traces", services=services).output,
        run("traces", "--json", services=services).output,
        run("index", str(bad), services=make_services(corpus=True)).output,
        run("index", str(tmp_path / ESCAPE), services=make_services(corpus=True)).output,
        run("ask", "Who?", "--backend", ESCAPE).output,
    ]
    for output in outputs:
        assert output
        assert not set(output) & set("\x1b\x9b\x07\r")


def test_taken_port_is_said_with_another_to_choose(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "--port", str(port))
    assert done.exit_code == 2
    assert f"Port {port} on 127.0.0.1 cannot be used" in done.stderr
    assert f"http://localhost:{port}" in done.stderr
    assert f"--port {port % 65535 + 1}" in done.stderr


def test_address_of_no_machine_is_said(run: Run) -> None:
    done = run("serve", "--host", "203.0.113.7")  # TEST-NET-3 of RFC 5737: never an address of this machine
    assert done.exit_code == 2
    assert "203.0.113.7 cannot be used" in done.stderr


def test_free_port_passes() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    check_port("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "localhost"), ("0.0.0.0", "localhost"), ("example.org", "example.org")]
)
def test_host_is_shown_as_one_would_type_it(host: str, shown: str) -> None:
    assert shown_host(host) == shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"RAGLASS_TOP_K": "many"}, "RAGLASS_TOP_K is 'many'; write a whole number."),
        ({"RAGLASS_BACKEND": "cloud"}, "There is no backend 'cloud'."),
    ],
)
def test_bad_setting_is_said_without_a_traceback(tmp_path: Path, environ: dict[str, str], message: str) -> None:
    done = shell("ask", "Who?", RAGLASS_DATA_DIR=str(tmp_path), **environ)
    assert done.returncode == 1
    assert f"raglass: {message}" in done.stderr
    assert "Traceback" not in done.stderr
