"""The dashboard of the image: every page opens over a stack where nothing is installed that image.lock leaves out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.image.test_image_lock import NOT_IN_THE_IMAGE

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]

MODULES = {
    "faiss-cpu": "faiss",
    "markdown-it-py": "markdown_it",
    "charset-normalizer": "charset_normalizer",
    "mdit-py-plugins": "mdit_py_plugins",
    "pyspellchecker": "spellchecker",
    "python-calamine": "python_calamine",
    "python-pptx": "pptx",
    "pyyaml": "yaml",
}
"""Where a distribution is imported by another name."""

OPEN = """
import json
import sys

pages, absent = json.loads(sys.argv[1])
sys.modules.update(dict.fromkeys(absent))  # None: as if it were not installed.

from streamlit.testing.v1 import AppTest

found = {}
for page in pages:
    test = AppTest.from_file("app/main.py", default_timeout=60).switch_page(f"../pages/{page}.py").run()
    found[page] = [str(each.value) for each in test.exception] or [title.value for title in test.title]
print(json.dumps(found))
"""
"""One process for all pages: a module that could not be imported for one of them cannot be for the next either."""

PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py") if path.stem != "__init__")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What each page shows: its title, or what it failed with."""
    absent = [MODULES.get(name, name) for name in NOT_IN_THE_IMAGE]
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("RAGLASS_", "AWS_"))},
        "RAGLASS_BACKEND": "aws",
        "RAGLASS_API_URL": "http://127.0.0.1:9",
        "RAGLASS_DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", OPEN, json.dumps([PAGES, absent])],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])  # after what a page that failed printed
    return found


@pytest.mark.parametrize("page", PAGES)
def test_page_opens_without_what_the_image_leaves_out(page: str, opened: dict[str, list[str]]) -> None:
    assert opened[page] == [page.capitalize()]


def test_what_is_left_out_would_be_missed_by_what_needs_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPEN.replace("found = {}", "import faiss"), json.dumps([[], ["faiss"]])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ModuleNotFoundError" in done.stderr
