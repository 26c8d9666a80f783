"""The measurement of an index of any size, on a small one: every page and command that it names is carried out."""

import json
import subprocess
import sys

import pytest

from benchmarks.scaled_corpus import COMMANDS_OF_CORPUS, PAGES_OF_CORPUS


@pytest.mark.slow
def test_every_page_and_command_over_documents_is_measured() -> None:
    command = [sys.executable, "-m", "benchmarks.bench_scale", "--parts", "corpus", "--chunks", "200", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["corpora"]["200"]
    wanted = {f"raglass {name}, s" for name in COMMANDS_OF_CORPUS} | {f"{page}: first, s" for page in PAGES_OF_CORPUS}
    assert wanted <= found.keys()
    assert all(found[name] > 0 for name in wanted)
