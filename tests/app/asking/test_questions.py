"""A question is answered and its trace is kept, whatever became of it."""

import threading
from collections.abc import Callable

import pytest

from app.asking.questions import Asked
from app.services import Services
from backends.fake import Script
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.errors import InputError, StoreError, Throttled
from pipeline.types import ChunksFound, StageStarted, TokenMade

Make = Callable[..., Services]


def test_answered_question_is_stored(services: Services) -> None:
    asked = services.asking.ask(services.asking.question("Who?"))
    assert asked.not_stored is None
    stored = services.store.get(asked.trace.trace_id)
    assert stored is not None
    assert stored.trace == asked.trace


def test_failed_question_is_stored_too(make_services: Make) -> None:
    services = make_services(Script(failures={"generate": Throttled("Slow down.")}))
    asked = services.asking.ask(services.asking.question("Who?"))
    assert asked.trace.error is not None
    assert asked.trace.error.kind == "Throttled"
    assert services.store.get(asked.trace.trace_id) is not None


def test_question_is_asked_as_the_settings_have_it(make_services: Make) -> None:
    services = make_services(top_k=3, deadline_s=7.0)
    trace = services.asking.ask(services.asking.question("Who?")).trace
    assert (len(trace.chunks), trace.settings["deadline_s"], trace.backend) == (3, 7.0, "fake")


def test_misuse_raises_and_stores_nothing(services: Services) -> None:
    with pytest.raises(InputError):
        services.asking.ask(services.asking.question(" "))
    assert services.store.count() == 0


@pytest.mark.parametrize("raised", [StoreError("The disk is full."), InputError("It has no time.")])
def test_trace_that_cannot_be_stored_is_kept_and_says_why(
    services: Services, monkeypatch: pytest.MonkeyPatch, raised: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr(TraceStore, "put_all", fail)
    asked = services.asking.ask(services.asking.question("Who?"))
    assert asked.trace.generation is not None
    assert asked.not_stored == str(raised)
    assert asked.trace.trace_id in caplog.text


def test_store_that_cannot_be_opened_costs_no_answer(make_services: Make) -> None:
    services = make_services(database_url="nonsense")
    asked = services.asking.ask(services.asking.question("Who?"))
    assert asked.trace.error is None
    assert asked.not_stored is not None
    assert "RAGLASS_DATABASE_URL" in asked.not_stored


def test_events_come_before_the_outcome(services: Services) -> None:
    events = list(services.asking.ask_events(services.asking.question("Who?")))
    assert isinstance(events[0], StageStarted)
    assert isinstance(events[-1], Asked)
    kinds = [type(event) for event in events]
    assert kinds.index(ChunksFound) < kinds.index(TokenMade)
    assert services.store.get(events[-1].trace.trace_id) is not None


def test_misuse_is_raised_in_the_readers_thread(services: Services) -> None:
    with pytest.raises(InputError, match="blank"):
        list(services.asking.ask_events(services.asking.question("")))


def test_reader_that_goes_away_does_not_stop_the_question(make_services: Make) -> None:
    services = make_services(Script(delays_s={"generate": 0.02}))
    events = services.asking.ask_events(services.asking.question("Who?"))
    next(events)
    events.close()  # type: ignore[attr-defined]
    for thread in threading.enumerate():
        if thread.name == "ask":
            thread.join(5)
    assert services.store.page(TraceQuery()).rows[0].question == "Who?"
