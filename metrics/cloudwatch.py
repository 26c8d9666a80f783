"""Metrics from CloudWatch: as few calls as can be, each complete period fetched once.

It owns what is remembered, when it is asked for again, and what the asking costs. It refuses metric math: ratios are made
by whoever draws them, since not every stand-in for CloudWatch can.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from metrics import aws
from metrics.series import MetricQuery, MetricSeries, Window, make_series
from pipeline.errors import BadResponse, Unavailable

log = logging.getLogger(__name__)

ACTION = "cloudwatch:GetMetricData"

MAX_QUERIES, MAX_POINTS = 500, 100_800
"""Limits of one GetMetricData call
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html)."""

MAX_PAGES = 200
"""More pages than any window has; a stand-in that never ends must not hold the page for ever."""

LATE_S = 180
"""How long after a period's end values may still arrive: the publishers' own delay, and that of log lines that hold metrics."""

FRESH_S = 15
"""A period that may still change is asked for again after this long, however often the page refreshes."""

MAX_REMEMBERED = 400
"""Series kept in memory at most; the least recently read make room."""

USD_PER_METRIC = 0.01 / 1000
"""Price of one metric requested by GetMetricData in most regions (https://aws.amazon.com/cloudwatch/pricing/)."""


@dataclass(slots=True)
class _Known:
    """What is remembered of one series."""

    from_s: int
    until_s: int = 0
    """Periods before this are complete."""
    fetched_s: float = 0.0
    end_s: int = 0
    values: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApiUse:
    """What asking CloudWatch has taken since this process began."""

    calls: int
    """GetMetricData calls that were answered."""
    metrics: int
    """Metrics requested by them, which is what is paid for."""
    since_s: float
    """When counting began, in seconds since the epoch."""

    @property
    def cost_usd(self) -> float:
        """An estimate from the list price; up to five statistics of one metric may count as one, which is not reckoned with."""
        return self.metrics * USD_PER_METRIC


class CloudWatchSource:
    """GetMetricData with a memory. Threads may share one."""

    name = "cloudwatch"

    def __init__(
        self,
        region: str = "",
        *,
        client: Any = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._region = region
        self._client = client
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[MetricQuery, int], _Known] = OrderedDict()
        self._calls = self._metrics = 0
        self._since_s = clock()

    @property
    def use(self) -> ApiUse:
        """Calls made so far and what they cost."""
        return ApiUse(self._calls, self._metrics, self._since_s)

    def read(self, queries: Sequence[MetricQuery], window: Window) -> list[MetricSeries]:
        """One series for each query, from memory where it is complete or fresh.

        Raises Unavailable, naming the permission, where it is missing; Throttled after waiting; ConfigError without a region.
        """
        now_s = self._clock()
        settled_s = int(now_s - LATE_S) // window.period_s * window.period_s
        with self._lock:
            due: dict[int, list[MetricQuery]] = {}
            for query in dict.fromkeys(queries):
                start_s = self._due_from(query, window, now_s)
                if start_s is not None:
                    due.setdefault(start_s, []).append(query)
            for start_s, group in due.items():
                for place in range(0, len(group), MAX_QUERIES):
                    part = group[place : place + MAX_QUERIES]
                    self._remember(part, window, start_s, settled_s, now_s, self._fetch(part, window, start_s))
            found = [
                make_series(query, window, self._known[query, window.period_s].values, settled_s) for query in queries
            ]
            while len(self._known) > max(MAX_REMEMBERED, len(found)):
                self._known.popitem(last=False)
        return found

    def _due_from(self, query: MetricQuery, window: Window, now_s: float) -> int | None:
        """From when on a series has to be fetched; None if what is remembered will do."""
        known = self._known.get((query, window.period_s))
        if known is None or known.from_s > window.start_s or known.until_s < window.start_s:
            return window.start_s
        self._known.move_to_end((query, window.period_s))
        fresh = now_s - known.fetched_s < FRESH_S and known.end_s >= window.end_s
        return None if fresh or known.until_s >= window.end_s else known.until_s

    def _remember(
        self,
        queries: Sequence[MetricQuery],
        window: Window,
        start_s: int,
        settled_s: int,
        now_s: float,
        fetched: Sequence[dict[int, float]],
    ) -> None:
        for query, values in zip(queries, fetched, strict=True):
            known = self._known.setdefault((query, window.period_s), _Known(start_s))
            if start_s == window.start_s:
                known.from_s = start_s
            kept = {time_s: value for time_s, value in known.values.items() if known.from_s <= time_s < start_s}
            known.values = kept | values
            known.until_s = min(window.end_s, max(settled_s, start_s))
            known.fetched_s, known.end_s = now_s, window.end_s

    def _fetch(self, queries: Sequence[MetricQuery], window: Window, start_s: int) -> list[dict[int, float]]:
        """Values by the beginning of their period, for each query."""
        found: list[dict[int, float]] = [{} for _ in queries]
        for result in self._results(queries, window, start_s):
            status = result.get("StatusCode", "Complete")
            if status not in ("Complete", "PartialData"):
                raise _bad_status(status)
            values = found[int(result["Id"][1:])]
            for stamp, value in zip(result["Timestamps"], result["Values"], strict=True):
                values[int(stamp.timestamp()) // window.period_s * window.period_s] = float(value)
        return found

    def _results(self, queries: Sequence[MetricQuery], window: Window, start_s: int) -> Iterator[dict[str, Any]]:
        if self._client is None:
            self._client = aws.make_client("cloudwatch", self._region)
        request: dict[str, Any] = {
            "MetricDataQueries": [_request(place, query, window) for place, query in enumerate(queries)],
            "StartTime": start_s,
            "EndTime": window.end_s,
            "ScanBy": "TimestampAscending",
            "MaxDatapoints": MAX_POINTS,
        }
        for _ in range(MAX_PAGES):
            reply = aws.call(ACTION, lambda: self._client.get_metric_data(**request), sleep=self._sleep)
            self._calls += 1
            self._metrics += len(queries)
            yield from reply.get("MetricDataResults", ())
            if not reply.get("NextToken"):
                return
            request["NextToken"] = reply["NextToken"]
        raise BadResponse(f"{ACTION} answered {MAX_PAGES} pages and had not ended. Choose a shorter window.")


def _request(place: int, query: MetricQuery, window: Window) -> dict[str, Any]:
    """One query as GetMetricData takes it; its id says where its values belong."""
    metric = {
        "Namespace": query.namespace,
        "MetricName": query.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in query.dimensions],
    }
    return {
        "Id": f"q{place}",
        "MetricStat": {"Metric": metric, "Period": window.period_s, "Stat": query.statistic},
        "ReturnData": True,
    }


def _bad_status(status: str) -> Unavailable | BadResponse:
    if status == "Forbidden":
        return Unavailable(
            f"The permission {ACTION} is missing. Add it to the role or user whose credentials are used."
        )
    return BadResponse(f"{ACTION} could not read every metric ({status}). It is tried again with the next refresh.")
