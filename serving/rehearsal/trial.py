"""A rehearsal without a screen: questions through the stack, and its metrics, logs and alarms read back with the product's code."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from botocore.exceptions import ClientError

import corpus
from metrics.alarms import AlarmReader
from metrics.catalogue import ENDPOINTS, STAGES, log_groups, part_name, rag_metric, sagemaker_metric
from metrics.cloudwatch import CloudWatchSource
from metrics.emit import CloudWatchSink, MetricsEmitter
from metrics.logs import LogReader
from metrics.series import MetricQuery, Statistic, Window
from pipeline.measures import TOTAL
from pipeline.types import Trace
from serving.deploy.templates import Template
from serving.rehearsal.session import Rehearsal

HOUR_S = 3600
SETTLE_S = 0.6
"""The stand-ins publish what they measure several times in this time."""

ARRIVAL_S = 20.0
"""How long metrics may take to arrive."""

INSIDE = ("gateway", "embed", "retrieve", "generate")
"""Stages that the stack itself measures."""

Tell = Callable[[str], None]

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class StageTimes:
    """What CloudWatch knows of a stage."""

    stage: str
    questions: int
    p50_ms: float
    p95_ms: float

    def __str__(self) -> str:
        return f"  {self.stage:<10}{self.questions:>5}{self.p50_ms:>10.3g}{self.p95_ms:>10.3g}"


def try_out(rehearsal: Rehearsal, questions: int, tell: Tell) -> list[str]:
    """Ask, read back, print what was found. Returns what is wrong, in sentences; empty if nothing is."""
    began_s, before = time.time(), _settled_counts(rehearsal)
    traces = _ask(rehearsal, questions)
    failed = [trace for trace in traces if trace.error]
    tell(f"{len(traces)} questions, {len(failed)} failed")
    problems = [f"A question failed: {trace.error.message}" for trace in failed[:3] if trace.error]
    problems += _read_metrics(rehearsal, before, len(traces), tell)
    problems += _read_logs(rehearsal, traces[-1], began_s, tell)
    problems += _read_alarms(rehearsal, tell)
    return problems


def try_denial(rehearsal: Rehearsal, tell: Tell) -> list[str]:
    """Make sure that IAM is enforced: the dashboard's role must not be able to call a Lambda. Returns what is wrong."""
    function = part_name(rehearsal.stack, "orchestrator")
    try:
        rehearsal.dashboard_client("lambda").invoke(FunctionName=function, Payload=b"{}")
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"):
            tell("The dashboard's role may not invoke a Lambda, as it should be")
            return []
        return [f"The dashboard's role was refused for another reason than its policy: {error}"]
    return ["The dashboard's role could invoke a Lambda: IAM is not enforced."]


def _ask(rehearsal: Rehearsal, questions: int) -> list[Trace]:
    known = [question.question for question in corpus.questions()]
    backend = rehearsal.open_backend()
    emitter = MetricsEmitter(CloudWatchSink(client=rehearsal.dashboard_client("cloudwatch")))
    traces = []
    try:
        for place in range(questions):
            trace = backend.answer(known[place % len(known)], top_k=5, deadline_s=25)
            emitter.emit(trace)
            traces.append(trace)
        emitter.flush()
    finally:
        emitter.close()
        backend.close()
    return traces


def _read_metrics(rehearsal: Rehearsal, before: Mapping[str, int], questions: int, tell: Tell) -> list[str]:
    def complete(counts: Mapping[str, int]) -> bool:
        return all(count - before[name] >= questions for name, count in counts.items())

    counts = _eventually(partial(_counts, rehearsal), complete)
    tell("From CloudWatch, namespace RAG_MLOps:\n  stage     asked    p50 ms    p95 ms")
    for stage in (TOTAL, *reversed(STAGES)):
        if counts.get(stage):
            tell(str(_stage_times(rehearsal, stage)))
    for role in _endpoint_roles(rehearsal):
        endpoint = part_name(rehearsal.stack, role)
        median_us = _read(rehearsal, [sagemaker_metric("ModelLatency", "p50", endpoint)])[0]
        tell(f"  {endpoint}: {counts[endpoint]} invocations, ModelLatency p50 {median_us:.0f} µs")
    return [
        f"CloudWatch counts {count - before[name]} more of {name}, not {questions}."
        for name, count in counts.items()
        if count - before[name] != questions
    ]


def _endpoint_roles(rehearsal: Rehearsal) -> list[str]:
    """Roles that have an endpoint: where a model on Bedrock answers, the generator has none."""
    return [role for role in ENDPOINTS if role.title() in rehearsal.outputs]


def _counts(rehearsal: Rehearsal) -> dict[str, int]:
    """How many latencies CloudWatch knows of each stage that a question passes, and of each endpoint."""
    stages = (TOTAL, "network", *INSIDE)
    endpoints = [part_name(rehearsal.stack, role) for role in _endpoint_roles(rehearsal)]
    queries = [rag_metric("Latency", "SampleCount", "aws", stage) for stage in stages]
    queries += [sagemaker_metric("ModelLatency", "SampleCount", endpoint) for endpoint in endpoints]
    return {name: int(count) for name, count in zip((*stages, *endpoints), _read(rehearsal, queries), strict=True)}


def _settled_counts(rehearsal: Rehearsal) -> dict[str, int]:
    """Counts, once what was measured before has arrived."""
    counts: dict[str, int] = {}
    while counts != (counts := _counts(rehearsal)):
        time.sleep(SETTLE_S)
    return counts


def _eventually(read: Callable[[], Found], enough: Callable[[Found], bool]) -> Found:
    """What is found once it is enough, or after a while."""
    until = time.monotonic() + ARRIVAL_S
    while True:
        found = read()
        if enough(found) or time.monotonic() > until:
            return found
        time.sleep(0.25)


def _stage_times(rehearsal: Rehearsal, stage: str) -> StageTimes:
    statistics: Sequence[Statistic] = ("SampleCount", "p50", "p95")
    count, p50_ms, p95_ms = _read(
        rehearsal, [rag_metric("Latency", statistic, "aws", stage) for statistic in statistics]
    )
    return StageTimes(stage, int(count), p50_ms, p95_ms)


def _read(rehearsal: Rehearsal, queries: Iterable[MetricQuery]) -> list[float]:
    """One value for each query over this hour and the one before. Should the hour have struck meanwhile: counts add up, the larger
    percentile stands."""
    source = CloudWatchSource(client=rehearsal.dashboard_client("cloudwatch"))
    window = Window.ending(time.time(), 2 * HOUR_S, HOUR_S)
    return [
        (sum if series.statistic == "SampleCount" else max)(series.values.values() or [0.0])
        for series in source.read(list(queries), window)
    ]


def _read_logs(rehearsal: Rehearsal, trace: Trace, since_s: float, tell: Tell) -> list[str]:
    reader = LogReader(log_groups(rehearsal.stack), client=rehearsal.dashboard_client("logs"))
    lines = reader.read(since_s, containing=trace.trace_id).lines
    tell(f"Log lines of the trace {trace.trace_id}:")
    for line in lines:
        tell(f"  {line.group}: {line.message.strip()}")
    return [] if lines else [f"No log line holds the trace id {trace.trace_id}."]


def _read_alarms(rehearsal: Rehearsal, tell: Tell) -> list[str]:
    alarms = AlarmReader(rehearsal.stack, client=rehearsal.dashboard_client("cloudwatch")).read()
    tell(f"Alarms: {', '.join(f'{alarm.name} {alarm.state}' for alarm in alarms)}")
    wanted = [kind for _, kind in Template.of("serving").resources({})].count("AWS::CloudWatch::Alarm")
    return [] if len(alarms) == wanted else [f"The stack has {len(alarms)} alarms, not {wanted}."]
