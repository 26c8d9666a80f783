"""A process that is told to end: questions in flight are answered, stored and measured; new ones are refused in words."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

import app.services as use_cases
from app.asking.questions import Asked
from app.services import Services
from metrics.emit import Datum
from pipeline.errors import Unavailable

Make = Callable[..., Services]

QUESTION = "What says the script?"
WAIT_S = 10.0
"""Longer than anything here takes; only a broken test waits it out."""


class KeepingSink:
    """Keeps what is sent."""

    sent: list[Datum]

    def __init__(self, region: str) -> None:
        self.region = region

    def send(self, batch: Sequence[Datum]) -> None:
        KeepingSink.sent.extend(batch)


class Gate:
    """Holds a backend's answers back."""

    def __init__(self, services: Services) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        backend: Any = services.backends.open("fake")
        self._answer, backend.answer = backend.answer, self

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.reached.set()
        assert self.open.wait(WAIT_S)
        return self._answer(*arguments, **named)


@pytest.fixture
def services(make_services: Make, monkeypatch: pytest.MonkeyPatch) -> Services:
    KeepingSink.sent = []
    monkeypatch.setattr("app.asking.reporting.CloudWatchSink", KeepingSink)
    monkeypatch.setattr(use_cases, "SHOW_S", 0.0)
    return make_services(emit_metrics=True)


@pytest.fixture
def gate(services: Services) -> Iterator[Gate]:
    made = Gate(services)
    yield made
    made.open.set()


def ask(services: Services) -> tuple[threading.Thread, list[Any]]:
    told: list[Any] = []
    reader = threading.Thread(
        target=lambda: told.extend(services.asking.ask_events(services.asking.question(QUESTION)))
    )
    reader.start()
    return reader, told


def test_question_in_flight_is_answered_stored_and_measured(services: Services, gate: Gate) -> None:
    reader, told = ask(services)
    assert gate.reached.wait(WAIT_S)
    ending = threading.Thread(target=services.finish)
    ending.start()
    assert services.store.count() == 0
    gate.open.set()
    ending.join(WAIT_S)
    reader.join(WAIT_S)
    assert isinstance(told[-1], Asked)
    assert services.store.get(told[-1].trace.trace_id) is not None
    assert [datum.name for datum in KeepingSink.sent if dict(datum.dimensions)["Stage"] == "total"]


def test_question_that_outlasts_the_limit_is_given_up_and_told_of(
    services: Services, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    reader, _ = ask(services)
    assert gate.reached.wait(WAIT_S)
    services.finish(0.01)
    assert "1 question(s) were not answered within 0.01 s" in caplog.text
    gate.open.set()
    reader.join(WAIT_S)


def test_closing_without_finishing_loses_no_question_either(services: Services, gate: Gate) -> None:
    reader, told = ask(services)
    assert gate.reached.wait(WAIT_S)
    ending = threading.Thread(target=services.close)
    ending.start()
    gate.open.set()
    ending.join(WAIT_S)
    reader.join(WAIT_S)
    assert services.store.get(told[-1].trace.trace_id) is not None


def test_new_question_is_refused_and_leaves_no_trace(services: Services) -> None:
    services.finish()
    with pytest.raises(Unavailable, match="ask again"):
        list(services.asking.ask_events(services.asking.question(QUESTION)))
    assert services.store.count() == 0


def test_process_that_is_stopping_is_not_ready(services: Services) -> None:
    assert not any(services.check_ready().values())
    services.finish()
    assert services.check_ready() == {"process": services.check_ready()["process"]}
    assert "stopping" in str(services.check_ready()["process"])


def test_a_process_that_has_ended_begins_to_watch_nothing(services: Services) -> None:
    services.close()
    services.watch()
    assert not [each.name for each in threading.enumerate() if each.name in ("raglass-quality", "raglass-alerts-look")]
    assert services._store is None
