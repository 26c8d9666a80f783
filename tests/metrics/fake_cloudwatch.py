"""CloudWatch as far as Raglass uses it, in memory: metrics, alarms, log lines; newest first and paged, as AWS answers."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
from botocore.exceptions import ClientError

from pipeline.measures import NAMESPACE, Measure

Key = tuple[str, str, tuple[tuple[str, str], ...]]


def refusal(code: str, status: int = 400) -> ClientError:
    """The error that botocore raises for an error reply."""
    return ClientError({"Error": {"Code": code, "Message": "x"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Op")


def _dimensions(listed: list[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((entry["Name"], entry["Value"]) for entry in listed))


def _statistic(values: list[float], name: str) -> float:
    if name.startswith("p"):
        return float(np.quantile(values, float(name[1:]) / 100, method="lower"))
    return {"Sum": sum(values), "SampleCount": float(len(values)), "Maximum": max(values)}.get(
        name, sum(values) / len(values)
    )


class FakeCloudWatch:
    """A client for `cloudwatch` and `logs` in one. `failures` are raised first, one a call."""

    def __init__(self, *, page: int = 100_800) -> None:
        self.page = page
        self.failures: list[Exception] = []
        self.broken: Exception | None = None
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.values: dict[Key, list[tuple[float, float]]] = {}
        self.alarms: list[dict[str, Any]] = []
        self.lines: dict[str, list[dict[str, Any]]] = {}

    def _called(self, operation: str, request: dict[str, Any]) -> None:
        self.calls.append((operation, request))
        if self.broken is not None:
            raise self.broken
        if self.failures:
            raise self.failures.pop(0)

    def publish(self, measures: Iterable[Measure]) -> None:
        """What the emitter would have sent."""
        for measure in measures:
            self.add(NAMESPACE, measure.name, measure.dimensions, measure.at_s, measure.value)

    def add(self, namespace: str, name: str, dimensions: Iterable[tuple[str, str]], at_s: float, value: float) -> None:
        """One value of one metric."""
        self.values.setdefault((namespace, name, tuple(sorted(dimensions))), []).append((at_s, value))

    def log(self, group: str, at_s: float, message: str) -> None:
        """One log line."""
        lines = self.lines.setdefault(group, [])
        lines.append({"timestamp": int(at_s * 1000), "message": message, "eventId": f"{group}{len(lines)}"})

    def put_metric_data(self, **request: Any) -> dict[str, Any]:
        self._called("put_metric_data", request)
        for datum in request["MetricData"]:
            dimensions = _dimensions(datum["Dimensions"])
            for value, count in zip(datum["Values"], datum["Counts"], strict=True):
                for _ in range(int(count)):
                    self.add(request["Namespace"], datum["MetricName"], dimensions, datum["Timestamp"], value)
        return {}

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        self._called("get_metric_data", request)
        assert len(request["MetricDataQueries"]) <= 500
        points = [
            (query["Id"], time_s, value)
            for query in request["MetricDataQueries"]
            for time_s, value in self._points(query["MetricStat"], request["StartTime"], request["EndTime"])
        ]
        start = int(request.get("NextToken", 0))
        results: dict[str, dict[str, Any]] = {
            query["Id"]: {"Id": query["Id"], "Timestamps": [], "Values": [], "StatusCode": "Complete"}
            for query in request["MetricDataQueries"]
        }
        for name, time_s, value in points[start : start + self.page]:
            results[name]["Timestamps"].append(datetime.fromtimestamp(time_s, UTC))
            results[name]["Values"].append(value)
        more = start + self.page < len(points)
        return {
            "MetricDataResults": list(results.values()),
            **({"NextToken": str(start + self.page)} if more else {}),
        }

    def _points(self, stat: dict[str, Any], start_s: float, end_s: float) -> list[tuple[int, float]]:
        metric, period_s = stat["Metric"], stat["Period"]
        key = (metric["Namespace"], metric["MetricName"], _dimensions(metric["Dimensions"]))
        periods: dict[int, list[float]] = {}
        for at_s, value in self.values.get(key, ()):
            if start_s <= at_s < end_s:
                periods.setdefault(math.floor(at_s / period_s) * period_s, []).append(value)
        return [(period, _statistic(values, stat["Stat"])) for period, values in sorted(periods.items(), reverse=True)]

    def describe_alarms(self, **request: Any) -> dict[str, Any]:
        self._called("describe_alarms", request)
        start = int(request.get("NextToken", 0))
        matching = [alarm for alarm in self.alarms if alarm["AlarmName"].startswith(request["AlarmNamePrefix"])]
        reply: dict[str, Any] = {"MetricAlarms": matching[start : start + request["MaxRecords"]]}
        if start + request["MaxRecords"] < len(matching):
            reply["NextToken"] = str(start + request["MaxRecords"])
        return reply

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self._called("filter_log_events", request)
        if request["logGroupName"] not in self.lines:
            raise refusal("ResourceNotFoundException")
        wanted = request.get("filterPattern", '""')[1:-1]
        matching = [
            event
            for event in self.lines[request["logGroupName"]]
            if request["startTime"] <= event["timestamp"] <= request.get("endTime", math.inf)
            and wanted in event["message"]
        ]
        start = int(request.get("nextToken", 0))
        size = min(self.page, request["limit"])
        reply: dict[str, Any] = {"events": matching[start : start + size]}
        if start + size < len(matching):
            reply["nextToken"] = str(start + size)
        return reply

    def count(self, operation: str) -> int:
        """How often an operation was called."""
        return sum(name == operation for name, _ in self.calls)
