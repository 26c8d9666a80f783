"""The dashboard of the image: every page opens over a stack where nothing is installed that image.lock leaves out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.image.test_image_lock import NOT_IN_THE_IMAGE

ROOT = Path(__file__).resolve().parents[2]

MODULES = {
    "beautifulsoup4": "bs4",
    "faiss-cpu": "faiss",
    "markdown-it-py": "markdown_it",
    "pyyaml": "yaml",
}
"""Where a distribution is imported by another name."""

OPEN = """
import sys

absent = sys.argv[2].split(",")
sys.modules.update(dict.fromkeys(absent))  # None: as if it were not installed.

from streamlit.testing.v1 import AppTest

test = AppTest.from_file("app/main.py", default_timeout=60).switch_page(f"../pages/{sys.argv[1]}.py").run()
assert not test.exception, test.exception
assert test.title[0].value, "no title"
"""


@pytest.mark.parametrize(
    "page", ["ask", "compare", "explain", "live", "traces", "runs", "stability", "corpus", "status"]
)
def test_page_opens_without_what_the_image_leaves_out(page: str, tmp_path: Path) -> None:
    absent = [MODULES.get(name, name) for name in NOT_IN_THE_IMAGE]
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("RAGLASS_", "AWS_"))},
        "RAGLASS_BACKEND": "aws",
        "RAGLASS_API_URL": "http://127.0.0.1:9",
        "RAGLASS_DATA_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", OPEN, page, ",".join(absent)],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
