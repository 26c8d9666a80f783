"""One question on two sides: each side's trace is kept, whatever becomes of the other."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from app.asking.questions import Asked, Question
from app.comparing.side_by_side import ask_sides, asked_as, counterpart
from app.services import Services
from backends.fake import Script, ScriptedBackend
from backends.registry import BackendConfig
from metrics.store import TraceStore
from pipeline.errors import ConfigError, InputError, StoreError, Throttled, Unavailable
from pipeline.protocols import Backend
from pipeline.types import StageStarted, TokenMade, Trace
from tests.factories import make_trace

SCRIPTS = {
    "plain": Script(),
    "other": Script(tokens=("Other", " words.")),
    "throttled": Script(failures={"generate": Throttled("The model asked for fewer questions. Wait a minute.")}),
}
PLAIN, OTHER = Question("Who?", "plain", 3, 5.0), Question("Who?", "other", 5, 7.0)


class WithoutReranker(ScriptedBackend):
    """A backend that refuses to rerank, as the pipeline does without a reranker."""

    def answer(self, question: str, *, rerank: bool = False, **how: Any) -> Trace:
        if rerank:
            raise InputError("The backend plain has no reranker. Switch reranking off and ask again.")
        return super().answer(question, rerank=rerank, **how)


@pytest.fixture
def services(settings: Any) -> Iterator[Services]:
    def open_backend(name: str, config: BackendConfig) -> Backend:
        if name == "unset":
            raise ConfigError("RAGLASS_API_URL is not set. Set it to the address of the API.")
        if name == "gone":
            raise Unavailable("gone needs torch. Run `make research`.")
        return WithoutReranker(SCRIPTS[name], name=name)

    made = Services(settings, open_backend=open_backend)
    yield made
    made.close()


def outcomes(services: Services, first: Question, second: Question) -> list[Asked]:
    return [
        told for _, told in ask_sides(services.asking, {"first": first, "second": second}) if isinstance(told, Asked)
    ]


def test_both_traces_are_stored_each_with_its_settings(services: Services) -> None:
    first, second = (asked.trace for asked in outcomes(services, PLAIN, OTHER))
    assert (first.backend, len(first.chunks), first.settings["deadline_s"]) == ("plain", 3, 5.0)
    assert (second.backend, len(second.chunks), second.settings["deadline_s"]) == ("other", 5, 7.0)
    for trace in (first, second):
        stored = services.store.get(trace.trace_id)
        assert stored is not None
        assert stored.trace == trace


def test_the_second_side_is_asked_once_the_first_has_its_outcome(services: Services) -> None:
    told = list(ask_sides(services.asking, {"first": PLAIN, "second": OTHER}))
    sides = [side for side, _ in told]
    assert sides == sorted(sides)
    assert isinstance(told[0][1], StageStarted)
    assert isinstance(told[sides.index("second") - 1][1], Asked)
    assert any(isinstance(event, TokenMade) for side, event in told if side == "second")


@pytest.mark.parametrize(
    ("broken", "kind", "says"),
    [
        (replace(PLAIN, backend="throttled"), "Throttled", "Wait a minute"),
        (replace(PLAIN, backend="gone"), "Unavailable", "make research"),
        (replace(PLAIN, backend="unset"), "ConfigError", "RAGLASS_API_URL"),
        (replace(PLAIN, rerank=True), "InputError", "Switch reranking off"),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_failed_side_keeps_its_typed_error_and_costs_the_other_nothing(
    services: Services, broken: Question, kind: str, says: str, place: int
) -> None:
    asked = outcomes(services, *((broken, OTHER) if place == 0 else (OTHER, broken)))
    failed, whole = asked[place].trace, asked[1 - place].trace
    assert failed.error is not None
    assert failed.error.kind == kind
    assert says in failed.error.message
    assert whole.error is None
    assert services.store.count() == 2


@pytest.mark.parametrize(
    "bad", [replace(OTHER, text=" "), replace(OTHER, top_k=0), replace(OTHER, deadline_s=float("nan"))]
)
def test_misuse_of_either_side_asks_nothing(services: Services, bad: Question) -> None:
    with pytest.raises(InputError):
        list(ask_sides(services.asking, {"first": PLAIN, "second": bad}))
    assert services.store.count() == 0


def test_reader_that_goes_away_stops_neither_side(services: Services) -> None:
    told = ask_sides(services.asking, {"first": PLAIN, "second": OTHER})
    next(told)
    told.close()  # type: ignore[attr-defined]
    for thread in threading.enumerate():
        if thread.name == "compare":
            thread.join(5)
    assert services.store.count() == 2


def test_trace_that_cannot_be_stored_says_why_on_its_side(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    put: Callable[..., Sequence[Trace]] = TraceStore.put_all

    def full(store: TraceStore, traces: Sequence[Trace]) -> Sequence[Trace]:
        if traces[0].backend == "plain":
            raise StoreError("The disk is full.")
        return put(store, traces)

    monkeypatch.setattr(TraceStore, "put_all", full)
    assert [asked.not_stored for asked in outcomes(services, PLAIN, OTHER)] == ["The disk is full.", None]


def test_trace_tells_how_to_ask_it_again(services: Services) -> None:
    trace = services.asking.ask(replace(PLAIN, top_k=2, deadline_s=9.0)).trace
    assert asked_as(trace, OTHER) == Question("Who?", "plain", 2, 9.0, False)


def test_what_a_trace_does_not_tell_is_as_usual() -> None:
    asked = asked_as(make_trace(settings={}), replace(OTHER, rerank=True))
    assert (asked.top_k, asked.deadline_s, asked.rerank) == (5, 7.0, True)


def test_counterpart_differs_in_backend_or_else_in_reranking() -> None:
    assert counterpart(PLAIN, ["other", "plain"]) == replace(PLAIN, backend="other")
    assert counterpart(PLAIN, ["plain", "other"]) == replace(PLAIN, rerank=True)
    assert counterpart(replace(PLAIN, rerank=True), ["plain"]) == PLAIN
