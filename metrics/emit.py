"""Sending the measures of every question somewhere, without ever slowing or failing a question.

`MetricsEmitter` owns the queue, the batches and what becomes of a failure; a `MetricsSink` only sends. What cannot be
kept or sent is dropped and counted: metrics are worth less than answers.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from metrics import aws
from pipeline.errors import BackendError, ConfigError, RaglassError
from pipeline.measures import NAMESPACE, Measure, measures_of
from pipeline.types import Trace

log = logging.getLogger(__name__)

CAPACITY = 20_000
"""Measures waiting at most: some 3,000 questions, under 10 MB. The oldest make room."""

PERIOD_S = 5.0
"""How long a measure waits for others to share its call."""

ATTEMPTS = 5
"""How often one batch is tried before it is dropped."""

MAX_DATA, MAX_VALUES, MAX_BYTES = 1_000, 150, 1_000_000
"""Limits of one PutMetricData call: data, values in a datum, and bytes
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html)."""

DATUM_BYTES, VALUE_BYTES = 600, 100
"""Upper bounds of what a datum and one of its values take on the wire, in the wordiest of the three protocols."""

OLDEST_S, NEWEST_S = 14 * 86_400 - 600, 2 * 3_600 - 600
"""CloudWatch refuses a whole call for one datum older than two weeks or more than two hours ahead."""


@dataclass(frozen=True, slots=True)
class Datum:
    """All values of one metric in one minute."""

    name: str
    """The metric."""
    unit: str
    """CloudWatch's word for the unit."""
    dimensions: tuple[tuple[str, str], ...]
    """Names and values."""
    minute_s: int
    """Beginning of the minute, in seconds since the epoch."""
    values: tuple[float, ...]
    """At most MAX_VALUES different ones."""
    counts: tuple[int, ...]
    """How often each value occurred."""

    @property
    def measures(self) -> int:
        """How many measures it stands for."""
        return sum(self.counts)

    @property
    def size_bytes(self) -> int:
        """An upper bound of its size on the wire."""
        return DATUM_BYTES + VALUE_BYTES * len(self.values)


class MetricsSink(Protocol):
    """Where batches go."""

    def send(self, batch: Sequence[Datum]) -> None:
        """Send at most MAX_DATA data in one call, trying once. Raises RaglassError."""


@dataclass(frozen=True, slots=True)
class EmitCounts:
    """What became of the measures so far."""

    sent: int
    """Measures that the sink took."""
    dropped: int
    """Measures that were given up."""
    waiting: int
    """Measures in the queue or on their way."""
    calls: int
    """Calls of the sink that succeeded."""
    problem: str | None
    """Why the last call failed; None if it did not."""


def gather(measures: Iterable[Measure]) -> list[Datum]:
    """Measures grouped by metric and minute, equal values counted, so that a burst costs one call and keeps its percentiles."""
    groups: dict[tuple[str, str, tuple[tuple[str, str], ...], int], dict[float, int]] = {}
    for measure in measures:
        key = (measure.name, measure.unit, measure.dimensions, int(measure.at_s // 60) * 60)
        counted = groups.setdefault(key, {})
        counted[measure.value] = counted.get(measure.value, 0) + 1
    data = []
    for (name, unit, dimensions, minute_s), counted in groups.items():
        pairs = list(counted.items())
        for start in range(0, len(pairs), MAX_VALUES):
            values, counts = zip(*pairs[start : start + MAX_VALUES], strict=True)
            data.append(Datum(name, unit, dimensions, minute_s, values, counts))
    return data


def batches(data: Sequence[Datum]) -> Iterator[list[Datum]]:
    """The data in batches that one call may hold."""
    batch: list[Datum] = []
    size = 0
    for datum in data:
        if batch and (len(batch) == MAX_DATA or size + datum.size_bytes > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(datum)
        size += datum.size_bytes
    if batch:
        yield batch


class MetricsEmitter:
    """A bounded queue and the thread that empties it. Threads may share one."""

    def __init__(
        self, sink: MetricsSink, *, capacity: int = CAPACITY, period_s: float = PERIOD_S, attempts: int = ATTEMPTS
    ) -> None:
        self._sink = sink
        self._capacity = capacity
        self._period_s = period_s
        self._attempts = attempts
        self._queue: deque[Measure] = deque()
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._hurry = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._sent = self._dropped = self._in_flight = self._calls = 0
        self._problem: str | None = None

    def emit(self, trace: Trace) -> None:
        """Queue a trace's measures. Returns at once and never raises."""
        try:
            measures = measures_of(trace)
        except Exception:
            log.exception("the measures of trace %s could not be made; the answer is not touched", trace.trace_id)
            return
        with self._lock:
            if self._stopping.is_set():
                self._dropped += len(measures)
                return
            self._queue.extend(measures)
            while len(self._queue) > self._capacity:
                self._queue.popleft()
                self._dropped += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="raglass-metrics", daemon=True)
                self._thread.start()

    @property
    def counts(self) -> EmitCounts:
        """What became of the measures so far."""
        with self._lock:
            waiting = len(self._queue) + self._in_flight
            return EmitCounts(self._sent, self._dropped, waiting, self._calls, self._problem)

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Send what waits without waiting for more; whether nothing waits any more after at most `timeout_s` seconds."""
        self._hurry.set()
        with self._idle:
            return self._idle.wait_for(lambda: not self._queue and not self._in_flight, timeout_s)

    def close(self, timeout_s: float = 5.0) -> None:
        """Send what waits, each batch tried once more, then stop. What is left after `timeout_s` seconds is dropped."""
        self._stopping.set()
        self._hurry.set()
        with self._lock:  # it is not begun by half
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        with self._lock:
            self._dropped += len(self._queue)
            self._queue.clear()

    def _run(self) -> None:
        while True:
            if not self._stopping.is_set():
                self._hurry.wait(self._period_s)
                self._hurry.clear()
            with self._lock:
                measures = list(self._queue)
                self._queue.clear()
                self._in_flight = len(measures)
            self._send(measures)
            with self._idle:
                self._in_flight = 0
                self._idle.notify_all()
                if self._stopping.is_set() and not self._queue:
                    return

    def _send(self, measures: Sequence[Measure]) -> None:
        now_s = time.time()
        fit = [measure for measure in measures if now_s - OLDEST_S < measure.at_s < now_s + NEWEST_S]
        self._settle(0, len(measures) - len(fit))
        for batch in batches(gather(fit)):
            count = sum(datum.measures for datum in batch)
            if self._deliver(batch):
                self._settle(count, 0)
            else:
                self._settle(0, count)

    def _settle(self, sent: int, dropped: int) -> None:
        with self._lock:
            self._sent += sent
            self._dropped += dropped
            self._in_flight -= sent + dropped

    def _deliver(self, batch: Sequence[Datum]) -> bool:
        """Whether the sink took the batch, in at most `attempts` tries; one try while closing."""
        for attempt in range(self._attempts):
            try:
                self._sink.send(batch)
            except RaglassError as error:
                self._note(str(error))
                if not isinstance(error, BackendError) or not aws.passes(error):
                    return False
            except Exception:
                log.exception("sending metrics failed; the batch is dropped")
                self._note("Sending metrics failed. The details are in the log.")
                return False
            else:
                self._note(None)
                return True
            last = attempt + 1 == self._attempts
            if last or self._stopping.is_set() or self._stopping.wait(aws.wait_s(attempt)):
                return False
        return False

    def _note(self, problem: str | None) -> None:
        """Remember how the last call went; log only a change, so that an outage is one line and not thousands."""
        with self._lock:
            before, self._problem = self._problem, problem
            self._calls += problem is None
        if problem is not None and before is None:
            log.warning("metrics are not sent, questions are answered as before: %s", problem)
        elif problem is None and before is not None:
            log.warning("metrics are sent again")


class CloudWatchSink:
    """PutMetricData. The client is made with the first batch, in the background, since importing boto3 takes a while."""

    ACTION = "cloudwatch:PutMetricData"

    def __init__(self, region: str = "", *, client: Any = None) -> None:
        self._region = region
        self._client = client

    def send(self, batch: Sequence[Datum]) -> None:
        """Send a batch in one call. Raises BackendError, or ConfigError where there is no region."""
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

        if self._client is None:
            self._client = aws.make_client("cloudwatch", self._region, connect_timeout=2.0, read_timeout=5.0)
        data = [
            {
                "MetricName": datum.name,
                "Dimensions": [{"Name": name, "Value": _ascii(value)} for name, value in datum.dimensions],
                "Timestamp": datum.minute_s,
                "Unit": datum.unit,
                "Values": list(datum.values),
                "Counts": [float(count) for count in datum.counts],
            }
            for datum in batch
        ]
        try:
            self._client.put_metric_data(Namespace=NAMESPACE, MetricData=data)
        except ParamValidationError as error:
            raise ConfigError(f"{self.ACTION} was not called: a metric's name or dimension cannot be sent.") from error
        except (BotoCoreError, ClientError) as error:
            raise aws.explain(error, self.ACTION, self._region) from error


def _ascii(value: str) -> str:
    """A dimension's value as CloudWatch takes it: 1 to 255 ASCII characters."""
    return value.encode("ascii", "replace").decode()[:255].strip() or "none"
