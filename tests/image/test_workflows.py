"""The workflows as text. `make lint-stack` knows more; this is what must not wait for it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NAMES = [file.name for file in FILES]


def jobs(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))["jobs"]
    return found


def test_there_are_the_three_workflows() -> None:
    assert NAMES == ["ci.yml", "deploy.yml", "release.yml"]


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_actions_are_pinned_by_commit_with_the_version_beside_it(file: Path) -> None:
    uses = re.findall(r"uses: (.*)", file.read_text("utf-8"))
    assert uses
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v[\d.]+", used) for used in uses)


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_nothing_is_pasted_into_a_shell(file: Path) -> None:
    runs = [step["run"] for job in jobs(file).values() for step in job["steps"] if "run" in step]
    assert runs
    assert not [run for run in runs if "${{" in run]


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_jobs_have_the_permissions_that_they_name_and_no_others(file: Path) -> None:
    workflow = yaml.safe_load(file.read_text("utf-8"))
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"]
        assert job["timeout-minutes"]


def test_no_long_lived_key_of_aws_is_used() -> None:
    secrets = {name for file in FILES for name in re.findall(r"secrets\.(\w+)", file.read_text("utf-8"))}
    assert secrets == {"PINECONE_API_KEY"}


def test_only_what_runs_nothing_else_may_write_to_the_repository() -> None:
    writers = {
        (file.name, name)
        for file in FILES
        for name, job in jobs(file).items()
        if job["permissions"].get("contents") == "write"
    }
    assert writers == {("release.yml", "publish")}


def test_every_supported_python_is_tried() -> None:
    assert jobs(ROOT / ".github/workflows/ci.yml")["check"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


def test_deployments_wait_for_approval_and_never_cut_each_other_off() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text("utf-8"))
    assert workflow["jobs"]["deploy"]["environment"]["name"] == "production"
    assert workflow["concurrency"] == {"group": "deploy-production", "cancel-in-progress": False}
