"""What a deployed stack says of its own times: SageMaker's latencies by endpoint, and which calls met a cold start.

CloudWatch counts by the minute and knows no single call; Lambda's log does, of its own starts.
"""

import re
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.lab.endpoints import PREFIX
from app.lab.study import Step
from evaluation.lab.latency import slowest
from metrics.catalogue import FUNCTIONS, endpoint_names, part_name, sagemaker_metric
from metrics.cloudwatch import CloudWatchSource
from metrics.logs import LogReader
from metrics.series import MetricsSource, Statistic, Window
from pipeline.errors import RaglassError

if TYPE_CHECKING:
    from app.config import Settings

STACK = "aws"
"""The backend that is a deployed stack."""

MINUTE_S = 60

ARRIVAL_S = 240.0
"""How long measures may take to arrive."""

POLL_S = 10.0
"""Between two looks for them."""

FIRST_S = 2.0
"""Before the first look: a rehearsed stack has them at once."""

STAGE_OF = {"embedder": "embed", "generator": "generate"}
"""The stage that calls an endpoint, by its role."""

COLD = "Init Duration"
"""Stands in Lambda's closing line of a call that started a new process."""

_REQUEST = re.compile(r"RequestId: ([0-9a-f-]{8,})")

SUMS: tuple[tuple[str, Statistic], ...] = (
    ("Invocations", "Sum"),
    ("ModelLatency", "Sum"),
    ("ModelLatency", "SampleCount"),
    ("OverheadLatency", "Sum"),
)
"""What is read of an endpoint by the minute and can be added up."""

POINTS: tuple[tuple[str, Statistic], ...] = (
    ("ModelLatency", "p50"),
    ("ModelLatency", "p95"),
    ("OverheadLatency", "Maximum"),
)
"""What cannot."""

Entry = dict[str, Any]

Named = Mapping[str, Sequence[str]]
"""Endpoints by role; a role that another service plays is missing."""


@dataclass(frozen=True, slots=True)
class StackReader:
    """Reads what a stack has measured."""

    source: Callable[[], MetricsSource]
    """CloudWatch, without a memory of what had not arrived yet."""
    logs: Callable[[Sequence[str]], LogReader]
    """Log lines of some groups."""

    @classmethod
    def of(cls, settings: "Settings") -> "StackReader":
        """By the settings' region."""
        region = settings.aws_region
        return cls(lambda: CloudWatchSource(region), lambda groups: LogReader(groups, region))

    def read(
        self,
        target: Entry,
        stop: threading.Event,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        step: Callable[[str], Step],
    ) -> Generator[Step, None, None]:
        """Wait until CloudWatch has counted every measured call, then note what it says, and which calls were cold.

        What cannot be read is said in the target's `said`; the times that were measured here stand all the same.
        """
        measured = [each for each in target["asked"] if not each["warm_up"]]
        named = _answered_by(target)
        try:
            yield step("Waiting for CloudWatch")
            until_s = clock() + ARRIVAL_S
            wait(FIRST_S, stop, sleep)
            while True:
                found = self._endpoints(named, measured)
                counts = [sum(each["invocations"] for each in found if each["role"] == role) for role in named]
                arrived = min(counts, default=len(measured))
                if arrived >= len(measured) or clock() >= until_s or stop.is_set():
                    break
                yield step(f"Waiting for CloudWatch, which has counted {arrived:.0f} of {len(measured)} calls")
                wait(POLL_S, stop, sleep)
            target["cloud"] = found
            self._mark_cold(target, named)
        except RaglassError as error:
            target["said"] = str(error)

    def _endpoints(self, named: Named, entries: Sequence[Entry]) -> list[Entry]:
        """Figures, in ms, of each endpoint that was called in the minutes of some calls."""
        window = _minutes(entries)
        found = []
        for role, endpoints in named.items():
            for endpoint in endpoints:
                queries = [sagemaker_metric(*each, endpoint) for each in (*SUMS, *POINTS)]
                series = [each.values for each in self.source().read(queries, window)]
                if sum(series[2].values()):
                    found.append({"role": role, "endpoint": endpoint, **_figures(series)})
        return found

    def _mark_cold(self, target: Entry, named: Named) -> None:
        """Mark calls that started a Lambda, and as many of a minute's slowest as SageMaker set up models in it."""
        window = _minutes(target["asked"])
        group = f"/aws/lambda/{part_name(target['stack'], FUNCTIONS[0])}"
        page = self.logs([group]).read(window.start_s, window.end_s + MINUTE_S, containing=COLD, limit=1_000)
        started = {found[1] for line in page.lines if (found := _REQUEST.search(line.message))}
        for each in target["asked"]:
            if each["request"] in started:
                each["cold"] = "Lambda"
        for role, endpoints in named.items():
            queries = [sagemaker_metric("ModelSetupTime", "SampleCount", name) for name in endpoints]
            setups = [pair for each in self.source().read(queries, window) for pair in each.values.items()]
            for each in _set_up(target["asked"], STAGE_OF[role], sorted(setups)):
                each["cold"] = "SageMaker"
        target["cold_known"] = True


def _answered_by(target: Mapping[str, Any]) -> Named:
    """The endpoints that answered a target's calls, as their traces name them; where none does, all that the stack may have.

    Others of the stack may have been called in the same minutes, such as those that it had before it was changed.
    """
    found: dict[str, tuple[str, ...]] = {}
    for role in STAGE_OF:
        known = endpoint_names(target["stack"], role)
        told = {each.get("models", {}).get(role) for each in target["asked"]} - {None, ""}
        if names := tuple(name for name in known if PREFIX + name in told) if told else known:
            found[role] = names
    return found


def _set_up(asked: Sequence[Entry], stage: str, setups: Sequence[tuple[int, float]]) -> Sequence[Entry]:
    """The calls that met an endpoint which had to start. setups: how many, by minute, in order.

    A call counts for every minute that it touches: one that starts an endpoint takes long, and whether it counts when it begins or when it
    ends is not known.
    """
    found: list[Entry] = []
    for minute_s, count in setups:
        calls = [
            each
            for each in asked
            if each not in found and each["at_s"] < minute_s + MINUTE_S and _end_s(each) >= minute_s
        ]
        found += [calls[place] for place in slowest([each["ms"].get(stage) for each in calls], int(count))]
    return found


def _end_s(entry: Mapping[str, Any]) -> float:
    """When a call ended, in seconds since the epoch."""
    return float(entry["at_s"] + entry["ms"]["end to end"] / 1000)


def _figures(series: Sequence[Mapping[int, float]]) -> dict[str, float]:
    """Of the values of SUMS and POINTS by minute. Percentiles of several minutes cannot be put together: that of the median is weighted
    by calls, and p95 is the highest, which the true one does not exceed."""
    invocations, sum_us, samples, overhead_us, p50_us, p95_us, highest_us = series
    calls = sum(samples.values())
    weighted = sum(p50_us[minute] * samples.get(minute, 0.0) for minute in p50_us)
    return {
        "invocations": sum(invocations.values()),
        "mean_ms": sum(sum_us.values()) / calls / 1000,
        "p50_ms": weighted / calls / 1000,
        "p95_ms": max(p95_us.values(), default=0.0) / 1000,
        "overhead_ms": sum(overhead_us.values()) / calls / 1000,
        "overhead_max_ms": max(highest_us.values(), default=0.0) / 1000,
    }


def wait(seconds: float, stop: threading.Event, sleep: Callable[[float], None]) -> None:
    """Sleep so long, but not past a stop by more than a second."""
    while seconds > 0 and not stop.is_set():
        sleep(min(seconds, 1.0))
        seconds -= 1.0


def _minutes(entries: Sequence[Mapping[str, Any]]) -> Window:
    """The whole minutes in which some calls began and ended."""
    start_s = int(min(each["at_s"] for each in entries)) // MINUTE_S * MINUTE_S
    last_s = max(map(_end_s, entries))
    return Window(start_s, (int(last_s) // MINUTE_S + 1) * MINUTE_S, MINUTE_S)
