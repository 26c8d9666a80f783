"""`raglass ingest` as one types it: into a Pinecone double, and with an endpoint that embeds."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import app.services
from app.services import Services
from app.shell.main import main
from serving.rehearsal.pinecone import PineconeDouble
from tests.aws.loopback import Answer, serving
from tests.rehearsal.served import served

KEY = "a-secret-key"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, make_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run `raglass ingest` on one document against a double of Pinecone, without an embedder of its own."""
    (tmp_path / "drift.txt").write_text("Alfred Wegener proposed in 1912 that continents drift.", "utf-8")
    monkeypatch.setattr(app.services, "services", make_services)
    double = PineconeDouble(KEY)
    with served(double) as server:
        double.url = server.url
        monkeypatch.setenv("PINECONE_API_KEY", KEY)
        monkeypatch.setenv("PINECONE_CONTROLLER_HOST", server.url)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield lambda *arguments: CliRunner().invoke(main, ["ingest", str(tmp_path / "drift.txt"), *arguments])


def embedding(model: str) -> Answer:
    return Answer({"model": model, "dimension": 3, "vectors": [[0.6, 0.8, 0.0]]})


def ingest_with(run: Run, monkeypatch: pytest.MonkeyPatch, model: str) -> dict[str, int]:
    with serving(embedding(model)) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", endpoint.url)
        done = run("--endpoint", "rag-embedder", "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, int] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_endpoint_embeds_and_a_second_run_changes_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ingest_with(run, monkeypatch, "e5") == {"upserted": 1, "unchanged": 0, "deleted": 0, "total": 1}
    assert ingest_with(run, monkeypatch, "e5") == {"upserted": 0, "unchanged": 1, "deleted": 0, "total": 1}


@pytest.mark.slow
def test_another_model_behind_the_same_endpoint_makes_all_vectors_anew(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_with(run, monkeypatch, "e5")
    assert ingest_with(run, monkeypatch, "e6") == {"upserted": 1, "unchanged": 0, "deleted": 1, "total": 1}


@pytest.mark.slow
def test_missing_key_is_named_and_nothing_is_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PINECONE_API_KEY")
    with serving(embedding("e5")) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", endpoint.url)
        done = run("--endpoint", "rag-embedder")
    assert done.exit_code == 1
    assert "PINECONE_API_KEY is not set" in done.stderr


@pytest.mark.slow
def test_refused_key_is_said_without_quoting_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINECONE_API_KEY", "hunter2")
    with serving(embedding("e5")) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", endpoint.url)
        done = run("--endpoint", "rag-embedder")
    assert done.exit_code == 1
    assert "PINECONE_API_KEY" in done.stderr
    assert "hunter2" not in done.output
