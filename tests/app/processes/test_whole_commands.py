"""Commands from documents to an answer, each a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.app.shell.shells import shell


@pytest.mark.slow
def test_asking_and_explaining_over_a_built_index_import_only_what_they_use(tmp_path: Path) -> None:
    built = shell("ask", "Who proposed that continents drift?", "--json", RAGLASS_DATA_DIR=str(tmp_path))
    trace_id = json.loads(built.stdout)["trace_id"]
    code = (
        "import sys\nfrom app.shell.main import main\nmain(['ask', 'Why is the sky blue?'], standalone_mode=False)\n"
        f"try: main(['explain', {trace_id!r}])\nexcept SystemExit as ended: print('LOADED', ended.code, *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "RAGLASS_DATA_DIR": str(tmp_path)},
    )
    status, *loaded = done.stdout.partition("LOADED")[2].split()
    assert status == "0", done.stderr
    assert {"faiss", "onnxruntime", "sqlalchemy"} <= set(loaded)
    pages = {"streamlit", "plotly", "pandas"}
    adding_documents = {"markdown_it", "pypdfium2", "lxml", "docutils", "mammoth", "icu4py", "bm25s", "numba"}
    others = {
        "scipy",
        "torch",
        "boto3",
        "pinecone",
        "requests",
        "alembic",
        "app.explaining.report",
        "app.runs.evaluations",
        "app.live.reading",
    }
    assert not set(loaded) & (pages | adding_documents | others)


@pytest.mark.slow
def test_whole_command_answers_from_documents_in_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "wegener.txt").write_text("Alfred Wegener proposed in 1912 that continents drift.")
    environ = {"RAGLASS_DATA_DIR": str(tmp_path / "data"), "RAGLASS_BUILTIN_CORPUS": "0", "RAGLASS_THREADS": "1"}
    indexed = shell("index", str(tmp_path / "wegener.txt"), **environ)
    assert indexed.returncode == 0, indexed.stderr
    asked = shell("ask", "Who proposed that continents drift?", "--json", **environ)
    assert asked.returncode == 0, asked.stderr
    data: dict[str, Any] = json.loads(asked.stdout)
    assert [chunk["document_id"].startswith("wegener-") for chunk in data["chunks"]] == [True]
    listed = shell("traces", **environ)
    assert data["trace_id"] in listed.stdout
