"""The use cases over a scripted backend."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.services import Services
from backends.fake import Script, ScriptedBackend
from pipeline.errors import InputError, StoreError, Unavailable
from tests.local.conftest import make_document

Make = Callable[..., Services]


def test_trace_of_a_backend_that_is_gone_cannot_be_explained_and_says_why(services: Services) -> None:
    trace = replace(services.asking.ask(services.asking.question("Who?")).trace, backend="gone")
    with pytest.raises(Unavailable, match="backend gone, which answered this trace, cannot be opened"):
        next(services.explanations.explain(trace))


def test_trace_that_could_not_be_stored_can_be_explained(services: Services) -> None:
    trace = replace(services.asking.ask(services.asking.question("Who?")).trace, trace_id="f" * 32)
    *_, found = services.explanations.explain(trace)
    assert found.complete


def test_data_folder_that_cannot_be_made_says_which_setting(make_services: Make, tmp_path: Any) -> None:
    (tmp_path / "file").write_text("in the way")
    services = make_services(data_dir=tmp_path / "file" / "data")
    with pytest.raises(StoreError, match="RAGLASS_DATA_DIR"):
        services.backends.open("fake")
    with pytest.raises(StoreError, match="RAGLASS_DATA_DIR"):
        _ = services.store


def test_ready_services_have_no_problem(services: Services) -> None:
    assert services.check_ready() == {"backend": None, "store": None}


def test_readiness_names_the_part_and_the_reason(make_services: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    services = make_services(Script(failures={"embed": OSError()}), database_url="nonsense")
    problems = services.check_ready()
    assert problems["backend"] == "embed: scripted"
    assert problems["store"] is not None
    assert "RAGLASS_DATABASE_URL" in problems["store"]


def test_readiness_does_not_wait_for_a_backend_that_is_being_opened(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.kit.open_backends.CHECK_S", 0.01)
    go_on, begun = threading.Event(), threading.Event()

    def open_slowly(name: str, config: object) -> ScriptedBackend:
        begun.set()
        go_on.wait(10)
        return ScriptedBackend()

    services = Services(settings, open_backend=open_slowly)
    thread = threading.Thread(target=services.backends.open, args=("fake",))
    thread.start()
    begun.wait(10)
    problems = services.check_ready()
    assert problems["backend"] is not None
    assert "being opened" in problems["backend"]
    assert problems["store"] is None
    go_on.set()
    thread.join()
    assert services.check_ready()["backend"] is None
    services.close()


def test_closing_twice_is_harmless_and_the_store_opens_again(services: Services) -> None:
    services.asking.ask(services.asking.question("Who?"))
    services.close()
    services.close()
    assert services.store.count() == 1


def test_unusable_library_costs_no_answer_once_there_is_an_index(
    make_services: Make, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    services = make_services(corpus=True)
    corpus = services.backends.corpus("fake")
    assert corpus is not None
    corpus.library.add(make_document("v", "Volcanoes erupt."))
    corpus.build()
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"no database" * 99)
    monkeypatch.setattr(corpus.library, "path", broken)
    with caplog.at_level(logging.CRITICAL):
        assert services.asking.ask(services.asking.question("Who?")).trace.error is None


def test_backend_that_cannot_be_opened_leaves_a_stored_trace(settings: Any) -> None:
    def open_backend(name: str, config: object) -> ScriptedBackend:
        raise Unavailable("local/research needs torch. Run `make research`.")

    services = Services(settings, open_backend=open_backend)
    asked = services.asking.ask(services.asking.question("Who?"))
    assert asked.trace.error is not None
    assert (asked.trace.error.kind, asked.trace.error.stage) == ("Unavailable", None)
    assert "make research" in asked.trace.error.message
    stored = services.store.get(asked.trace.trace_id)
    assert stored is not None
    assert stored.trace == asked.trace
    with pytest.raises(InputError, match="blank"):
        services.asking.ask(services.asking.question(" "))
    services.close()
