"""Which builds of torch are taken."""

import importlib.util
from pathlib import Path
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
