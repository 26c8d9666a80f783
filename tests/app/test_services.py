"""The use cases over a scripted backend."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.services import Asked, Services
from backends.fake import Script, ScriptedBackend
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.errors import ConfigError, InputError, StoreError, Throttled, Unavailable
from pipeline.types import ChunksFound, StageStarted, TokenMade
from tests.local.conftest import make_document

Make = Callable[..., Services]


def test_answered_question_is_stored(services: Services) -> None:
    asked = services.ask(services.question("Who?"))
    assert asked.not_stored is None
    stored = services.store.get(asked.trace.trace_id)
    assert stored is not None
    assert stored.trace == asked.trace


def test_failed_question_is_stored_too(make_services: Make) -> None:
    services = make_services(Script(failures={"generate": Throttled("Slow down.")}))
    asked = services.ask(services.question("Who?"))
    assert asked.trace.error is not None
    assert asked.trace.error.kind == "Throttled"
    assert services.store.get(asked.trace.trace_id) is not None


def test_question_is_asked_as_the_settings_have_it(make_services: Make) -> None:
    services = make_services(top_k=3, deadline_s=7.0)
    trace = services.ask(services.question("Who?")).trace
    assert (len(trace.chunks), trace.settings["deadline_s"], trace.backend) == (3, 7.0, "fake")


def test_trace_of_a_backend_that_is_gone_cannot_be_explained_and_says_why(services: Services) -> None:
    trace = replace(services.ask(services.question("Who?")).trace, backend="gone")
    with pytest.raises(Unavailable, match="backend gone, which answered this trace, cannot be opened"):
        next(services.explanations.explain(trace))


def test_trace_that_could_not_be_stored_can_be_explained(services: Services) -> None:
    trace = replace(services.ask(services.question("Who?")).trace, trace_id="f" * 32)
    *_, found = services.explanations.explain(trace)
    assert found.complete


def test_last_is_the_trace_that_was_stored_last(services: Services) -> None:
    with pytest.raises(InputError, match="no trace 'LAST'"):
        services.trace("LAST")
    services.ask(services.question("First?"))
    second = services.ask(services.question("Second?")).trace
    assert services.trace("LAST") == second


def test_misuse_raises_and_stores_nothing(services: Services) -> None:
    with pytest.raises(InputError):
        services.ask(services.question(" "))
    assert services.store.count() == 0


@pytest.mark.parametrize("raised", [StoreError("The disk is full."), InputError("It has no time.")])
def test_trace_that_cannot_be_stored_is_kept_and_says_why(
    services: Services, monkeypatch: pytest.MonkeyPatch, raised: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr(TraceStore, "put_all", fail)
    asked = services.ask(services.question("Who?"))
    assert asked.trace.generation is not None
    assert asked.not_stored == str(raised)
    assert asked.trace.trace_id in caplog.text


def test_store_that_cannot_be_opened_costs_no_answer(make_services: Make) -> None:
    services = make_services(database_url="nonsense")
    asked = services.ask(services.question("Who?"))
    assert asked.trace.error is None
    assert asked.not_stored is not None
    assert "RAGLASS_DATABASE_URL" in asked.not_stored


def test_events_come_before_the_outcome(services: Services) -> None:
    events = list(services.ask_events(services.question("Who?")))
    assert isinstance(events[0], StageStarted)
    assert isinstance(events[-1], Asked)
    kinds = [type(event) for event in events]
    assert kinds.index(ChunksFound) < kinds.index(TokenMade)
    assert services.store.get(events[-1].trace.trace_id) is not None


def test_misuse_is_raised_in_the_readers_thread(services: Services) -> None:
    with pytest.raises(InputError, match="blank"):
        list(services.ask_events(services.question("")))


def test_reader_that_goes_away_does_not_stop_the_question(make_services: Make) -> None:
    services = make_services(Script(delays_s={"generate": 0.02}))
    events = services.ask_events(services.question("Who?"))
    next(events)
    events.close()  # type: ignore[attr-defined]
    for thread in threading.enumerate():
        if thread.name == "ask":
            thread.join(5)
    assert services.store.page(TraceQuery()).rows[0].question == "Who?"


def test_backend_is_opened_once(settings: Any) -> None:
    opened: list[str] = []

    def open_backend(name: str, config: object) -> ScriptedBackend:
        opened.append(name)
        return ScriptedBackend()

    services = Services(settings, open_backend=open_backend)
    threads = [threading.Thread(target=services.backend, args=("fake",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened == ["fake"]
    assert settings.data_dir.is_dir()
    services.close()


def test_unknown_backend_is_a_config_error(services: Services) -> None:
    with pytest.raises(ConfigError, match="'cloud'"):
        services.backend("cloud")


def test_data_folder_that_cannot_be_made_says_which_setting(make_services: Make, tmp_path: Any) -> None:
    (tmp_path / "file").write_text("in the way")
    services = make_services(data_dir=tmp_path / "file" / "data")
    with pytest.raises(StoreError, match="RAGLASS_DATA_DIR"):
        services.backend("fake")
    with pytest.raises(StoreError, match="RAGLASS_DATA_DIR"):
        _ = services.store


def test_missing_index_is_built_when_its_backend_is_opened(make_services: Make) -> None:
    services = make_services(corpus=True)
    corpus = services.corpus("fake")
    assert corpus is not None
    assert not corpus.has_index()  # there is nothing to index yet, which must not keep the backend from opening
    corpus.library.add(make_document("v", "Volcanoes erupt."))
    services.backend("fake")
    assert corpus.has_index()


def test_backend_without_documents_has_no_corpus(services: Services) -> None:
    assert services.corpus("fake") is None


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
    monkeypatch.setattr("app.services.CHECK_S", 0.01)
    go_on, begun = threading.Event(), threading.Event()

    def open_slowly(name: str, config: object) -> ScriptedBackend:
        begun.set()
        go_on.wait(10)
        return ScriptedBackend()

    services = Services(settings, open_backend=open_slowly)
    thread = threading.Thread(target=services.backend, args=("fake",))
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
    services.ask(services.question("Who?"))
    services.close()
    services.close()
    assert services.store.count() == 1


def test_backend_names_tell_what_is_missing(services: Services) -> None:
    names = services.backend_names()
    assert names["local/embedded"] is None
    assert "local/research" in names


def test_unusable_library_costs_no_answer_once_there_is_an_index(
    make_services: Make, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    services = make_services(corpus=True)
    corpus = services.corpus("fake")
    assert corpus is not None
    corpus.library.add(make_document("v", "Volcanoes erupt."))
    corpus.build()
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"no database" * 99)
    monkeypatch.setattr(corpus.library, "path", broken)
    with caplog.at_level(logging.CRITICAL):
        assert services.ask(services.question("Who?")).trace.error is None


def test_backend_that_cannot_be_opened_leaves_a_stored_trace(settings: Any) -> None:
    def open_backend(name: str, config: object) -> ScriptedBackend:
        raise Unavailable("local/research needs torch. Run `make research`.")

    services = Services(settings, open_backend=open_backend)
    asked = services.ask(services.question("Who?"))
    assert asked.trace.error is not None
    assert (asked.trace.error.kind, asked.trace.error.stage) == ("Unavailable", None)
    assert "make research" in asked.trace.error.message
    stored = services.store.get(asked.trace.trace_id)
    assert stored is not None
    assert stored.trace == asked.trace
    with pytest.raises(InputError, match="blank"):
        services.ask(services.question(" "))
    services.close()


def test_changed_documents_are_told_only_of_an_open_backend(make_services: Make) -> None:
    services = make_services(corpus=True)
    assert not services.is_stale("fake")
    corpus = services.corpus("fake")
    assert corpus is not None
    corpus.library.add(make_document("v", "Volcanoes erupt."))
    corpus.build()
    assert not services.is_stale("fake")
    corpus.library.add(make_document("w", "Winds blow."))
    assert services.is_stale("fake")


def test_problem_of_the_backend_is_not_blamed_on_the_store(make_services: Make) -> None:
    services = make_services(Script(failures={"embed": OSError()}))
    with pytest.raises(Unavailable):
        services._check_backend()
