"""The load study over targets whose times are given; no real time passes."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from click.testing import Result

from app.lab.load import LoadStudy
from app.lab.load_words import calls_of
from app.lab.parts import Parts
from app.lab.tables import Table
from app.lab.targets import is_own
from app.services import Services
from metrics.queries import TraceQuery
from pipeline.errors import InputError
from pipeline.types import Trace
from tests.app.lab.timed import Clock, InTurn, Timed, Workers, never, parts_of

OWN = "local/own"


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture
def parts(services: Services) -> Parts:
    return services.lab.parts


def study_of(clock: Clock, *, alone: bool = False) -> LoadStudy:
    """A study in given time; alone: with one worker, for which everything waits."""

    def workers(count: int) -> Any:
        return InTurn() if alone else Workers(clock, count)

    return LoadStudy(clock=clock, sleep=clock.sleep, workers=workers)


def carry_out(study: LoadStudy, parts: Parts, **plan: Any) -> dict[str, Any]:
    """A study from its plan to its last result."""
    given = {"target": OWN, "rate": 2.0, "minutes": 0.5, "arrivals": "constant", **plan}
    *_, last = study.run(parts, study.check(parts, given), None, never())
    return dict(last.result or {})


def by_name(study: LoadStudy, result: dict[str, Any]) -> dict[str, Table]:
    return {table.name: table for table in study.tables(result)}


def test_a_target_that_is_quick_enough_keeps_up(clock: Clock, parts: Parts) -> None:
    study = study_of(clock)
    result = carry_out(study, parts_of(parts, Timed(OWN, clock, lambda n: 800.0)))
    tables = by_name(study, result)
    assert tables["load"].title.startswith(
        f"{OWN} keeps up with 2.00 questions a second: half are answered within 800 ms"
    )
    assert tables["load"].rows[0][3:7] == (60, 60, 0, 0)
    few = carry_out(study, parts_of(parts, Timed(OWN, clock, lambda n: 800.0)), minutes=0.1)
    assert by_name(study, few)["load"].title.startswith(
        f"{OWN} kept up with 2.00 questions a second for 12 questions, too few to say more: half were answered within 80"
    )
    assert [row[1:3] for row in tables["windows"].rows][:2] == [(20, 19), (20, 20)]
    assert "errors" not in tables


def test_one_stall_is_late_for_all_that_came_while_it_lasted(clock: Clock, parts: Parts) -> None:
    study = study_of(clock, alone=True)
    target = Timed(OWN, clock, lambda n: 5_000.0 if n == 4 else 10.0)
    result = carry_out(study, parts_of(parts, target))
    late = sorted((call.due_s, round(call.latency_ms)) for call in calls_of(result) if call.latency_ms > 200)
    assert late[0] == (2.0, 5_000)
    assert [due for due, _ in late] == [2.0 + n / 2 for n in range(10)]
    assert late[1][1] == pytest.approx(4_510, abs=2)
    assert sum(call.service_ms > 100 for call in calls_of(result)) == 1


def test_load_stops_itself_where_questions_come_faster_than_they_are_answered(clock: Clock, parts: Parts) -> None:
    study = study_of(clock, alone=True)
    target = Timed(OWN, clock, lambda n: 1_000.0)
    result = carry_out(study, parts_of(parts, target), minutes=10, most_waiting=15)
    table = by_name(study, result)["load"]
    assert table.title.startswith(f"{OWN} was given up at 2.00 questions a second after")
    assert "questions were due and not begun, more than 15" in table.title
    assert len(target.asked) < 60
    assert table.rows[0][6] > 15


def test_load_stops_itself_where_too_many_questions_fail(clock: Clock, parts: Parts) -> None:
    study = study_of(clock)
    target = Timed(OWN, clock, lambda n: 50.0, fails=lambda n: n >= 30)
    result = carry_out(study, parts_of(parts, target), minutes=10)
    tables = by_name(study, result)
    assert "5 of the newest 20 questions failed, most with Throttled" in tables["load"].title
    assert len(target.asked) == 35
    assert tables["errors"].rows == (("Throttled", 5, 5 / 35),)


def test_a_question_that_breaks_the_target_is_an_error_of_the_load_and_not_its_end(clock: Clock, parts: Parts) -> None:
    class Broken(Timed):
        def answer(self, question: str, **given: object) -> Trace:
            if len(self.asked) == 3:
                self.asked.append(question)
                raise KeyError("secret")
            return super().answer(question, **given)

    study = study_of(clock)
    result = carry_out(study, parts_of(parts, Broken(OWN, clock, lambda n: 50.0)))
    assert [call.error for call in calls_of(result) if call.error] == ["StageFailed"]
    assert len(calls_of(result)) == 60


def test_what_was_begun_is_not_asked_again_when_a_stopped_load_goes_on(clock: Clock, parts: Parts) -> None:
    study, target = study_of(clock), Timed(OWN, clock, lambda n: 50.0)
    own, stop = parts_of(parts, target), threading.Event()
    plan = study.check(own, {"target": OWN, "rate": 2.0, "minutes": 0.5})
    kept = None
    for step in study.run(own, plan, None, stop):
        kept = step.result
        if step.done >= 20:
            stop.set()
    stopped = len(target.asked)
    assert 20 <= stopped < step.total
    clock.sleep(3_600)
    *_, last = study.run(own, plan, kept, never())
    assert len(target.asked) == step.total == last.done
    assert max(call.latency_ms for call in calls_of(last.result or {})) < 200


def test_traces_are_kept_and_say_that_they_were_load(clock: Clock, services: Services) -> None:
    carry_out(study_of(clock), parts_of(services.lab.parts, Timed(OWN, clock, lambda n: 50.0)), minutes=0.1)
    kept = list(services.store.export(TraceQuery()))
    assert len(kept) == 12
    assert {(stored.trace.settings["study"], stored.trace.origin) for stored in kept} == {("load", "load")}


def test_workers_in_threads_answer_beside_each_other(parts: Parts) -> None:
    """Two calls are in flight at once: each waits until the other has begun."""
    both = threading.Barrier(2, timeout=10)

    class Together(Timed):
        def answer(self, question: str, **given: object) -> Trace:
            both.wait()
            return super().answer(question, **given)

    own = parts_of(parts, Together(OWN, Clock(), lambda n: 1.0))
    clock = Clock(0.0)
    study = LoadStudy(clock=clock, sleep=lambda seconds: clock.sleep(min(seconds, 0.1)), workers=ThreadPoolExecutor)
    result = carry_out(study, own, rate=4.0, minutes=0.05, workers=2, most_waiting=1_000)
    assert len(calls_of(result)) == 12


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"rate": 0}, "rate is 0; give 0.01 to 200"),
        ({"rate": 100, "minutes": 60}, "are 360,000, more than 20,000"),
        ({"arrivals": "bursts"}, "no arrivals 'bursts'"),
        ({"workers": 65}, "workers is 65"),
        ({"target": "aws"}, "aws is not of this machine"),
        ({"target": "aws", "confirmed": "AWS"}, "aws is not of this machine"),
        ({"dataset": "nothing.csv"}, "nothing.csv"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(
    plan: dict[str, Any], said: str, clock: Clock, parts: Parts
) -> None:
    own = parts_of(parts, Timed(OWN, clock, lambda n: 1.0), Timed("aws", clock, lambda n: 1.0))
    with pytest.raises(InputError, match=said):
        LoadStudy().check(own, {"target": OWN, **plan})


def test_a_target_of_somebody_else_is_loaded_once_it_is_named_again(clock: Clock, parts: Parts) -> None:
    target = Timed("aws", clock, lambda n: 50.0)
    result = carry_out(study_of(clock), parts_of(parts, target), target="aws", confirmed="aws", minutes=0.1)
    assert len(calls_of(result)) == 12


def test_only_what_runs_on_this_machine_is_its_own(parts: Parts) -> None:
    assert is_own("local/research", parts.settings)
    assert not is_own("aws", parts.settings)
    assert is_own("aws", replace(parts.settings, api_url="http://127.0.0.1:4566/_aws/execute-api/abc/"))
    assert not is_own("aws", replace(parts.settings, api_url="https://abc.execute-api.eu-west-1.amazonaws.com"))
    assert not is_own("aws", replace(parts.settings, api_url="https://127.0.0.1.example.org"))
    assert not is_own("plugin", parts.settings)


def test_shell_refuses_an_unconfirmed_target_and_keeps_no_study(run: Callable[..., Result], services: Services) -> None:
    done = run("lab", "load", "--target", "fake", services=services)
    assert done.exit_code == 2
    assert "fake is not of this machine" in done.output
    assert services.lab.records.newest() == []


@pytest.mark.slow
def test_shell_loads_a_confirmed_target_and_prints_its_windows(run: Callable[..., Result], services: Services) -> None:
    done = run(
        "lab",
        "load",
        "--target",
        "fake",
        "--yes",
        "--rate",
        "100",
        "--minutes",
        "0.05",
        "--arrivals",
        "constant",
        services=services,
    )
    assert done.exit_code == 0, done.output
    assert "due  answered  failed" in done.output.replace("answered a second  ", "")
