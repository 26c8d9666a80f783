"""Pages under Streamlit's AppTest, over a scripted backend and a store of their own."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest

from app import services as use_cases
from app.config import Settings
from app.services import Services
from backends import registry
from backends.fake import Script, ScriptedBackend

MAIN = Path(__file__).resolve().parent.parent.parent / "app" / "main.py"
TIMEOUT_S = 60


@pytest.fixture(scope="session", autouse=True)
def installed_components() -> Iterator[None]:
    """AppTest reads through every installed package for components before each run, which is nine tenths of its time: once will do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="session", autouse=True)
def compiled_scripts() -> Iterator[None]:
    """AppTest compiles the router and the page before each run: each script once will do, as in a server."""
    compiled = ScriptCache()
    with pytest.MonkeyPatch.context() as patch:
        get_bytecode = ScriptCache.get_bytecode
        patch.setattr(ScriptCache, "get_bytecode", lambda _, path: get_bytecode(compiled, path))
        yield


@pytest.fixture(autouse=True)
def fresh_caches() -> Iterator[None]:
    """Nothing cached by one test is seen by the next."""
    st.cache_data.clear()
    st.cache_resource.clear()
    yield
    st.cache_data.clear()


@pytest.fixture
def script() -> Script:
    """What the scripted backend does; a test may change it."""
    return Script()


@pytest.fixture
def services(tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """The process's services, answering from the script."""
    settings = replace(Settings(), data_dir=tmp_path, backend="fake")
    current = Services(settings, open_backend=lambda name, config: ScriptedBackend(script, name=name))
    monkeypatch.setattr(registry, "names", lambda: ["fake"])
    monkeypatch.setattr(use_cases, "services", lambda: current)
    yield current
    current.close()


@pytest.fixture
def open_page(services: Services) -> Callable[..., AppTest]:
    """Opens a page with an address, through the router, and runs it."""

    def open_one(name: str, **address: str) -> AppTest:
        test = AppTest.from_file(str(MAIN), default_timeout=TIMEOUT_S).switch_page(f"../pages/{name}.py")
        for key, value in address.items():
            test.query_params[key] = value
        return test.run()

    return open_one
