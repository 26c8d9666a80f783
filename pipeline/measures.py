"""What one trace is worth to a metrics system: its latencies, its error, its best score, whether it abstained.

It owns the names, units and dimensions of the `RAG_MLOps` metrics, so that the orchestrator Lambda and the dashboard
publish the same ones and count nothing twice. It refuses to publish anything itself.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pipeline.types import Trace

NAMESPACE = "RAG_MLOps"
"""CloudWatch namespace of every measure."""

TOTAL = "total"
"""The stage name of a whole question."""

NETWORK = "network"
"""The span that a client puts around a call to a server; a trace with one was measured on the server too."""

Unit = Literal["Milliseconds", "Count", "None"]
"""CloudWatch's own words for units; `None` is a bare number."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One value of one metric."""

    name: str
    """`Latency`, `ErrorCount`, `TopScore` or `Abstained`."""
    unit: Unit
    """CloudWatch unit of `value`."""
    value: float
    """Always finite."""
    stage: str
    """Dimension `Stage`."""
    backend: str
    """Dimension `Backend`."""
    at_s: float
    """When the question was asked: seconds since the Unix epoch, UTC."""

    @property
    def dimensions(self) -> tuple[tuple[str, str], ...]:
        """Names and values of the dimensions, sorted by name."""
        return (("Backend", self.backend), ("Stage", self.stage))


def measures_of(trace: Trace, *, total_stage: str = TOTAL) -> list[Measure]:
    """Everything that one trace adds to the metrics.

    total_stage: the stage under which the whole trace is counted. The orchestrator passes `gateway`, because its trace
    is what the client's `gateway` span encloses.

    Only top-level spans are measured. Where one of them is `network`, the server measured the spans inside it, as well as
    the score, the abstention and an error of an inner stage; none of those is repeated here.
    """
    return [measure for measure in _measures(trace, total_stage) if math.isfinite(measure.value)]


def _measures(trace: Trace, total_stage: str) -> Iterator[Measure]:
    def measure(name: str, unit: Unit, value: float, stage: str) -> Measure:
        return Measure(name, unit, value, stage, trace.backend, trace.asked_at)

    top_level = [span for span in trace.spans if span.parent_id is None]
    stages = {span.stage for span in top_level}
    measured_by_server = NETWORK in stages
    yield measure("Latency", "Milliseconds", trace.duration_ms, total_stage)
    for span in top_level:
        yield measure("Latency", "Milliseconds", span.duration_ms, span.stage)
    yield measure("ErrorCount", "Count", float(trace.error is not None), total_stage)
    failed = trace.error.stage if trace.error is not None else None
    if failed is not None and failed != total_stage and (failed in stages or not measured_by_server):
        yield measure("ErrorCount", "Count", 1.0, failed)
    if measured_by_server:
        return
    if trace.chunks and trace.chunks[0].score is not None:
        yield measure("TopScore", "None", trace.chunks[0].score, "retrieve")
    if trace.generation is not None:
        yield measure("Abstained", "Count", float(trace.generation.abstained), "generate")
