"""Which metrics there are, by the names, dimensions and units under which they are published.

`RAG_MLOps` is ours (`pipeline.measures`); the others are AWS's own, named after the stack's parts.
"""

from collections.abc import Sequence

from metrics.series import MetricQuery, Statistic
from pipeline.measures import NAMESPACE, TOTAL, Unit

SAGEMAKER, LAMBDA, API = "AWS/SageMaker", "AWS/Lambda", "AWS/ApiGateway"

INNER_STAGES = ("embed", "retrieve", "rerank", "generate")
"""The pipeline's own stages, in their order."""

STAGES = (*INNER_STAGES, "gateway", "network")
"""Every stage that has a latency of its own, from the inside out."""

ENDPOINTS, FUNCTIONS = ("embedder", "generator"), ("orchestrator", "responder")
"""Roles of the stack's endpoints and functions; their names are `{stack}-{role}`."""

VARIANT = "AllTraffic"
"""The production variant's name in every endpoint configuration of the stack."""


def part_name(stack: str, role: str) -> str:
    """The deployed name of an endpoint or a function."""
    return f"{stack}-{role}"


def endpoint_names(stack: str, role: str) -> tuple[str, str]:
    """The names that an endpoint may have: on instances of its own, and serverless. SageMaker turns no endpoint of the one kind into the
    other, so that the stack makes another one."""
    name = part_name(stack, role)
    return name, f"{name}-serverless"


def log_groups(stack: str) -> list[str]:
    """The stack's log groups: functions first."""
    return [
        *(f"/aws/lambda/{part_name(stack, role)}" for role in FUNCTIONS),
        *(f"/aws/sagemaker/Endpoints/{name}" for role in ENDPOINTS for name in endpoint_names(stack, role)),
    ]


def rag_metric(name: str, statistic: Statistic, backend: str, stage: str = TOTAL) -> MetricQuery:
    """One of our own metrics."""
    unit: Unit = "Milliseconds" if name == "Latency" and statistic != "SampleCount" else "Count"
    return MetricQuery(NAMESPACE, name, statistic, (("Backend", backend), ("Stage", stage)), unit)


def sagemaker_metric(name: str, statistic: Statistic, endpoint: str) -> MetricQuery:
    """A metric of an endpoint. Its latencies are in microseconds."""
    unit = "Microseconds" if name.endswith("Latency") else "Count"
    dimensions = (("EndpointName", endpoint), ("VariantName", VARIANT))
    return MetricQuery(SAGEMAKER, name, statistic, dimensions, unit)


def lambda_metric(name: str, statistic: Statistic, function: str) -> MetricQuery:
    """A metric of a function."""
    unit = "Milliseconds" if name == "Duration" else "Count"
    return MetricQuery(LAMBDA, name, statistic, (("FunctionName", function),), unit)


def api_metric(name: str, statistic: Statistic, api_id: str) -> MetricQuery:
    """A metric of an HTTP API."""
    unit = "Milliseconds" if name.endswith("Latency") else "Count"
    return MetricQuery(API, name, statistic, (("ApiId", api_id),), unit)


def rag_queries(backend: str, percentiles: Sequence[Statistic] = ("p50", "p95", "p99")) -> list[MetricQuery]:
    """Rate, errors and latencies of a backend, end to end and by stage."""
    end_to_end: list[Statistic] = ["SampleCount", "Sum", *percentiles]
    return [
        *(rag_metric("Latency", statistic, backend) for statistic in end_to_end),
        rag_metric("ErrorCount", "Sum", backend),
        rag_metric("Latency", "SampleCount", backend, "gateway"),
        *(rag_metric("Latency", "Sum", backend, stage) for stage in STAGES),
        *(rag_metric("ErrorCount", "Sum", backend, stage) for stage in STAGES),
    ]


def stage_percentiles(backend: str, statistic: Statistic) -> list[MetricQuery]:
    """One percentile of every stage of a backend."""
    return [rag_metric("Latency", statistic, backend, stage) for stage in STAGES]


def stack_queries(stack: str, api_id: str) -> list[MetricQuery]:
    """AWS's own metrics of the stack's parts. api_id: empty where the API is not known."""
    queries: list[MetricQuery] = []
    for endpoint in [name for role in ENDPOINTS for name in endpoint_names(stack, role)]:
        queries += [sagemaker_metric(name, "Sum", endpoint) for name in ("ModelLatency", "OverheadLatency")]
        queries += [
            sagemaker_metric(name, "Sum", endpoint)
            for name in ("Invocations", "Invocation4XXErrors", "Invocation5XXErrors")
        ]
    for role in FUNCTIONS:
        function = part_name(stack, role)
        queries += [lambda_metric(name, "Sum", function) for name in ("Duration", "Errors", "Throttles", "Invocations")]
        queries.append(lambda_metric("ConcurrentExecutions", "Maximum", function))
    if api_id:
        queries += [api_metric(name, "Sum", api_id) for name in ("Count", "4xx", "5xx", "Latency")]
    return queries
