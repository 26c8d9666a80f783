"""The stream of questions and its faults."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import corpus
from app.config import Settings
from app.demonstration.scenes import Cue, Scene, make_script
from app.demonstration.stream import OTHER_SUBJECT, SLOW_S, TOO_MANY, Faults, Stream, question_sets
from app.services import Services
from backends.fake import ScriptedBackend
from metrics.queries import TraceQuery

BACKENDS = ("aws", "local/embedded")


class Controls:
    """Notes what is asked of a stand-in."""

    def __init__(self) -> None:
        self.done: list[tuple[str, dict[str, object]]] = []

    def inject(self, kind: str, **about: object) -> None:
        self.done.append((kind, about))

    def clear(self) -> None:
        self.done.append(("clear", {}))


@pytest.fixture
def stack() -> SimpleNamespace:
    return SimpleNamespace(sagemaker=Controls(), pinecone=Controls(), endpoint_path=lambda role: f"/endpoints/{role}")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = Services(Settings(data_dir=tmp_path), open_backend=lambda name, config: ScriptedBackend())
    yield opened
    opened.close()


def test_what_drifts_was_never_asked_before():
    sets = question_sets()
    assert not set(sets["usual"]) & set(sets["drifting"])
    known = {each.question: each for each in corpus.questions()}
    assert all(known[text].answerable for text in sets["usual"])
    assert all(not known[text].question_id.startswith(OTHER_SUBJECT) for text in sets["usual"])
    assert sum(not known[text].answerable for text in sets["drifting"]) > 40  # the visitors' that no document answers


def test_a_fault_is_put_in_force_once_and_healed_before_another(stack: SimpleNamespace):
    faults = Faults(stack)
    faults.change("slow generator")
    faults.change("slow generator")
    assert stack.sagemaker.done == [("clear", {}), ("delay", {"where": "/endpoints/generator", "seconds": SLOW_S})]
    faults.change("throttled index")
    assert stack.sagemaker.done[-1] == ("clear", {})
    assert stack.pinecone.done[-1] == ("status", {"where": ".*/query", "status": TOO_MANY})
    faults.change(None)
    assert stack.pinecone.done[-1] == ("clear", {})


def test_without_a_stack_nothing_is_put_in_force():
    faults = Faults(None)
    faults.change("slow generator")
    assert faults.current is None


def test_each_backend_is_asked_in_turn_and_every_trace_says_that_it_is_of_a_demonstration(
    services: Services, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("app.demonstration.stream.PERIOD_S", 0.001)
    told: list[str] = []
    beats = iter(range(6))
    stop = threading.Event()

    def on_beat(cue: Cue) -> None:
        if next(beats) == 5:
            stop.set()

    stream = Stream(services, BACKENDS, Faults(None), lambda trace: told.append(trace.trace_id), lambda: 0.0)
    assert not stream.run(make_script(1, stack=True), 0.0, stop, on_beat)
    rows = services.store.page(TraceQuery(tags=frozenset({"demonstration"}))).rows
    assert stream.asked == 6
    assert sorted(told) == sorted(row.trace_id for row in rows)
    assert len(rows) == 6


def test_the_stream_ends_by_itself_and_leaves_no_fault(services: Services, stack: SimpleNamespace):
    scene = Scene("slow generator", "it is slow", "Live", 1.0, fault="slow generator")
    times = iter([0.0, 2.0])
    stream = Stream(services, BACKENDS, faults := Faults(stack), clock=lambda: next(times))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.demonstration.stream.PERIOD_S", 0.001)
        assert stream.run([Cue(scene, 0.0, 1.0)], 0.0, threading.Event(), lambda cue: None)
    assert faults.current is None
    assert stack.sagemaker.done[-1] == ("clear", {})


def test_a_question_that_is_answered_late_does_not_pile_up_others(services: Services, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.demonstration.stream.PERIOD_S", 0.001)
    held = threading.Event()

    class Late(ScriptedBackend):
        def answer(self, *given: object, **also: object) -> object:
            held.wait(30)
            return super().answer(*given, **also)

    services.backends._opened.update(dict.fromkeys(BACKENDS, Late()))
    stop, beats = threading.Event(), iter(range(30))

    def on_beat(cue: Cue) -> None:
        if next(beats) == 29:
            held.set()
            stop.set()

    stream = Stream(services, BACKENDS, Faults(None), clock=lambda: 0.0)
    stream.run(make_script(1, stack=True), 0.0, stop, on_beat)
    assert stream.asked == 8
