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


def test_there_are_the_five_workflows() -> None:
    assert NAMES == ["ci.yml", "deploy.yml", "locks.yml", "release.yml", "trials.yml"]


def test_what_takes_too_long_for_every_change_is_tried_every_week() -> None:
    text = (ROOT / ".github/workflows/trials.yml").read_text("utf-8")
    assert re.search(r'cron: "\d+ \d+ \* \* \d"', text)
    for tried in ("clients", "attack", "faults", "kill", "fuzz", "soak", "bench"):
        assert f"run: make {tried}" in text


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
    assert writers == {("release.yml", "publish"), ("locks.yml", "offer")}
    for file, name in writers:
        commands = " ".join(step.get("run", "") for step in jobs(ROOT / ".github/workflows" / file)[name]["steps"])
        assert "make " not in commands
        assert "python" not in commands


def test_locks_are_made_anew_every_week_and_every_change_is_audited() -> None:
    text = (ROOT / ".github/workflows/locks.yml").read_text("utf-8")
    assert re.search(r'cron: "\d+ \d+ \* \* \d"', text)
    assert "make lock UPGRADE=1" in text
    for file in ("locks.yml", "ci.yml"):
        assert "run: make audit\n" in (ROOT / ".github/workflows" / file).read_text("utf-8")


def test_every_supported_python_is_tried() -> None:
    assert jobs(ROOT / ".github/workflows/ci.yml")["check"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


def test_deployments_wait_for_approval_and_never_cut_each_other_off() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text("utf-8"))
    assert workflow["jobs"]["deploy"]["environment"]["name"] == "production"
    assert workflow["concurrency"] == {"group": "deploy-production", "cancel-in-progress": False}


def test_a_deployment_can_fetch_and_convert_models_and_installs_nothing_while_it_has_credentials() -> None:
    steps = jobs(ROOT / ".github/workflows/deploy.yml")["deploy"]["steps"]
    installing = [place for place, step in enumerate(steps) if "make " in step.get("run", "")]
    assert [steps[place]["run"] for place in installing] == ["make research"]
    session = next(place for place, step in enumerate(steps) if "configure-aws-credentials" in step.get("uses", ""))
    up = next(place for place, step in enumerate(steps) if "deploy up" in step.get("run", ""))
    assert installing[0] < session < up


def test_make_builds_ours_from_what_is_locked_and_installs_nothing_without_a_hash() -> None:
    """torch is asked for once more at the end, without an index: it says whether something is missing, and fetches nothing."""
    text = (ROOT / "Makefile").read_text("utf-8")
    rules = [line.strip() for line in text.splitlines() if re.match(r"\t@?\$\((PIP|LOCKED)\)", line)]
    assert "@$(PIP) --no-deps --no-index --no-build-isolation --editable ." in rules
    free = {line.split("$(PIP)")[1].strip() for line in rules if "$(PIP)" in line and "--no-index" not in line}
    assert free == set()
    assert "LOCKED := $(PIP) --no-deps --require-hashes" in text
    assert text.count("\t@$(HASHED_TORCH)\n\t@$(LOCKED)") == text.count("\t@$(PIP) --no-index $(TORCH)\n")
    pinned = re.findall(r"^torch==\S+", (ROOT / "requirements" / "torch.lock").read_text("utf-8"), re.MULTILINE)
    assert pinned == re.findall(r"^TORCH := (\S+)", text, re.MULTILINE)


def test_a_torch_of_no_known_hash_is_refused_wherever_all_of_its_builds_are_known() -> None:
    """Of the builds for CPUs alone that of Python 3.11 on Linux is known, so the other Pythons take what their index has, and say so."""
    strict = "${{ matrix.python == '3.11' && '1' || '' }}"
    for file in FILES:
        workflow = yaml.safe_load(file.read_text("utf-8"))
        if "PIP_EXTRA_INDEX_URL" in workflow.get("env", {}):
            assert workflow["env"]["TORCH_HASHES"] == "1", file.name
    matrices = {name: job for file in FILES for name, job in jobs(file).items() if "matrix" in job.get("strategy", {})}
    assert {name: job["env"].get("TORCH_HASHES") for name, job in matrices.items()} == {"check": strict}


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_no_workflow_installs_packages_but_through_make(file: Path) -> None:
    assert not re.search(r"pip3? install|pipx|\buv\b", file.read_text("utf-8"))


def test_a_job_that_sets_a_python_up_uses_that_one() -> None:
    """`make` would take the newest that the machine has."""
    for file in FILES:
        for name, job in jobs(file).items():
            steps = [str(step) for step in job["steps"]]
            if any("setup-python" in step for step in steps) and any("make " in step for step in steps):
                assert "PYTHON" in job.get("env", {}) or any("make install PYTHON=" in step for step in steps), name
