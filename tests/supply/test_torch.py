"""Which builds of torch are taken."""

import importlib.util
from pathlib import Path
from subprocess import CompletedProcess
from types import ModuleType

import pytest

from serving.supply.locks import FOLDER, read_lock

KNOWN = "ab" * 32


@pytest.fixture(scope="module")
def torch_file() -> ModuleType:
    about = importlib.util.spec_from_file_location("torch_file", Path(FOLDER / "install_torch.py"))
    assert about is not None
    assert about.loader is not None
    found = importlib.util.module_from_spec(about)
    about.loader.exec_module(found)
    return found


@pytest.mark.parametrize(
    ("version", "digest", "strict", "said"),
    [
        ("2.13.0", KNOWN, True, ""),
        ("2.13.0+cpu", KNOWN, False, ""),
        ("2.13.0", "cd" * 32, False, "Refused"),
        ("2.13.0", None, False, "Refused"),
        ("2.13.0+cpu", "cd" * 32, False, "Taken unchecked"),
        ("2.13.0+cpu", None, False, "Taken unchecked"),
        ("2.13.0+cpu", "cd" * 32, True, "Refused"),
    ],
)
def test_the_usual_indexs_builds_have_to_be_known_and_others_are_told(
    torch_file: ModuleType, version: str, digest: str | None, strict: bool, said: str
) -> None:
    judged = torch_file.judge(version, digest, {KNOWN}, strict)
    assert judged.startswith(said)
    assert bool(judged) == bool(said)


def test_pips_report_tells_the_build(torch_file: ModuleType) -> None:
    taken = {"metadata": {"version": "2.13.0+cpu"}, "download_info": {"archive_info": {"hashes": {"sha256": KNOWN}}}}
    assert torch_file.build({"install": [taken]}) == ("2.13.0+cpu", KNOWN)


def test_ten_builds_are_known() -> None:
    assert [(each.version, len(each.hashes)) for each in read_lock(FOLDER / "torch.lock")] == [("2.13.0", 10)]


@pytest.mark.parametrize(
    ("version", "platform", "asked"),
    [
        ("2.13.0", "linux", "locked"),
        ("2.13.0", "darwin", "none"),
        ("2.13.0+cpu", "linux", "none"),
        ("2.13.0+cu126", "linux", "unknown"),
    ],
)
def test_libraries_of_cuda_are_those_that_are_locked_for_the_usual_build(
    torch_file: ModuleType, version: str, platform: str, asked: str
) -> None:
    assert torch_file.libraries(version, platform) == asked


def test_libraries_are_locked_beside_what_the_environment_has() -> None:
    """torch 2.13.0's metadata, read with `pip install --dry-run --report - torch==2.13.0` on Python 3.12, Linux."""
    locked = {each.name: each.version for each in read_lock(FOLDER / "cuda.lock")}
    exact = {"nvidia-cudnn-cu13": "9.20.0.48", "nvidia-nccl-cu13": "2.29.7", "triton": "3.7.1"}
    assert exact.items() <= locked.items()
    assert not locked.keys() & {each.name for each in read_lock(FOLDER / "test.lock")}
    beside = {each.name: each.version for lock in ("run", "build") for each in read_lock(FOLDER / f"{lock}.lock")}
    locking = {each.name: each.version for each in read_lock(FOLDER / "locking.lock")}
    assert "pip-tools" in locking
    assert all(beside[name] == locking[name] for name in beside.keys() & locking.keys())


def test_each_pip_that_installs_is_held_to_hashes(torch_file: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def run(command: list[str], **_: object) -> CompletedProcess[str]:
        asked.append(tuple(command))
        return CompletedProcess(command, 0)

    monkeypatch.setattr(torch_file.subprocess, "run", run)
    monkeypatch.setattr(torch_file.sys, "platform", "linux")
    assert torch_file.install("2.13.0", KNOWN) or torch_file.install_libraries("2.13.0") == 0
    assert len(asked) == 2
    assert all({"--no-deps", "--require-hashes"} <= set(command) for command in asked)
    assert asked[1][-1].endswith("cuda.lock")
