"""The example of docs/backends.md works as printed."""

import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from backends import registry
from backends.registry import BackendConfig
from pipeline.protocols import Backend

TEXT = (Path(__file__).parents[2] / "docs" / "backends.md").read_text("utf-8")


def fenced(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)
    return str(found)


def test_printed_example_is_a_backend_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shouting.py").write_text(fenced("python"), "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    [(name, value)] = tomllib.loads(fenced("toml"))["project"]["entry-points"][registry.GROUP].items()
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [EntryPoint(name, value, group)])
    backend = registry.open_backend("shouting", BackendConfig(tmp_path))
    assert isinstance(backend, Backend)
    trace = backend.answer("Who?", top_k=1, deadline_s=5)
    assert trace.error is None
    assert trace.backend == "shouting"
    assert trace.generation is not None
    assert trace.generation.answer == "ALFRED WEGENER PROPOSED CONTINENTAL DRIFT."
    assert backend.check_ready().ready
    assert "shouting" in registry.names()
    backend.close()


@pytest.mark.parametrize("path", re.findall(r"`((?:backends|pipeline|tests)/[\w/]+\.py)`", TEXT))
def test_named_file_exists(path: str) -> None:
    assert (Path(__file__).parents[2] / path).exists()
