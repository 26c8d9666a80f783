"""Every question that is asked is emitted, whatever became of it; none is where emitting is off."""

from collections.abc import Callable, Sequence

import pytest

from app.asking import reporting
from app.services import Services
from backends.fake import Script
from metrics.emit import Datum
from pipeline.errors import StoreError, Throttled


class KeepingSink:
    """Keeps what is sent."""

    def __init__(self, region: str) -> None:
        self.region = region

    sent: list[Datum]

    def send(self, batch: Sequence[Datum]) -> None:
        KeepingSink.sent.extend(batch)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Datum]:
    KeepingSink.sent = []
    monkeypatch.setattr(reporting, "CloudWatchSink", KeepingSink)
    return KeepingSink.sent


def total_of(sent: list[Datum], name: str, stage: str = "total") -> list[float]:
    return [datum.values[0] for datum in sent if (datum.name, dict(datum.dimensions)["Stage"]) == (name, stage)]


def test_answered_and_failed_questions_are_emitted(make_services: Callable[..., Services], sent: list[Datum]) -> None:
    script = Script()
    services = make_services(script, emit_metrics=True)
    services.asking.ask(services.asking.question("What says the script?"))
    script.failures["generate"] = Throttled("Wait.")
    services.asking.ask(services.asking.question("What says the script?"))
    services.close()
    assert sorted(value for datum in sent if datum.name == "Latency" for value in datum.values)
    assert sum(v * c for d in sent if d.name == "ErrorCount" for v, c in zip(d.values, d.counts, strict=True)) == 2
    assert services.reporting.emitted is not None
    assert services.reporting.emitted.dropped == 0


def test_question_that_cannot_be_stored_is_emitted_all_the_same(
    make_services: Callable[..., Services], sent: list[Datum], monkeypatch: pytest.MonkeyPatch
) -> None:
    services = make_services(emit_metrics=True)

    def full(trace: object) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(services.store, "put_all", full)
    assert services.asking.ask(services.asking.question("What says the script?")).not_stored == "The disk is full."
    services.close()
    assert len(total_of(sent, "Latency")) == 1


def test_nothing_is_emitted_unless_the_setting_says_so(
    make_services: Callable[..., Services], sent: list[Datum]
) -> None:
    services = make_services()
    services.asking.ask(services.asking.question("What says the script?"))
    services.close()
    assert services.reporting.emitted is None
    assert sent == []
