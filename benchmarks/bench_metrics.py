"""What metrics cost: how long emitting holds up a question, an outage of CloudWatch, and the Live page over a week.

python -m benchmarks.bench_metrics
python -m benchmarks.bench_metrics --days 1 --questions 1000   # briefly
"""

import argparse
import contextlib
import json
import logging
import os
import resource
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.seeding import make_trace, make_words
from metrics.aws import Unreachable
from metrics.cloudwatch import CloudWatchSource
from metrics.emit import CAPACITY, Datum, MetricsEmitter
from metrics.latency import MINUTE_S, TOTAL, Timing, add_timings
from metrics.store import TraceStore
from pipeline.types import Trace

ROOT = Path(__file__).resolve().parent.parent
BACKEND = "local/embedded"
STAGES = (TOTAL, "embed", "retrieve", "generate")
REPEATS = 9
DAY_S = 86_400


class DownSink:
    """CloudWatch while nobody answers: each call hangs for a while and fails."""

    def __init__(self, hang_s: float) -> None:
        self.hang_s = hang_s
        self.calls = 0

    def send(self, batch: Sequence[Datum]) -> None:
        """Hang, then fail."""
        self.calls += 1
        time.sleep(self.hang_s)
        raise Unreachable("cloudwatch:PutMetricData cannot be reached.")


class TakingSink:
    """CloudWatch that takes everything at once."""

    def send(self, batch: Sequence[Datum]) -> None:
        """Take it."""


def make_traces(count: int) -> Iterator[Trace]:
    """Traces of the size that the store's benchmark uses."""
    import random

    rng, words = random.Random(0), make_words()
    return (make_trace(rng, words) for _ in range(count))


def timed_ms(action: Callable[[], object]) -> float:
    """Milliseconds that an action takes."""
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000


def measure_emit(folder: Path, questions: int) -> dict[str, float]:
    """Milliseconds that a question is held up by emitting, and by storing its trace, in turns."""
    emits, puts = [], []
    emitter = MetricsEmitter(TakingSink())
    with TraceStore.open(f"sqlite:///{folder / 'emit.sqlite'}") as store:
        for trace in make_traces(questions):
            puts.append(timed_ms(lambda trace=trace: store.put(trace)))
            emits.append(timed_ms(lambda trace=trace: emitter.emit(trace)))
    emitter.flush()
    counts = emitter.counts
    emitter.close()
    return {
        "emit, median ms": statistics.median(emits),
        "emit, p99 ms": statistics.quantiles(emits, n=100)[-1],
        "bare put, median ms": statistics.median(puts),
        "emit / put": statistics.median(emits) / statistics.median(puts),
        "measures sent": counts.sent,
        "measures dropped": counts.dropped,
        "calls": counts.calls,
    }


def measure_outage(questions: int) -> dict[str, float]:
    """The same while CloudWatch is down; what memory holds at the end; and that closing gives up."""
    [trace] = make_traces(1)
    ready = MetricsEmitter(TakingSink(), period_s=3_600)
    up = [timed_ms(lambda: ready.emit(trace)) for _ in range(questions)]
    ready.close()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    emitter = MetricsEmitter(DownSink(2.0), period_s=0.01)
    for _ in range(questions):
        emitter.emit(trace)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    waiting = emitter.counts.waiting
    closing_s = timed_ms(lambda: emitter.close(1.0)) / 1000
    down_emitter = MetricsEmitter(DownSink(2.0), period_s=0.01)
    down = [timed_ms(lambda: down_emitter.emit(trace)) for _ in range(questions)]
    down_emitter.close(0.1)
    return {
        "questions": questions,
        "emit while down, median ms": statistics.median(down),
        "emit while down, slowest ms": max(down),
        "emit while up, median ms": statistics.median(up),
        "emit while up, slowest ms": max(up),
        "questions slowed by 5 ms or more": sum(value >= 5.0 for value in down),
        "measures waiting (bound twice the capacity)": waiting,
        "capacity": CAPACITY,
        "memory held, MB": (after - before) / 1e6,
        "closing, s": closing_s,
    }


def seed_minutes(store: TraceStore, days: int) -> int:
    """Sketches of every minute up to now, ten questions each; how many."""
    import random

    rng = random.Random(0)
    now = int(time.time()) // MINUTE_S
    minutes = range(now - days * DAY_S // MINUTE_S, now + 1)
    for start in range(0, len(minutes), 60):
        timings = [
            Timing((minute, BACKEND, stage, "person"), rng.lognormvariate(4, 0.5), False)
            for minute in minutes[start : start + 60]
            for stage in STAGES
            for _ in range(10)
        ]
        with store._database.writing() as connection:
            add_timings(connection, timings)
    [trace] = make_traces(1)
    store.put(trace)  # the list of backends comes from traces
    return len(minutes) * len(STAGES)


class SteadyCloudWatch:
    """A client whose every metric has a value each period; it counts calls and the series asked for."""

    def __init__(self) -> None:
        self.calls = 0
        self.series = 0

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        """Values for every period that was asked for."""
        self.calls += 1
        self.series = len(request["MetricDataQueries"])
        period_s = request["MetricDataQueries"][0]["MetricStat"]["Period"]
        stamps = [datetime.fromtimestamp(t, UTC) for t in range(request["StartTime"], request["EndTime"], period_s)]
        values = [10.0] * len(stamps)
        results = [
            {"Id": query["Id"], "Timestamps": stamps, "Values": values, "StatusCode": "Complete"}
            for query in request["MetricDataQueries"]
        ]
        return {"MetricDataResults": results}

    def describe_alarms(self, **request: Any) -> dict[str, Any]:
        """None."""
        return {"MetricAlarms": []}


def run_page(address: dict[str, str]) -> tuple[Any, float]:
    """A new session on the Live page, and the seconds its script took."""
    from streamlit.testing.v1 import AppTest

    test = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=300).switch_page("../pages/live.py")
    for name, value in address.items():
        test.query_params[name] = value
    took_s = timed_ms(test.run) / 1000
    assert not test.exception, test.exception
    return test, took_s


def measure_page(folder: Path, days: int) -> dict[str, float]:
    """Script seconds of the Live page over `days` of minutes, from the store and from CloudWatch; and calls a refresh."""
    import streamlit as st

    from app import services
    from app.live.reading import Live
    from metrics.alarms import AlarmReader

    os.environ |= {"RAGLASS_DATA_DIR": str(folder), "RAGLASS_DATABASE_URL": "", "RAGLASS_METRICS_SOURCE": "cloudwatch"}
    services.services.cache_clear()
    current = services.services()
    client, clock = SteadyCloudWatch(), [time.time()]
    live = Live(
        current.settings,
        lambda: current.store,
        cloudwatch=CloudWatchSource(client=client, clock=lambda: clock[0]),
        alarms=AlarmReader("raglass", client=client),
        clock=lambda: clock[0],
    )
    found: dict[str, float] = {"sketches": seed_minutes(current.store, days)}
    address = {"window": f"{days} day{'s' if days > 1 else ''}", "refresh": "pause", "answered_by": BACKEND}
    with patch.object(services.Services, "live", live):
        for source in ("local", "cloudwatch"):
            run_page({**address, "window": "15 min", "source": source})  # imports are not the page's time
        for source in ("local", "cloudwatch"):
            st.cache_data.clear()
            st.cache_resource.clear()
            found |= _measure_source(source, address, client, clock)
    current.close()
    return found


def _measure_source(
    source: str, address: dict[str, str], client: SteadyCloudWatch, clock: list[float]
) -> dict[str, float]:
    """The page over one source: its first run, reruns, and refreshes, for each of which `clock` goes on a minute."""
    before = client.calls
    test, first_s = run_page({**address, "source": source})
    first_calls, before = client.calls - before, client.calls
    found = {f"{source}: first run, s": first_s}
    found[f"{source}: rerun, nothing changed, s"] = statistics.median(timed_ms(test.run) / 1000 for _ in range(REPEATS))
    if source == "cloudwatch":
        found["cloudwatch: calls of the first run"] = first_calls
        found["cloudwatch: calls of the reruns"] = client.calls - before
        found["cloudwatch: series"] = client.series
    before, refreshes = client.calls, []
    for _ in range(REPEATS):
        clock[0] += 60
        refreshes.append(timed_ms(test.run) / 1000)
    found[f"{source}: refresh a minute later, s"] = statistics.median(refreshes)
    if source == "cloudwatch":
        found["cloudwatch: calls a refresh"] = (client.calls - before) / REPEATS
    return found


def report(results: dict[str, dict[str, float]]) -> Iterator[str]:
    """The results as lines of text."""
    for part, figures in results.items():
        yield f"\n{part}"
        yield from (f"  {name:<46}{value:>14,.4g}" for name, value in figures.items())


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--questions", type=int, default=10_000, help="questions asked while CloudWatch is down")
    options.add_argument("--days", type=int, choices=(1, 3, 7), default=7, help="days of minute data")
    options.add_argument("--json", action="store_true", help="print JSON")
    chosen = options.parse_args()
    logging.disable(logging.WARNING)  # that CloudWatch is down is what is measured
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ))
        folder = Path(temporary)
        results = {
            "emitting": measure_emit(folder, min(chosen.questions, 2_000)),
            "CloudWatch down": measure_outage(chosen.questions),
            f"Live page, {chosen.days} days of minutes": measure_page(folder, chosen.days),
        }
        results["process"] = {"peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    print(json.dumps(results, indent=1) if chosen.json else "\n".join(report(results)), file=sys.stdout)


if __name__ == "__main__":
    main()
