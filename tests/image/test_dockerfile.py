"""The Dockerfile and compose.yaml as text: what no build says when it is gone."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from app.services import CLOSE_S, FINISH_S, SHOW_S

ROOT = Path(__file__).resolve().parents[2]
LINES = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text("utf-8")).splitlines()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))


def stage(name: str) -> list[str]:
    """The instructions of a stage."""
    begins = next(
        place for place, line in enumerate(LINES) if line.startswith("FROM ") and line.endswith(f" AS {name}")
    )
    ends = next((place for place in range(begins + 1, len(LINES)) if LINES[place].startswith("FROM ")), len(LINES))
    return [line for line in LINES[begins:ends] if line and not line.startswith("#")]


def test_usual_base_is_named_by_digest_on_a_line_of_its_own() -> None:
    bases = [line for line in LINES if line.startswith("FROM ") and "${BASE}" not in line and "/" not in line]
    outside = [
        line
        for line in bases
        if not any(line.startswith(f"FROM {name} ") for name in ("build", "build-local", "frame"))
    ]
    assert len(outside) == 1
    assert re.fullmatch(r"FROM python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64} AS usual", outside[0])
    assert "ARG BASE=usual" in LINES


@pytest.mark.parametrize("name", ["frame", "local", "dashboard"])
def test_images_are_made_without_running_anything_in_them(name: str) -> None:
    assert not [line for line in stage(name) if line.startswith("RUN")]


def test_process_is_nobody_in_particular_and_is_started_without_a_shell() -> None:
    frame = stage("frame")
    assert "USER 10001:10001" in frame
    assert 'VOLUME ["/data"]' in frame
    for instruction in ("ENTRYPOINT", "CMD"):
        (line,) = (line for line in frame if line.startswith(instruction))
        assert line.removeprefix(instruction).strip().startswith("[")
    (health,) = (line for line in frame if line.startswith("HEALTHCHECK"))
    assert health.endswith('CMD ["/opt/raglass/bin/python", "-m", "app.probe"]')


def test_the_dashboard_is_what_is_built_if_nothing_is_said() -> None:
    assert [line for line in LINES if line.startswith("FROM ")][-1].endswith(" AS dashboard")


def test_everything_that_is_installed_has_a_hash_or_is_ours() -> None:
    installs = [part for line in LINES if line.startswith("RUN") for part in line.split("&&") if " install " in part]
    assert installs
    assert all("--require-hashes" in install or "--no-index" in install for install in installs)


def test_what_is_copied_is_there_and_reaches_the_build() -> None:
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]
    copies = [line.split()[1:-1] for line in LINES if line.startswith("COPY") and "--from" not in line]
    sources = [source for copied in copies for source in copied]
    assert sources
    for source in sources:
        assert (ROOT / source).exists()
        assert any(fnmatch(source, pattern) or source.startswith(f"{pattern}/") for pattern in let_in), source


@pytest.mark.parametrize("name", ["local", "aws"])
def test_services_are_confined_and_listen_on_this_machine_only(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["volumes"][0].split(":")[0] in COMPOSE["volumes"]
    assert "privileged" not in service


def test_only_the_local_service_starts_if_none_is_named() -> None:
    assert [name for name, service in COMPOSE["services"].items() if "profiles" not in service] == ["local"]


def test_compose_waits_longer_than_ending_may_take() -> None:
    # Questions, their measures, the page; then an indexing job, the last measures.
    longest_s = FINISH_S + CLOSE_S + SHOW_S + CLOSE_S + CLOSE_S
    assert COMPOSE["services"]["local"]["stop_grace_period"] == "2m"
    assert longest_s < 120


def test_no_secret_has_a_value_in_compose() -> None:
    environ = COMPOSE["services"]["aws"]["environment"]
    assert {name: environ[name] for name in environ if "KEY" in name or "TOKEN" in name or "DATABASE" in name} == {
        "RAGLASS_API_KEY": None,
        "RAGLASS_DATABASE_URL": None,
        "AWS_ACCESS_KEY_ID": None,
        "AWS_SECRET_ACCESS_KEY": None,
        "AWS_SESSION_TOKEN": None,
    }
