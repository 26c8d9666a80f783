"""Stability measured in the background: kept as it goes on, stopped, and gone on with."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.services import Services
from app.stability import measuring
from app.stability.kept import KeptStability
from app.stability.measuring import go_on, measure
from app.stability.perturbed import StabilityPlan
from backends.fake import Script
from pipeline.errors import InputError, Unavailable

PLAN = StabilityPlan("builtin", "fake", 5, 30.0, kinds=("case",), limit=4, variants=1)


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services()


@pytest.fixture
def kept(tmp_path: Path) -> KeptStability:
    return KeptStability(tmp_path)


def test_what_was_measured_is_kept_under_the_id_that_was_told(services: Services, kept: KeptStability) -> None:
    steps = list(measure(services.evaluations, kept, PLAN, threading.Event()))
    assert [len(each.step.results) for each in steps] == [4] * len(steps)  # one list, which grew
    plan, step = kept.find(steps[0].run_id)
    assert (plan, len(step.results), step.total) == (PLAN, 4, 4)


def test_stopped_it_keeps_the_part_and_goes_on_with_the_questions_that_are_left(
    services: Services, kept: KeptStability
) -> None:
    stop, asked = threading.Event(), []
    for each in measure(services.evaluations, kept, PLAN, stop):
        if len(each.step.results) == 2:
            stop.set()
            asked = [found.question.question_id for found in each.step.results]
    (part,) = kept.listed()
    assert (part.asked, part.total) == (2, 4)
    first, *_, last = (
        [found.question.question_id for found in each.step.results]
        for each in go_on(services.evaluations, kept, part.kept_id, threading.Event())
    )
    whole = kept.listed()
    assert first == last[:2] == asked
    assert [(each.kept_id, each.asked) for each in whole] == [(part.kept_id, 4)]
    assert len(set(last)) == 4


def test_it_is_kept_while_it_goes_on(services: Services, kept: KeptStability, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "KEEP_S", 0.0)
    steps = measure(services.evaluations, kept, PLAN, threading.Event())
    counts = [sum(each.asked for each in kept.listed()) for _ in steps]
    assert counts == [0, 0, 1, 2, 3]


def test_a_backend_that_is_down_leaves_nothing_behind(make_services: Callable[..., Services], tmp_path: Path) -> None:
    services, kept = make_services(Script(failures={"generate": Unavailable("It is down.")})), KeptStability(tmp_path)
    with pytest.raises(Unavailable):
        list(measure(services.evaluations, kept, replace(PLAN, limit=9), threading.Event()))
    assert all(each.same == 0 for each in kept.listed())


def test_what_is_not_kept_cannot_be_gone_on_with(services: Services, kept: KeptStability) -> None:
    with pytest.raises(InputError, match="no result"):
        list(go_on(services.evaluations, kept, "ffffffff", threading.Event()))
