"""The linters' own files: every exception has its reason, and the environment is pinned."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from serving.packing import ROOT

LINT = ROOT / "serving" / "stack" / "lint"


@pytest.mark.parametrize(("file", "key"), [("checkov.yaml", "skip-check"), ("cfn-lint.yaml", "ignore_checks")])
def test_every_check_that_is_left_out_has_its_reason_beside_it(file: str, key: str) -> None:
    body = (LINT / file).read_text("utf-8")
    left_out = yaml.safe_load(body)[key]
    assert left_out
    for check in left_out:
        assert re.search(rf"^  - {check} # \S.{{20,}}$", body, re.MULTILINE), check
    assert left_out == sorted(set(left_out), key=lambda check: int(re.sub(r"\D", "", check)))


def test_the_linters_are_pinned_with_hashes_and_no_index_is_named() -> None:
    lock = (ROOT / "requirements" / "lint.lock").read_text("utf-8")
    wanted = [line for line in (ROOT / "requirements" / "lint.in").read_text("utf-8").split("\n") if line[:1].isalpha()]
    assert len(wanted) == 5
    for name in wanted:
        assert re.search(rf"^{name}==[\d.]+ \\$", lock, re.MULTILINE), name
    assert "://" not in lock
    assert "--index-url" not in lock


def test_linters_that_cannot_run_fail_the_gate(tmp_path: Path) -> None:
    done = subprocess.run(["sh", str(LINT / "run.sh"), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cfn-lint: see above" in done.stderr
