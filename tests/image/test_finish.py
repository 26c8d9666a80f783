"""What the build does last: less to carry, nothing left to compile."""

import subprocess
import sys
from pathlib import Path

import pytest

from serving.image import finish


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment of which only the places count."""
    packages = tmp_path / "lib" / "python3.13" / "site-packages"
    for place in (*finish.NOT_NEEDED, "pandas/core"):
        (packages / place).mkdir(parents=True)
        (packages / place / "module.py").write_text("x = 1\n")
    return tmp_path


def run(*folders: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, finish.__file__, *map(str, folders)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_is_not_needed_goes_and_the_rest_is_compiled(environment: Path) -> None:
    assert run(environment).returncode == 0
    packages = environment / "lib" / "python3.13" / "site-packages"
    assert not [place for place in finish.NOT_NEEDED if (packages / place).exists()]
    assert list((packages / "pandas" / "core" / "__pycache__").glob("module.*.pyc"))


def test_list_of_what_is_not_needed_stays_true(environment: Path) -> None:
    (environment / "lib/python3.13/site-packages/pandas/tests").rename(environment / "elsewhere")
    done = run(environment)
    assert done.returncode == 1
    assert "pandas/tests is not there any more" in done.stderr


@pytest.mark.slow
def test_module_that_cannot_be_compiled_fails_the_build(environment: Path, tmp_path: Path) -> None:
    source = tmp_path / "app"
    source.mkdir()
    (source / "broken.py").write_text("def (\n")
    done = run(environment, source)
    assert done.returncode == 1
    assert "cannot be compiled" in done.stderr
