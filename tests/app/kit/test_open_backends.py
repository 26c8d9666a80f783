"""Backends that one process has open."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from app.services import Services
from backends.fake import Script, ScriptedBackend
from pipeline.errors import ConfigError, Unavailable
from pipeline.types import Readiness
from tests.local.conftest import make_document

Make = Callable[..., Services]


def test_backend_is_opened_once(settings: Any) -> None:
    opened: list[str] = []

    def open_backend(name: str, config: object) -> ScriptedBackend:
        opened.append(name)
        return ScriptedBackend()

    services = Services(settings, open_backend=open_backend)
    threads = [threading.Thread(target=services.backends.open, args=("fake",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened == ["fake"]
    assert settings.data_dir.is_dir()
    services.close()


def test_unknown_backend_is_a_config_error(services: Services) -> None:
    with pytest.raises(ConfigError, match="'cloud'"):
        services.backends.open("cloud")


def test_missing_index_is_built_when_its_backend_is_opened(make_services: Make) -> None:
    services = make_services(corpus=True)
    corpus = services.backends.corpus("fake")
    assert corpus is not None
    assert not corpus.has_index()  # there is nothing to index yet, which must not keep the backend from opening
    corpus.library.add(make_document("v", "Volcanoes erupt."))
    services.backends.open("fake")
    assert corpus.has_index()


def test_backend_without_documents_has_no_corpus(services: Services) -> None:
    assert services.backends.corpus("fake") is None


def test_backend_names_tell_what_is_missing(services: Services) -> None:
    names = services.backends.names()
    assert names["local/embedded"] is None
    assert "local/research" in names


def test_changed_documents_are_told_only_of_an_open_backend(make_services: Make) -> None:
    services = make_services(corpus=True)
    assert not services.backends.is_stale("fake")
    corpus = services.backends.corpus("fake")
    assert corpus is not None
    corpus.library.add(make_document("v", "Volcanoes erupt."))
    corpus.build()
    assert not services.backends.is_stale("fake")
    corpus.library.add(make_document("w", "Winds blow."))
    assert services.backends.is_stale("fake")


def test_check_raises_what_keeps_a_backend_from_answering(make_services: Make) -> None:
    services = make_services(Script(failures={"embed": OSError()}))
    with pytest.raises(Unavailable):
        services.backends.check("fake")


def test_nobody_waits_for_a_check_that_a_slow_server_keeps_waiting(settings: Any) -> None:
    checking, goes_on = threading.Event(), threading.Event()

    class Slow(ScriptedBackend):
        def check_ready(self) -> Readiness:
            checking.set()
            goes_on.wait(60)
            return super().check_ready()

    services = Services(settings, open_backend=lambda name, config: Slow() if name == "slow" else ScriptedBackend())
    check = threading.Thread(target=services.backends.check, args=("slow",))
    check.start()
    opened = threading.Event()

    def open_other() -> None:
        services.backends.open("other")
        opened.set()

    try:
        assert checking.wait(60)
        threading.Thread(target=open_other, daemon=True).start()
        assert opened.wait(5)
    finally:
        goes_on.set()
        check.join()
        services.close()
