"""Services over a scripted backend, and over one with a corpus that costs nothing to embed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import app.services
from app.config import Settings
from app.services import Services
from app.shell.main import main
from backends.fake import Script, ScriptedBackend
from backends.local.corpus import LocalCorpus
from backends.local.documents import DocumentLibrary
from backends.local.index import LocalIndex
from backends.local.vectors import VectorCache
from backends.registry import BackendConfig
from pipeline.errors import ConfigError
from tests.app.attentive import AttentiveBackend
from tests.local.fake_embedder import FakeEmbedder


class CorpusBackend(ScriptedBackend):
    """The scripted backend with a real corpus beside it."""

    def __init__(self, folder: Path, script: Script | None = None) -> None:
        super().__init__(script)
        embedder = FakeEmbedder()
        cache = VectorCache(folder / "vectors", embedder.fingerprint, embedder.dimension)
        library = DocumentLibrary(folder / "documents.sqlite")
        index = LocalIndex(folder / "index", embedder)
        self.corpus = LocalCorpus(lambda: library, index, embedder, cache, builtin=False, with_sentences=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(Settings(), data_dir=tmp_path / "data", backend="fake")


@pytest.fixture
def make_services(settings: Settings) -> Iterator[Callable[..., Services]]:
    """Make services whose backend `fake` answers from a script; `corpus=True` gives it documents, `attentive=True` attention."""
    made: list[Services] = []

    def make(
        script: Script | None = None, *, corpus: bool = False, attentive: bool = False, **changes: Any
    ) -> Services:
        def open_backend(name: str, config: BackendConfig) -> ScriptedBackend:
            if name != "fake":
                raise ConfigError(f"There is no backend {name!r}.")
            if corpus:
                return CorpusBackend(config.data_dir, script)
            return AttentiveBackend(script) if attentive else ScriptedBackend(script)

        made.append(Services(replace(settings, **changes), open_backend=open_backend))
        return made[-1]

    yield make
    for services in made:
        services.close()


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services()


@pytest.fixture
def run(make_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `raglass` in this process, over a scripted backend."""

    def run_(*arguments: str, services: Services | None = None) -> Result:
        current = services or make_services()
        monkeypatch.setattr(app.services, "services", lambda: current)
        return CliRunner().invoke(main, arguments)

    return run_
