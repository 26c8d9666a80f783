"""The latency study over targets whose times are given, and over a CloudWatch in memory."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from click.testing import Result

from app.lab.latency import LatencyStudy
from app.lab.latency_words import ratios, times
from app.lab.parts import Parts
from app.lab.records import LabRecords
from app.lab.stack_times import StackReader
from app.lab.tables import Table, to_markdown
from app.services import Services
from metrics.cloudwatch import CloudWatchSource
from metrics.logs import LogReader
from metrics.queries import TraceQuery
from pipeline.errors import ConfigError, InputError, Unavailable
from tests.app.lab.timed import Clock, Timed, never, parts_of
from tests.metrics.fake_cloudwatch import FakeCloudWatch, refusal

FAST, SLOW = "local/fast", "local/slow"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def parts(services: Services) -> Parts:
    return services.lab.parts


def carry_out(study: LatencyStudy, parts: Parts, **plan: Any) -> dict[str, Any]:
    """A study from its plan to its last result."""
    *_, last = study.run(parts, study.check(parts, plan), None, never())
    return dict(last.result or {})


def by_name(tables: Any) -> dict[str, Table]:
    return {table.name: table for table in tables}


@pytest.mark.slow
def test_two_targets_are_asked_in_turn_and_held_against_each_other(clock: Clock, parts: Parts) -> None:
    fast, slow = Timed(FAST, clock, lambda n: 100.0 + n), Timed(SLOW, clock, lambda n: 2 * (100.0 + n))
    study = LatencyStudy(clock=clock, sleep=clock.sleep)
    result = carry_out(study, parts_of(parts, fast, slow), targets=[SLOW, FAST])
    assert fast.asked == slow.asked
    assert len(fast.asked) == 12
    ratio = ratios(result)["end to end"]
    assert ratio is not None
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((0.5, 0.5, 0.5))
    table = by_name(study.tables(result))["latency"]
    assert table.title == f"{FAST} takes 50.0 % less time than {SLOW}, end to end"
    assert [row[0] for row in table.rows] == ["end to end", "models", "generate", "embed"]
    assert table.rows[0][1:5] == pytest.approx((213.0, 221.1, 106.5, 110.55))
    assert table.rows[1][1] == pytest.approx(0.6 * 213)
    assert "which is no stack" in table.note


def test_warm_up_counts_in_no_figure_and_is_told_apart(clock: Clock, parts: Parts) -> None:
    target = Timed(FAST, clock, lambda n: 5_000.0 if n < 2 else 100.0)
    study = LatencyStudy(clock=clock, sleep=clock.sleep)
    result = carry_out(study, parts_of(parts, target), targets=[FAST])
    tables = by_name(study.tables(result))
    assert tables["latency"].rows[0][1:3] == (100.0, 100.0)
    assert tables["cold"].rows[0][:6] == (FAST, 2, 5_000.0, 5_000.0, 100.0, 0)
    assert tables["cold"].title == "The slowest call that is told apart took 50.0 times the warm median"


def test_a_difference_that_could_be_chance_is_called_that(clock: Clock, parts: Parts) -> None:
    first = Timed(FAST, clock, lambda n: 100.0 if n % 2 else 120.0)
    second = Timed(SLOW, clock, lambda n: 120.0 if n % 2 else 100.0)
    study = LatencyStudy(clock=clock, sleep=clock.sleep)
    tables = by_name(study.tables(carry_out(study, parts_of(parts, first, second), targets=[FAST, SLOW])))
    assert "no difference end to end that could not be chance" in tables["latency"].title


def test_a_kept_study_is_held_against_the_same_questions_asked_later(clock: Clock, parts: Parts) -> None:
    records = LabRecords(parts.settings.data_dir / "lab")
    study = LatencyStudy(clock=clock, sleep=clock.sleep)
    earlier = parts_of(parts, Timed(FAST, clock, lambda n: 300.0))
    plan = study.check(earlier, {"targets": [FAST], "questions": 6, "seed": 3})
    *_, last = study.run(earlier, plan, None, never())
    kept = records.begin("latency", plan)
    records.keep(kept.went_on(status="finished", result=last.result))
    now = Timed(FAST, clock, lambda n: 100.0)
    result = carry_out(study, parts_of(parts, now), targets=[FAST], before=kept.record_id[:6])
    assert len(times(result["targets"][1], "embed")) == 6
    table = by_name(study.tables(result))["latency"]
    assert table.title.startswith(f"{FAST} now takes 66.7 % less time than {FAST} before ({kept.record_id})")
    assert "at different times" in table.note
    with pytest.raises(InputError, match="none of these questions"):
        study.check(parts_of(parts, now), {"targets": [FAST], "before": "LAST", "questions": 1, "seed": 99})


def test_a_stopped_study_asks_nothing_twice_when_it_goes_on(clock: Clock, parts: Parts) -> None:
    target = Timed(FAST, clock, lambda n: 100.0)
    study, own = LatencyStudy(clock=clock, sleep=clock.sleep), parts_of(parts, target)
    plan, stop = study.check(own, {"targets": [FAST]}), never()
    kept = None
    for step in study.run(own, plan, None, stop):
        kept = step.result
        if step.done == 7:
            stop.set()
    assert len(target.asked) == 7
    *_, last = study.run(own, plan, kept, never())
    measured = [each for each in (last.result or {})["targets"][0]["asked"] if not each["warm_up"]]
    assert len({each["question"] for each in measured}) == len(measured) == 10
    assert len(target.asked) == 7 + 2 + 5


def test_a_target_that_is_down_is_given_up_after_its_warm_up(clock: Clock, parts: Parts) -> None:
    target = Timed(FAST, clock, lambda n: 10.0, fails=lambda n: True)
    with pytest.raises(Unavailable, match="answered none of 2 questions: Throttled: Too many at once"):
        carry_out(LatencyStudy(clock=clock, sleep=clock.sleep), parts_of(parts, target), targets=[FAST])


def test_a_failed_call_is_counted_and_its_time_is_not(clock: Clock, parts: Parts) -> None:
    target = Timed(FAST, clock, lambda n: 9_000.0 if n == 4 else 100.0, fails=lambda n: n == 4)
    study = LatencyStudy(clock=clock, sleep=clock.sleep)
    tables = by_name(study.tables(carry_out(study, parts_of(parts, target), targets=[FAST])))
    assert tables["latency"].rows[0][2] == 100.0
    assert tables["cold"].rows[0][5] == 1


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"targets": [FAST, SLOW, "c"]}, "3 targets"),
        ({"targets": [FAST], "questions": 0}, "questions is 0; give 1 to"),
        ({"targets": [FAST], "questions": 1_999}, "has 861 questions, not 1,999"),
        ({"targets": [FAST], "before": "LAST"}, "no such study"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(
    plan: dict[str, Any], said: str, clock: Clock, parts: Parts
) -> None:
    with pytest.raises(InputError, match=said):
        LatencyStudy().check(
            parts_of(parts, Timed(FAST, clock, lambda n: 1.0), Timed(SLOW, clock, lambda n: 1.0)), plan
        )


def test_a_mistyped_target_leaves_no_study_behind(run: Callable[..., Result], services: Services) -> None:
    done = run("lab", "latency", "--target", "lokal", services=services)
    assert done.exit_code != 0
    assert services.lab.records.newest() == []
    with pytest.raises(ConfigError):
        LatencyStudy().check(services.lab.parts, {"targets": ["lokal"]})


class Stack:
    """A stack whose calls are counted by a CloudWatch in memory a while after they were made."""

    def __init__(self, clock: Clock, cloud: FakeCloudWatch, *, late_s: float = 0.0, suffix: str = "") -> None:
        self.clock, self.cloud, self.late_s, self.suffix = clock, cloud, late_s, suffix
        self.waiting: list[tuple[float, str, str, float, float]] = []

    def add(self, name: str, role: str, at_s: float, value: float) -> None:
        self.waiting.append((at_s + self.late_s, name, role, at_s, value))

    def reader(self, parts: Parts) -> StackReader:
        return StackReader(self._source, lambda groups: LogReader(groups, client=self.cloud, sleep=self.clock.sleep))

    def _source(self) -> CloudWatchSource:
        for each in [each for each in self.waiting if each[0] <= self.clock()]:
            self.waiting.remove(each)
            _, name, role, at_s, value = each
            about = [("EndpointName", f"raglass-{role}{self.suffix}"), ("VariantName", "AllTraffic")]
            self.cloud.add("AWS/SageMaker", name, about, at_s, value)
        return CloudWatchSource(client=self.cloud, clock=self.clock, sleep=self.clock.sleep)


def stack_target(
    clock: Clock,
    stack: Stack,
    took_ms: Callable[[int], float],
    setups: tuple[int, ...] = (),
    *,
    late: bool = False,
    models: Mapping[str, str] | None = None,
) -> Timed:
    """A target `aws` whose endpoints are counted: half of its time in the generator, a tenth in the embedder.

    setups: calls that start the generator. late: that counts when they end, not when they begin. models: as traces name them.
    """

    def took(number: int) -> float:
        for role, part in (("embedder", 0.1), ("generator", 0.5)):
            stack.add("Invocations", role, clock(), 1.0)
            stack.add("ModelLatency", role, clock(), took_ms(number) * part * 1000)
            stack.add("OverheadLatency", role, clock(), 2_000.0)
        if number in setups:
            stack.add("ModelSetupTime", "generator", clock() + (took_ms(number) / 1000 if late else 0), 1e6)
        return took_ms(number)

    return Timed("aws", clock, took, models=models)


def test_a_stack_is_read_from_cloudwatch_without_its_warm_up(clock: Clock, parts: Parts) -> None:
    cloud = FakeCloudWatch()
    stack = Stack(clock, cloud, late_s=45.0)
    cloud.log(
        "/aws/lambda/raglass-orchestrator",
        clock() + 1,
        "REPORT RequestId: 00000000-aaaa Duration: 9 ms Init Duration: 300 ms",
    )
    target = stack_target(clock, stack, lambda n: 4_000.0 if n < 2 else 200.0)
    study = LatencyStudy(clock=clock, sleep=clock.sleep, reader=stack.reader)
    result = carry_out(study, parts_of(parts, target), targets=["aws"])
    tables = by_name(study.tables(result))
    assert [(row[1], *row[2:5], *row[5:]) for row in tables["stack"].rows] == [
        ("raglass-embedder", 20.0, 20.0, 20.0, 2.0, 2.0, 10.0, 10),
        ("raglass-generator", 100.0, 100.0, 100.0, 2.0, 2.0, 10.0, 10),
    ]
    assert tables["stack"].title == "The models of aws take 120 ms a question by CloudWatch"
    assert tables["cold"].rows[0][6] == "1 by Lambda"
    assert [row[0] for row in tables["latency"].rows] == ["end to end", "models", "network", "generate", "embed"]
    assert tables["latency"].rows[2][1] == pytest.approx(0.4 * 200)


@pytest.mark.parametrize("suffix", ["", "-serverless"])
def test_a_cold_start_among_the_measured_calls_counts_in_no_figure(suffix: str, clock: Clock, parts: Parts) -> None:
    stack = Stack(clock, FakeCloudWatch(), suffix=suffix)
    stack.cloud.lines["/aws/lambda/raglass-orchestrator"] = []
    target = stack_target(clock, stack, lambda n: 6_000.0 if n == 5 else 200.0, setups=(5,))
    study = LatencyStudy(clock=clock, sleep=clock.sleep, reader=stack.reader)
    tables = by_name(study.tables(carry_out(study, parts_of(parts, target), targets=["aws"])))
    assert tables["latency"].rows[0][1:3] == (200.0, 200.0)
    assert tables["cold"].rows[0][1] == 3
    assert tables["cold"].rows[0][3] == 6_000.0
    assert tables["cold"].rows[0][6] == "1 by SageMaker"
    assert [row[1] for row in tables["stack"].rows] == [f"raglass-embedder{suffix}", f"raglass-generator{suffix}"]


@pytest.mark.parametrize("late", [False, True])
def test_a_cold_start_from_one_minute_into_the_next_is_told_apart_whenever_it_counts(
    late: bool, clock: Clock, parts: Parts
) -> None:
    stack = Stack(clock, FakeCloudWatch())
    stack.cloud.lines["/aws/lambda/raglass-orchestrator"] = []
    target = stack_target(clock, stack, lambda n: 70_000.0 if n == 5 else 200.0, setups=(5,), late=late)
    study = LatencyStudy(clock=clock, sleep=clock.sleep, reader=stack.reader)
    tables = by_name(study.tables(carry_out(study, parts_of(parts, target), targets=["aws"])))
    assert tables["latency"].rows[0][1:3] == (200.0, 200.0)
    assert tables["cold"].rows[0][3] == 70_000.0
    assert tables["cold"].rows[0][6] == "1 by SageMaker"


def test_two_cold_starts_in_two_minutes_are_two_calls(clock: Clock, parts: Parts) -> None:
    stack = Stack(clock, FakeCloudWatch())
    stack.cloud.lines["/aws/lambda/raglass-orchestrator"] = []
    long_ms = {5: 70_000.0, 6: 6_000.0}
    target = stack_target(clock, stack, lambda n: long_ms.get(n, 200.0), setups=(5, 6))
    study = LatencyStudy(clock=clock, sleep=clock.sleep, reader=stack.reader)
    tables = by_name(study.tables(carry_out(study, parts_of(parts, target), targets=["aws"])))
    assert tables["latency"].rows[0][1:3] == (200.0, 200.0)
    assert tables["cold"].rows[0][6] == "2 by SageMaker"


def test_endpoints_that_did_not_answer_the_study_count_for_nothing(clock: Clock, parts: Parts) -> None:
    """As those that a stack had before it was changed, in the same minute."""
    stack = Stack(clock, FakeCloudWatch(), suffix="-serverless")
    stack.cloud.lines["/aws/lambda/raglass-orchestrator"] = []
    models = {role: f"sagemaker:raglass-{role}-serverless" for role in ("embedder", "generator")}
    target = stack_target(clock, stack, lambda n: 200.0, models=models)
    for name in ("ModelSetupTime", "Invocations", "ModelLatency", "OverheadLatency"):
        for at_s in (clock(), clock() + 45):
            about = [("EndpointName", "raglass-generator"), ("VariantName", "AllTraffic")]
            stack.cloud.add("AWS/SageMaker", name, about, at_s, 1e6)
    study = LatencyStudy(clock=clock, sleep=clock.sleep, reader=stack.reader)
    tables = by_name(study.tables(carry_out(study, parts_of(parts, target), targets=["aws"])))
    assert tables["cold"].rows[0][6] == "neither Lambda nor SageMaker tells of one"
    assert [row[1] for row in tables["stack"].rows] == ["raglass-embedder-serverless", "raglass-generator-serverless"]


def test_a_generator_that_is_no_endpoint_is_not_waited_for(clock: Clock, parts: Parts) -> None:
    stack = Stack(clock, FakeCloudWatch())
    stack.cloud.lines["/aws/lambda/raglass-orchestrator"] = []
    models = {"embedder": "sagemaker:raglass-embedder", "generator": "bedrock:amazon.nova-lite-v1:0"}
    study = LatencyStudy(clock=clock, sleep=clock.sleep, reader=stack.reader)
    began_s = clock()
    result = carry_out(
        study, parts_of(parts, stack_target(clock, stack, lambda n: 200.0, models=models)), targets=["aws"]
    )
    assert clock() - began_s < 60
    assert [row[1] for row in by_name(study.tables(result))["stack"].rows] == ["raglass-embedder"]


def test_what_cloudwatch_refuses_is_said_and_the_times_stand(clock: Clock, parts: Parts) -> None:
    stack = Stack(clock, FakeCloudWatch())
    stack.cloud.broken = refusal("AccessDenied", 403)
    study = LatencyStudy(clock=clock, sleep=clock.sleep, reader=stack.reader)
    tables = by_name(
        study.tables(carry_out(study, parts_of(parts, stack_target(clock, stack, lambda n: 200.0)), targets=["aws"]))
    )
    assert tables["latency"].rows[0][1] == 200.0
    assert "cloudwatch:GetMetricData is missing" in tables["latency"].note
    assert "stack" not in tables


def test_shell_prints_the_table_keeps_tagged_traces_and_writes_markdown(
    run: Callable[..., Result], services: Services, tmp_path: Any
) -> None:
    done = run("lab", "latency", "--questions", "3", "--out", str(tmp_path / "found.md"), services=services)
    assert done.exit_code == 0, done.output
    assert "fake answers half of the questions within" in done.output
    assert "| generate |" in (tmp_path / "found.md").read_text()


def test_traces_say_which_study_asked_them(services: Services, clock: Clock) -> None:
    parts = parts_of(services.lab.parts, Timed(FAST, clock, lambda n: 10.0))
    carry_out(LatencyStudy(clock=clock, sleep=clock.sleep), parts, targets=[FAST], questions=1, warm_up=0)
    [stored] = services.store.export(TraceQuery())
    assert (stored.trace.settings["study"], stored.trace.origin) == ("latency", "run")


def test_a_part_of_a_result_has_no_table_yet_and_markdown_shows_names_as_they_are(clock: Clock, parts: Parts) -> None:
    study = LatencyStudy(clock=clock, sleep=clock.sleep)
    own = parts_of(parts, Timed("a|b", clock, lambda n: 10.0))
    first = next(study.run(own, study.check(own, {"targets": ["a|b"]}), None, never()))
    assert study.tables(first.result or {}) == ()
    result = carry_out(study, own, targets=["a|b"])
    assert "a\\|b, p50" in to_markdown(study.tables(result)[0])
