"""AWS/Lambda metrics for calls on every path, and metrics out of log lines in the embedded metric format.

The emulator counts only direct invocations and takes such lines for text.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from serving.rehearsal.patches.points import Point

LAMBDA_METRICS = Point("ministack.services.lambda_svc", "_emit_lambda_metrics")
LAMBDA_LOGS = Point("ministack.services.lambda_svc", "_emit_lambda_logs")
RECORD = Point("ministack.services.cloudwatch", "record_metric")
WORKERS = Point("ministack.core.lambda_runtime", "_workers")
POINTS = (LAMBDA_METRICS, LAMBDA_LOGS, RECORD, WORKERS)

MARK = '"_aws"'
"""In every line of the embedded metric format."""


def apply() -> None:
    """Count where logs are written, which every path passes, and nowhere else."""
    count: Callable[..., None] = LAMBDA_METRICS.get()
    LAMBDA_METRICS.replace(_throttles_only)
    LAMBDA_LOGS.replace(lambda write: _and_count(write, count, RECORD.get()))


def _throttles_only(count: Callable[..., None]) -> Callable[..., None]:
    def count_throttle(function_name: str, duration_ms: float, error: bool, throttle: bool) -> None:
        if throttle:
            count(function_name, duration_ms, error, throttle)

    return count_throttle


def _and_count(
    write: Callable[..., None], count: Callable[..., None], record: Callable[..., None]
) -> Callable[..., None]:
    def write_and_count(
        function: dict[str, Any], request_id: str, log_text: str, error: bool, duration_ms: float, **options: Any
    ) -> None:
        write(function, request_id, log_text, error, duration_ms, **options)
        name = (function.get("config") or function).get("FunctionName", "unknown")
        count(name, max(duration_ms, 0.01), error, False)
        record("AWS/Lambda", "ConcurrentExecutions", _at_once(name), "Count", {"FunctionName": name})
        for line in (log_text or "").splitlines():
            for metric in embedded_metrics(line):
                record(*metric)

    return write_and_count


def _at_once(function_name: str) -> int:
    """Invocations of a function under way; the one that has just ended is one of them."""
    workers = [worker for pool in list(WORKERS.get().values()) for worker in pool]
    return 1 + sum(bool(worker.in_use) for worker in workers if worker.func_name == function_name)


def embedded_metrics(line: str) -> Iterator[tuple[str, str, float, str, dict[str, str]]]:
    """Namespace, name, value, unit and dimensions of each value that a log line carries; a line that is none has none."""
    if MARK not in line:
        return
    try:
        document = json.loads(line[line.index("{") :])
    except ValueError:
        return
    for directive in (document.get("_aws") or {}).get("CloudWatchMetrics", []):
        for names in directive.get("Dimensions") or [[]]:
            dimensions = {name: str(document[name]) for name in names if name in document}
            for metric in directive.get("Metrics", []):
                value = document.get(metric["Name"])
                for number in value if isinstance(value, list) else [value]:
                    if isinstance(number, (int, float)):
                        yield directive["Namespace"], metric["Name"], number, metric.get("Unit", "None"), dimensions
